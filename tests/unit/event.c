/* SPDX-License-Identifier: MIT */
/* Filling an event: the texts of spec 02 section 3. */
#include "sysmon/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void assert_text(const struct event *event, unsigned field, const char *expected)
{
    assert_int_equal(event->text[field].size, strlen(expected));
    assert_memory_equal(event->text[field].data, expected, strlen(expected));
}

static void unset_fields(void **state)
{
    struct event event;

    event_init(&event, catalogue_find(EVENT_CREATE_PROCESS), CATALOGUE_WINDOWS);
    assert_text(&event, CREATE_PROCESS_RuleName, "-");
    assert_text(&event, CREATE_PROCESS_ProcessGuid, "{00000000-0000-0000-0000-000000000000}");
    assert_text(&event, CREATE_PROCESS_ProcessId, "0");
    assert_text(&event, CREATE_PROCESS_LogonId, "0x0");
    event_init(&event, catalogue_find(EVENT_NETWORK_CONNECT), CATALOGUE_WINDOWS);
    assert_text(&event, NETWORK_CONNECT_Initiated, "false");
    event_set_string(&event, NETWORK_CONNECT_User, "");
    assert_text(&event, NETWORK_CONNECT_User, "-");
    event_set_string(&event, NETWORK_CONNECT_User, NULL);
    assert_text(&event, NETWORK_CONNECT_User, "-");
}

static void numbers(void **state)
{
    struct event event;

    event_init(&event, catalogue_find(EVENT_CREATE_PROCESS), CATALOGUE_WINDOWS);
    event_set_number(&event, CREATE_PROCESS_ProcessId, 4294967295u);
    assert_text(&event, CREATE_PROCESS_ProcessId, "4294967295");
    event_set_number(&event, CREATE_PROCESS_ProcessId, 7); /* again: replaces */
    assert_text(&event, CREATE_PROCESS_ProcessId, "7");
    assert_int_equal(event.number[CREATE_PROCESS_ProcessId], 7);
    event_set_number(&event, CREATE_PROCESS_LogonId, 0x3E7);
    assert_text(&event, CREATE_PROCESS_LogonId, "0x3e7");
    event_init(&event, catalogue_find(EVENT_CREATE_PROCESS), CATALOGUE_LINUX);
    assert_text(&event, CREATE_PROCESS_LogonId, "0");
    event_set_number(&event, CREATE_PROCESS_LogonId, 5ull << 32 | 100000);
    assert_text(&event, CREATE_PROCESS_LogonId, "100000");
    event_init(&event, catalogue_find(EVENT_NETWORK_CONNECT), CATALOGUE_LINUX);
    event_set_number(&event, NETWORK_CONNECT_Initiated, 1);
    assert_text(&event, NETWORK_CONNECT_Initiated, "true");
    event_init(&event, catalogue_find(EVENT_ACCESS_PROCESS), CATALOGUE_WINDOWS);
    event_set_number(&event, ACCESS_PROCESS_GrantedAccess, 0x1410);
    assert_text(&event, ACCESS_PROCESS_GrantedAccess, "0x1410");
}

/* The worked example of spec 02 section 3.2. */
static void guid(void **state)
{
    const uint64_t time = FILETIME_UNIX_EPOCH + 0x62112A54ull * 10000000;
    struct sysmon_guid composed = guid_compose(0x08DA6306, time, 0x001000000000010Bull);
    struct event event;

    event_init(&event, catalogue_find(EVENT_CREATE_PROCESS), CATALOGUE_LINUX);
    event_set_guid(&event, CREATE_PROCESS_ProcessGuid, &composed);
    assert_text(&event, CREATE_PROCESS_ProcessGuid, "{08da6306-2a54-6211-0b01-000000001000}");
    composed = guid_compose(1, 0, 0x3E7);
    event_set_guid(&event, CREATE_PROCESS_LogonGuid, &composed);
    assert_text(&event, CREATE_PROCESS_LogonGuid, "{00000001-0000-0000-e703-000000000000}");
}

static void assert_time(uint64_t filetime, const char *expected)
{
    char text[48];

    assert_int_equal(format_time(text, filetime), strlen(expected));
    assert_memory_equal(text, expected, strlen(expected));
}

static void times(void **state)
{
    const uint64_t day = 864000000000ull;
    char text[48];

    assert_time(0, "1601-01-01 00:00:00.000");
    assert_time(FILETIME_UNIX_EPOCH, "1970-01-01 00:00:00.000");
    assert_time(FILETIME_UNIX_EPOCH + 1709626530ull * 10000000 + 1239999, "2024-03-05 08:15:30.123");
    assert_time(FILETIME_UNIX_EPOCH + 1709164800ull * 10000000, "2024-02-29 00:00:00.000");
    assert_time(FILETIME_UNIX_EPOCH - 1, "1969-12-31 23:59:59.999");
    assert_time(FILETIME_UNIX_EPOCH + 951868799ull * 10000000, "2000-02-29 23:59:59.000");
    assert_time(FILETIME_UNIX_EPOCH + 4107542399ull * 10000000, "2100-02-28 23:59:59.000");
    assert_time(FILETIME_UNIX_EPOCH + 4107542400ull * 10000000, "2100-03-01 00:00:00.000");
    assert_time(day * 145731, "2000-01-01 00:00:00.000");
    assert_time(1ull << 63, "Incorrect filetime: 0x8000000000000000");
    assert_int_equal(format_time_fraction(text, FILETIME_UNIX_EPOCH + 12, 'T', 9), 29);
    assert_memory_equal(text, "1970-01-01T00:00:00.000001200", 29);
}

static void utc_time_dates_the_event(void **state)
{
    struct event event;

    event_init(&event, catalogue_find(EVENT_FILE_CREATE), CATALOGUE_LINUX);
    event_set_time(&event, FILE_CREATE_CreationUtcTime, 5);
    assert_int_equal(event.time, 0);
    event_set_time(&event, FILE_CREATE_UtcTime, 5);
    assert_int_equal(event.time, 5);
}

static void extras_are_bounded(void **state)
{
    struct event event;

    event_init(&event, catalogue_find(EVENT_FILE_CREATE), CATALOGUE_LINUX);
    for (unsigned i = 0; i < 2 * EVENT_MAX_EXTRAS; i++)
        event_add_extra(&event, "ContainerId", "x", 1, false);
    assert_int_equal(event.extra_count, EVENT_MAX_EXTRAS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unset_fields), cmocka_unit_test(numbers), cmocka_unit_test(guid), cmocka_unit_test(times),
        cmocka_unit_test(utc_time_dates_the_event), cmocka_unit_test(extras_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
