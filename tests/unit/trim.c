/* SPDX-License-Identifier: MIT */
/* Shortening before output: FieldSizes and the overall limits (spec 02 section 3.20), and percent doubling (3.8). */
#include "sysmon/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void trimmed(const char *text, uint16_t limit, const char *expected, bool cut)
{
    uint16_t sizes[CATALOGUE_MAX_FIELDS] = { 0 };
    struct event event;

    event_init(&event, catalogue_find(EVENT_FILE_CREATE), CATALOGUE_LINUX);
    event_set_string(&event, FILE_CREATE_TargetFilename, text);
    sizes[FILE_CREATE_TargetFilename] = limit;
    event_trim(&event, sizes);
    assert_int_equal(event.text[FILE_CREATE_TargetFilename].size, strlen(expected));
    assert_memory_equal(event.text[FILE_CREATE_TargetFilename].data, expected, strlen(expected));
    assert_int_equal(event.cut, (uint32_t)cut << FILE_CREATE_TargetFilename);
}

static void field_sizes(void **state)
{
    trimmed("abcdef", 0, "abcdef", false);
    trimmed("abcdef", 6, "abcdef", false);
    trimmed("abcdef", 5, "ab", true);
    trimmed("abcdef", 3, "", true);
    trimmed("abcdef", 2, "-", false);
    trimmed("abcdef", 1, "-", false);
    trimmed("a", 1, "a", false);
    /* Characters, never halves of them: U+1F600 counts two units, a stray byte one. */
    trimmed("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 5, "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", false);
    trimmed("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 4, "\xc3\xbc", true);
    trimmed("a\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 5, "a\xf0\x9f\x98\x80\xf0\x9f\x98\x80", false);
    trimmed("a\xf0\x9f\x98\x80\xf0\x9f\x98\x80z", 5, "a", true);
    trimmed("\xff\xff\xff\xff\xff", 4, "\xff", true);
}

static void numbers_are_left_alone(void **state)
{
    uint16_t sizes[CATALOGUE_MAX_FIELDS];
    struct event event;

    for (unsigned i = 0; i < CATALOGUE_MAX_FIELDS; i++)
        sizes[i] = 1;
    event_init(&event, catalogue_find(EVENT_FILE_CREATE), CATALOGUE_LINUX);
    event_set_number(&event, FILE_CREATE_ProcessId, 12345);
    event_trim(&event, sizes);
    assert_int_equal(event.text[FILE_CREATE_ProcessId].size, 5);
    assert_int_equal(event.text[FILE_CREATE_ProcessGuid].size, 38);
}

static char *repeated(char c, size_t size)
{
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, c, size);
    return text;
}

static void longest_text(void **state)
{
    char *text = repeated('x', 40000);
    struct event event;

    event_init(&event, catalogue_find(EVENT_FILE_CREATE), CATALOGUE_LINUX);
    event_set_text(&event, FILE_CREATE_TargetFilename, text, EVENT_MAX_CHARACTERS);
    event_trim(&event, NULL);
    assert_int_equal(event.text[FILE_CREATE_TargetFilename].size, EVENT_MAX_CHARACTERS);
    event_set_text(&event, FILE_CREATE_TargetFilename, text, 40000);
    event_trim(&event, NULL);
    assert_int_equal(event.text[FILE_CREATE_TargetFilename].size, EVENT_MAX_CHARACTERS - 3);
    assert_int_equal(event.cut, 1u << FILE_CREATE_TargetFilename);
    free(text);
}

static void process_create(struct event *event, enum catalogue_system system, const char *text, size_t command, size_t parent)
{
    event_init(event, catalogue_find(EVENT_CREATE_PROCESS), system);
    event_set_text(event, CREATE_PROCESS_CommandLine, text, command);
    event_set_text(event, CREATE_PROCESS_ParentCommandLine, text, parent);
    event_trim(event, NULL);
}

/* The parent's command line pays first, down to 260 characters, then the process's own. */
static void event1_as_a_whole(void **state)
{
    char *text = repeated('x', 40000);
    struct event event;
    size_t sum = 0;

    process_create(&event, CATALOGUE_WINDOWS, text, 20000, 10000);
    assert_int_equal(event.cut, 0);
    process_create(&event, CATALOGUE_WINDOWS, text, 20000, 20000);
    assert_int_equal(event.text[CREATE_PROCESS_CommandLine].size, 20000);
    assert_in_range(event.text[CREATE_PROCESS_ParentCommandLine].size, 10500, 10999);
    process_create(&event, CATALOGUE_WINDOWS, text, 31839, 20000);
    assert_int_equal(event.text[CREATE_PROCESS_ParentCommandLine].size, 260);
    assert_in_range(event.text[CREATE_PROCESS_CommandLine].size, 30000, 30700);
    process_create(&event, CATALOGUE_LINUX, text, 31839, 31839);
    for (unsigned i = 0; i < event.type->field_count; i++)
        sum += event.text[i].size + 1 + (event.cut >> i & 1) * 3;
    assert_int_equal(sum, 62000);
    assert_int_equal(event.cut, 1u << CREATE_PROCESS_ParentCommandLine);
    free(text);
}

static void percent(void **state)
{
    char out[16];

    assert_int_equal(format_percent(NULL, "100% %", 6), 8);
    assert_int_equal(format_percent(out, "100% %", 6), 8);
    assert_memory_equal(out, "100%% %%", 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_sizes), cmocka_unit_test(numbers_are_left_alone), cmocka_unit_test(longest_text),
        cmocka_unit_test(event1_as_a_whole), cmocka_unit_test(percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
