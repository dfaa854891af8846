/* SPDX-License-Identifier: MIT */
/* The wire contract as the build machine sees it; its layout is held by the static assertions of the header itself. */
#include "sysmon/wire.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_codes(void **state)
{
    assert_int_equal(WIRE_IOCTL_GET_VERSION, 0x83400000u);
    assert_int_equal(WIRE_IOCTL_READ_EVENT, 0x83400004u);
    assert_int_equal(WIRE_IOCTL_UPDATE_CONFIG, 0x83400008u);
    assert_int_equal(WIRE_IOCTL_PROCESS_CACHE, 0x8340000Cu);
    assert_int_equal(WIRE_IOCTL_FILE_DELETE_FILTER_RESULT, 0x83400010u);
}

/* A text extension of a registry record lies behind the body, not behind the union of bodies (spec 06 section 4). */
static void test_extension_follows_own_body(void **state)
{
    assert_int_equal(WIRE_BODY_OFFSET + sizeof(struct wire_registry_event), 72);
    assert_true(WIRE_MINIMUM_RECORD_SIZE % WIRE_RECORD_ALIGNMENT == 0);
    assert_true(WIRE_MAX_EVENT_SIZE % WIRE_RECORD_ALIGNMENT == 0);
}

/* Largest fixed part of a record, so that the minimum size really covers every body. */
static void test_minimum_covers_every_body(void **state)
{
    assert_true(sizeof(struct wire_process_create) <= WIRE_MINIMUM_RECORD_SIZE - WIRE_BODY_OFFSET);
    assert_true(sizeof(struct wire_raw_access_read) <= WIRE_MINIMUM_RECORD_SIZE - WIRE_BODY_OFFSET);
    assert_true(sizeof(struct wire_file_delete) <= WIRE_MINIMUM_RECORD_SIZE - WIRE_BODY_OFFSET);
    assert_true(WIRE_FRAMES_LIMIT * sizeof(struct wire_frame) < WIRE_MAX_EVENT_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_extension_follows_own_body),
        cmocka_unit_test(test_minimum_covers_every_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
