/* SPDX-License-Identifier: MIT */
/* Letter case and raw bytes. */
#include "../../src/engine/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void upper(void **state)
{
    assert_int_equal(fold_upper('a'), 'A');
    assert_int_equal(fold_upper('['), '[');
    assert_int_equal(fold_upper('{'), '{');
    assert_int_equal(fold_upper(0xe9), 0xc9);
    assert_int_equal(fold_upper(0xff), 0x178);
    assert_int_equal(fold_upper(0xdf), 0xdf);       /* no simple upper case */
    assert_int_equal(fold_upper(0x1fb3), 0x1fbc);   /* not the two letters of the full mapping */
    assert_int_equal(fold_upper(0x3c2), 0x3a3);
    assert_int_equal(fold_upper(0x10428), 0x10400);
    assert_int_equal(fold_upper(0x10ffff), 0x10ffff);
    for (uint32_t c = 0; c < 0x110000; c++)
        assert_int_equal(fold_upper(fold_upper(c)), fold_upper(c));
}

static void fold(const char *text, size_t size, char *out, uint32_t *out_size)
{
    *out_size = fold_text((const uint8_t *)text, (uint32_t)size, (uint8_t *)out);
}

static void assert_folds(const char *text, const char *expected)
{
    char out[64];
    uint32_t size;

    fold(text, strlen(text), out, &size);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(out, expected, size);
}

static void stray_bytes(void **state)
{
    assert_folds("a\xc3\xa9z", "A\xc3\x89Z");
    assert_folds("a\xc3z", "A\xc3Z");                         /* a lead byte alone */
    assert_folds("\xa9\xa9", "\xa9\xa9");
    assert_folds("\xe2\x82", "\xe2\x82");                     /* cut at the end */
    assert_folds("\xe0\x81\xa1", "\xe0\x81\xa1");             /* overlong a */
    assert_folds("\xed\xa0\x80", "\xed\xa0\x80");             /* half a surrogate pair */
    assert_folds("\xf4\x90\x80\x80", "\xf4\x90\x80\x80");     /* beyond the last code point */
    assert_folds("\xf0\x90\x90\xa8", "\xf0\x90\x90\x80");
    assert_folds("\xc9\x90", "\xe2\xb1\xaf");                 /* grows by a byte */
}

/* Every text of up to five bytes out of twelve: reading from the end gives the units of reading from the start. */
static void both_directions(void **state)
{
    static const uint8_t bytes[12] = { 'a', 0x80, 0xa9, 0xbf, 0xc3, 0xe0, 0xe2, 0xed, 0xf0, 0xf4, 0xff, 0x90 };

    for (uint32_t n = 0; n < 12 * 12 * 12 * 12 * 12; n++) {
        uint8_t text[5], starts = 0, ends = 0;
        struct fold_unit unit;
        uint32_t rest = n;

        for (int i = 0; i < 5; i++, rest /= 12)
            text[i] = bytes[rest % 12];
        for (uint32_t i = 0; i < 5; i += fold_forward(text + i, text + 5, &unit))
            starts |= (uint8_t)(1 << i);
        for (uint32_t i = 5; i > 0;) {
            i -= fold_backward(text, text + i, &unit);
            ends |= (uint8_t)(1 << i);
        }
        assert_int_equal(starts, ends);
    }
}

static void utf16(void **state)
{
    static const uint8_t units[] = { 'a', 0, 0xe9, 0, 0x01, 0xd8, 0x28, 0xdc, 0x01, 0xd8, 'b', 0, 0x28, 0xdc };
    struct blob_text text = { units, 7 };
    uint8_t out[21];
    uint32_t size = fold_utf16(&text, 0, 7, out);

    assert_int_equal(size, 1 + 2 + 4 + 3 + 1 + 3);
    assert_memory_equal(out, "A\xc3\x89\xf0\x90\x90\x80\xed\xa0\x81" "B\xed\xb0\xa8", size);
}

static int compare(const char *text, const char *value)
{
    return fold_compare((const uint8_t *)text, (uint32_t)strlen(text), (const uint8_t *)value, (uint32_t)strlen(value));
}

static void order(void **state)
{
    assert_true(compare("9", "1024") > 0);
    assert_true(compare("a", "_") < 0); /* upper case: A before _ */
    assert_int_equal(compare("b", "B"), 0);
    assert_true(compare("ab", "A") > 0);
    assert_true(compare("a", "AB") < 0);
    assert_true(compare("", "A") < 0);
    assert_int_equal(compare("", ""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upper), cmocka_unit_test(stray_bytes), cmocka_unit_test(both_directions), cmocka_unit_test(utf16),
        cmocka_unit_test(order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
