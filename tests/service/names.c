/* SPDX-License-Identifier: MIT */
/* Names of addresses: asked once, answered, forgotten in the order of use, asked again without an answer only after a while. */
#include "name_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t secret[16] = { 5 };

static struct name_key key_of(unsigned number)
{
    return (struct name_key){ { (uint8_t)(number >> 8), (uint8_t)number }, NAME_TCP_PORT };
}

static void answers(void **state)
{
    struct name_key a = key_of(1), b = key_of(2);
    struct name_cache *cache;
    char longest[400];

    memset(longest, 'x', sizeof(longest));
    assert_int_equal(name_cache_create(&cache, 0, secret), 0);
    assert_int_equal(name_cache_find(cache, &a).size, 0);
    assert_true(name_cache_ask(cache, &a, 100));
    assert_false(name_cache_ask(cache, &a, 101));
    assert_int_equal(name_cache_find(cache, &a).size, 0);
    name_cache_answer(cache, &a, "a.example", 9);
    assert_memory_equal(name_cache_find(cache, &a).data, "a.example", 9);
    assert_false(name_cache_ask(cache, &a, 100 + 2 * NAME_RETRY));
    name_cache_answer(cache, &b, "nobody asked", 12);
    assert_int_equal(name_cache_find(cache, &b).size, 0);
    assert_true(name_cache_ask(cache, &b, 0xFFFFFFF0u)); /* the clock wraps */
    assert_false(name_cache_ask(cache, &b, NAME_RETRY - 0x20));
    assert_true(name_cache_ask(cache, &b, NAME_RETRY));
    name_cache_forget(cache, &b);
    assert_true(name_cache_ask(cache, &b, NAME_RETRY));
    name_cache_answer(cache, &b, longest, sizeof(longest));
    assert_int_equal(name_cache_find(cache, &b).size, NAME_LIMIT_BYTES);
    name_cache_destroy(cache);
}

static void bounded(void **state)
{
    struct name_key first = key_of(0);
    struct name_cache *cache;

    assert_int_equal(name_cache_create(&cache, 50, secret), 0);
    for (unsigned i = 0; i < 5000; i++) {
        struct name_key key = key_of(i), old = key_of(i - 49), older = key_of(i - 50);

        assert_true(name_cache_ask(cache, &key, 0));
        name_cache_answer(cache, &key, "n", 1);
        if (i)
            assert_false(name_cache_ask(cache, &first, 0)); /* used again and again: it stays */
        if (i > 60) {
            assert_int_equal(name_cache_find(cache, &old).size, 0);
            assert_int_equal(name_cache_find(cache, &older).size, 0);
        }
    }
    assert_int_equal(name_cache_find(cache, &first).size, 1);
    name_cache_destroy(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(answers), cmocka_unit_test(bounded) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
