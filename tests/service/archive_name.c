/* SPDX-License-Identifier: MIT */
/* Paths in the archive: what a record says must never lead out of it. */
#include "archive_name.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct match_text text(const char *terminated)
{
    return (struct match_text){ terminated, (uint32_t)strlen(terminated) };
}

static void test_path(void **state)
{
    static const char *const bad_names[] = { "", ".", "..", "a\\b", "a/b", "a:b", "..\\x", ".hidden", "a b" };
    static const char *const bad_directories[] = { "", "\\", "\\\\", "\\..\\", "\\.\\", "\\a\\b\\", "a\\", "\\a", "\\a:b\\" };
    static const char *const bad_files[] = { "", "\\Device\\x", "C:", "C:x\\y", "\\\\server\\share\\f" };
    char out[ARCHIVE_PATH_SIZE];

    (void)state;
    assert_int_equal(archive_path(out, "\\Sysmon\\", text("C:\\x\\f.exe"), text("01AB-2.exe")), 0);
    assert_string_equal(out, "C:\\Sysmon\\01AB-2.exe");
    for (unsigned i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++)
        assert_int_equal(archive_path(out, "\\Sysmon\\", text("C:\\f"), text(bad_names[i])), -EINVAL);
    for (unsigned i = 0; i < sizeof(bad_directories) / sizeof(bad_directories[0]); i++)
        assert_int_equal(archive_path(out, bad_directories[i], text("C:\\f"), text("n")), -EINVAL);
    for (unsigned i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++)
        assert_int_equal(archive_path(out, "\\Sysmon\\", text(bad_files[i]), text("n")), -EINVAL);
}

static void test_final(void **state)
{
    char out[ARCHIVE_PATH_SIZE];

    (void)state;
    assert_int_equal(archive_final_path(out, "\\S\\", text("D:\\a.b\\f.exe"), text("SHA1=AB,MD5=CD")), 0);
    assert_string_equal(out, "D:\\S\\ABCD.exe");
    assert_int_equal(archive_final_path(out, "\\S\\", text("D:\\a.b\\f"), text("MD5=CD")), 0);
    assert_string_equal(out, "D:\\S\\CD");
    assert_int_equal(archive_final_path(out, "\\S\\", text("D:\\f.much-too-long-an-extension"), text("MD5=CD")), 0);
    assert_string_equal(out, "D:\\S\\CD");
    assert_int_equal(archive_final_path(out, "\\S\\", text("D:\\f.e:x"), text("MD5=CD")), 0);
    assert_string_equal(out, "D:\\S\\CD");
    assert_int_equal(archive_final_path(out, "\\S\\", text("D:\\f"), text("")), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_path), cmocka_unit_test(test_final) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
