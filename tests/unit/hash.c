/* SPDX-License-Identifier: MIT */
/* Digests, algorithm lists and the text of hashes. */
#include "sysmon/hash.h"

#include "port/digest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void lists(void **state)
{
    static const struct {
        const char *text;
        uint32_t registry;
    } good[] = {
        { "*", 0x8000000f }, { "all", 0x8000000f }, { "ALL", 0x8000000f }, { "sha1", 1 }, { "SHA-1", 1 }, { "md5", 2 },
        { "Md-5", 2 }, { "sha256", 3 }, { "SHA-256", 3 }, { "imphash", 4 }, { "IMP-HASH", 4 }, { "md5,md5", 0x80000002 },
        { "imphash,sha1", 0x80000009 }, { "MD5,SHA256,IMPHASH", 0x8000000e },
    };
    static const struct {
        const char *text, *name;
    } bad[] = {
        { "MD5, SHA1", " SHA1" }, { "sha512", "sha512" }, { "", "" }, { "md5,", "" }, { "md5,,sha1", "" }, { "sha1,*", "*" },
        { "sha", "sha" }, { "sha11", "sha11" },
    };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint32_t registry = 0;

        assert_int_equal(hash_parse(&registry, good[i].text, strlen(good[i].text), NULL, NULL), 0);
        assert_int_equal(registry, good[i].registry);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t registry = 77;
        const char *name;
        size_t size;

        assert_int_equal(hash_parse(&registry, bad[i].text, strlen(bad[i].text), &name, &size), -EINVAL);
        assert_int_equal(registry, 77);
        assert_int_equal(size, strlen(bad[i].name));
        assert_memory_equal(name, bad[i].name, size);
    }
}

static void registry_form(void **state)
{
    assert_int_equal(hash_mask(0), 0);
    assert_int_equal(hash_mask(3), HASH_SHA256);
    assert_int_equal(hash_mask(4), HASH_IMPHASH); /* not SHA256: an ordinal, not a bit */
    assert_int_equal(hash_mask(5), 0);
    assert_int_equal(hash_mask(0x80000000), 0);
    assert_int_equal(hash_mask(0x80000005), HASH_SHA1 | HASH_SHA256);
    for (uint32_t mask = 1; mask <= HASH_ALL; mask++)
        assert_int_equal(hash_mask(hash_registry(mask)), mask);
    assert_int_equal(hash_registry(0), 0);
}

static void text(void **state)
{
    static const char data[] = "abc";
    struct byte_buffer buffer = { data, 3 };
    struct byte_source source = byte_source_buffer(&buffer);
    struct hash_values values;
    char out[HASH_TEXT_SIZE];
    unsigned size;

    assert_int_equal(hash_compute(&values, HASH_ALL, &source), 0);
    size = hash_format(out, &values, false);
    assert_int_equal(size, strlen(out));
    assert_string_equal(out, "SHA1=a9993e364706816aba3e25717850c26c9cd0d89d,MD5=900150983cd24fb0d6963f7d28e17f72,"
                             "SHA256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad,"
                             "IMPHASH=00000000000000000000000000000000");
    assert_int_equal(hash_compute(&values, HASH_MD5, &source), 0);
    assert_int_equal(hash_format(out, &values, true), 36);
    assert_string_equal(out, "MD5=900150983CD24FB0D6963F7D28E17F72");
    assert_int_equal(hash_compute(&values, HASH_IMPHASH, &source), 0);
    hash_format(out, &values, true);
    assert_string_equal(out, "IMPHASH=00000000000000000000000000000000");
    values.mask = 0;
    assert_int_equal(hash_format(out, &values, true), 0);
    assert_string_equal(out, "");
}

static void several_blocks(void **state)
{
    static uint8_t data[200001];
    struct byte_buffer buffer = { data, sizeof data };
    struct byte_source source = byte_source_buffer(&buffer);
    struct hash_values values;
    struct digest *digest;
    struct digest_values once;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    assert_int_equal(hash_compute(&values, HASH_SHA1 | HASH_SHA256, &source), 0);
    assert_int_equal(digest_open(&digest, DIGEST_ALL), 0);
    for (int round = 0; round < 2; round++) { /* the second message after the first */
        assert_int_equal(digest_update(digest, data, sizeof data), 0);
        assert_int_equal(digest_finish(digest, &once), 0);
        assert_memory_equal(once.value[DIGEST_SHA1], values.sha1, 20);
        assert_memory_equal(once.value[DIGEST_SHA256], values.sha256, 32);
    }
    digest_close(digest);
}

static int64_t failing(void *context, uint64_t offset, void *data, size_t size)
{
    memset(data, 0, size);
    return offset ? -EIO : (int64_t)size;
}

static void unreadable(void **state)
{
    struct byte_source source = { failing, NULL };
    struct hash_values values = { .mask = 99 };

    assert_int_equal(hash_compute(&values, HASH_SHA1, &source), -EIO);
    assert_int_equal(values.mask, 99);
    assert_int_equal(digest_open(&(struct digest *){ 0 }, 0), -EINVAL);
    assert_int_equal(digest_open(&(struct digest *){ 0 }, 8), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),          cmocka_unit_test(registry_form), cmocka_unit_test(text),
        cmocka_unit_test(several_blocks), cmocka_unit_test(unreadable),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
