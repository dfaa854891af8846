/* SPDX-License-Identifier: MIT */
/* The process table against the rules of spec 01 section 6, and against a plain list under random operations. */
#include "sysmon/process_table.h"

#include "engine/siphash.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MS 10000ull
#define SECOND 10000000ull

static const uint8_t key[16] = { 1, 2, 3 };

static struct process_table *table_of(uint32_t processes, size_t bytes)
{
    struct process_table_limits limits = { processes, bytes };
    struct process_table *table;

    assert_int_equal(process_table_create(&table, &limits, key), 0);
    return table;
}

static struct match_text text_of(const char *terminated)
{
    return (struct match_text){ terminated, (uint32_t)strlen(terminated) };
}

static const struct process *add(struct process_table *table, uint32_t pid, uint64_t create, uint64_t object, const char *image,
                                 uint64_t now)
{
    struct process process = { .pid = pid, .create_time = create, .object = object };
    const struct process *stored = NULL;

    process.text[PROCESS_IMAGE] = text_of(image);
    assert_int_equal(process_table_add(table, &process, now, &stored), 0);
    return stored;
}

static void assert_image(struct process_table *table, uint32_t pid, uint64_t time, uint64_t object, const char *image)
{
    const struct process *process = process_table_find(table, pid, time, object);

    if (!image) {
        assert_null(process);
        return;
    }
    assert_non_null(process);
    assert_int_equal(process->text[PROCESS_IMAGE].size, strlen(image));
    assert_memory_equal(process->text[PROCESS_IMAGE].data, image, strlen(image));
}

static void by_time(void **state)
{
    struct process_table *table = table_of(0, 0);

    add(table, 10, 1000 * MS, 0, "/a", 1);
    assert_image(table, 10, 0, 0, "/a");
    assert_image(table, 10, 1000 * MS, 0, "/a");
    assert_image(table, 10, 1000 * MS - 1, 0, NULL);
    assert_image(table, 11, 0, 0, NULL);
    assert_int_equal(process_table_end(table, 10, 0, 2000 * MS, 2), 0);
    assert_image(table, 10, 2500 * MS, 0, "/a");
    assert_image(table, 10, 2500 * MS + 1, 0, NULL);
    assert_image(table, 10, 0, 0, "/a");
    assert_int_equal(process_table_end(table, 10, 0, 2000 * MS, 2), -ENOENT);
    process_table_destroy(table);
}

static void removal(void **state)
{
    struct process_table *table = table_of(0, 0);
    struct process_table_counters counters;

    add(table, 1, 5, 0, "/a", 0);
    add(table, 2, 5, 0, "/b", 0);
    assert_true(process_table_next_expiry(table) == UINT64_MAX);
    assert_int_equal(process_table_end(table, 1, 0, 6, 100 * SECOND), 0);
    assert_int_equal(process_table_end(table, 2, 0, 6, 101 * SECOND), 0);
    assert_true(process_table_next_expiry(table) == 160 * SECOND);
    assert_int_equal(process_table_expire(table, 160 * SECOND - 1), 0);
    assert_int_equal(process_table_expire(table, 160 * SECOND), 1);
    assert_image(table, 1, 0, 0, NULL);
    assert_image(table, 2, 0, 0, "/b");
    add(table, 3, 5, 0, "/c", 200 * SECOND); /* adding removes what is due */
    assert_image(table, 2, 0, 0, NULL);
    process_table_counters(table, &counters);
    assert_int_equal(counters.processes, 1);
    assert_int_equal(counters.removed, 2);
    process_table_destroy(table);
}

static void pid_reuse(void **state)
{
    struct process_table *table = table_of(0, 0);

    add(table, 7, 1 * SECOND, 0xa, "/first", 1);
    assert_int_equal(process_table_end(table, 7, 0xa, 2 * SECOND, 2), 0);
    add(table, 7, 2 * SECOND + 100 * MS, 0xb, "/second", 3);
    assert_image(table, 7, 2 * SECOND, 0, "/first");
    assert_image(table, 7, 2 * SECOND + 200 * MS, 0, "/second"); /* both could be: the newer one */
    assert_image(table, 7, 2 * SECOND + 200 * MS, 0xa, "/first"); /* identity decides */
    assert_image(table, 7, 0, 0, "/second");
    assert_image(table, 7, 0, 0xc, NULL);
    add(table, 7, 9 * SECOND, 0, "/third", 4); /* the end of the second was lost */
    assert_image(table, 7, 9 * SECOND - 1, 0, "/second");
    assert_image(table, 7, 10 * SECOND, 0xb, "/third"); /* its identity is not known */
    assert_int_equal(process_table_end(table, 7, 0, 11 * SECOND, 5), 0);
    add(table, 7, 5 * SECOND, 0xe, "/late", 6); /* told late: was over before /third */
    assert_image(table, 7, 0, 0, "/third");
    assert_image(table, 7, 6 * SECOND, 0, "/late");
    assert_image(table, 7, 11 * SECOND, 0xe, "/third");
    process_table_destroy(table);
}

static void exec_replaces(void **state)
{
    struct process_table *table = table_of(0, 0);
    struct process_table_counters counters;
    const struct process *process = add(table, 9, 50, 0, "/bin/sh", 1);

    assert_true(process_table_dns_new(table, process, text_of("a.example"), text_of("::1"), 0));
    process = add(table, 9, 50, 0, "/bin/a-longer-name", 1);
    assert_image(table, 9, 60, 0, "/bin/a-longer-name");
    assert_false(process_table_dns_new(table, process, text_of("a.example"), text_of("::1"), 0));
    assert_true(process_table_dns_new(table, process, text_of("a.example"), text_of("::1"), 1));
    assert_true(process_table_dns_new(table, process, text_of("a.example:"), text_of(":1"), 0));
    assert_int_equal(process_table_end(table, 9, 0, 70, 1), 0);
    process = add(table, 9, 50, 0, "/after", 1); /* a record that came after the end: still ended */
    assert_int_equal(process->end_time, 70);
    process_table_counters(table, &counters);
    assert_int_equal(counters.processes, 1);
    assert_int_equal(counters.ended, 1);
    assert_int_equal(process_table_expire(table, 61 * SECOND), 1);
    process_table_counters(table, &counters);
    assert_int_equal(counters.bytes, 0);
    process_table_destroy(table);
}

static void limits(void **state)
{
    struct process_table *table = table_of(3, 0);
    struct process_table_counters counters;
    struct process huge = { .pid = 5 };

    add(table, 1, 1, 0, "/1", 0);
    add(table, 2, 1, 0, "/2", 0);
    add(table, 3, 1, 0, "/3", 0);
    process_table_end(table, 3, 0, 2, 0);
    add(table, 4, 1, 0, "/4", 0); /* the ended one goes first */
    assert_image(table, 3, 0, 0, NULL);
    assert_image(table, 1, 0, 0, "/1"); /* used: now 2 is the oldest */
    add(table, 5, 1, 0, "/5", 0);
    assert_image(table, 2, 0, 0, NULL);
    assert_image(table, 1, 0, 0, "/1");
    process_table_counters(table, &counters);
    assert_int_equal(counters.evicted_ended, 1);
    assert_int_equal(counters.evicted_running, 1);
    process_table_destroy(table);

    table = table_of(0, 4096);
    huge.text[PROCESS_COMMAND_LINE] = (struct match_text){ calloc(1, 5000), 5000 };
    assert_int_equal(process_table_add(table, &huge, 0, NULL), -EFBIG);
    huge.text[PROCESS_COMMAND_LINE].size = 1500;
    for (uint32_t pid = 0; pid < 50; pid++) {
        huge.pid = pid;
        assert_int_equal(process_table_add(table, &huge, 0, NULL), 0);
        process_table_counters(table, &counters);
        assert_true(counters.bytes <= 4096);
    }
    free((void *)(uintptr_t)huge.text[PROCESS_COMMAND_LINE].data);
    process_table_destroy(table);
}

static void dns_bounded(void **state)
{
    struct process_table *table = table_of(0, 0);
    const struct process *process = add(table, 1, 1, 0, "/1", 0);
    struct process_table_counters counters;
    char name[32];

    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 1000; i++) {
            snprintf(name, sizeof name, "h%d.example", i);
            assert_true(process_table_dns_new(table, process, text_of(name), text_of("-"), 0) == (round == 0));
        }
    for (int i = 1000; i < 5000; i++) {
        snprintf(name, sizeof name, "h%d.example", i);
        assert_true(process_table_dns_new(table, process, text_of(name), text_of("-"), 0));
    }
    for (int i = 4000; i < 5000; i++) { /* the newest thousand is known, older ones are not */
        snprintf(name, sizeof name, "h%d.example", i);
        assert_false(process_table_dns_new(table, process, text_of(name), text_of("-"), 0));
    }
    assert_true(process_table_dns_new(table, process, text_of("h3999.example"), text_of("-"), 0));
    process_table_counters(table, &counters);
    assert_int_equal(counters.dns_forgotten, 4001);
    process_table_destroy(table);
}

static void images(void **state)
{
    struct process_table *table = table_of(0, 0);
    const struct process *named = add(table, 1, 1, 0, "/sbin/init", 0), *unnamed;

    assert_memory_equal(process_image(named, 1, CATALOGUE_LINUX).data, "/sbin/init", 10);
    unnamed = add(table, 2, 1, 0, "", 0);
    assert_memory_equal(process_image(unnamed, 2, CATALOGUE_LINUX).data, "<unknown process>", 17);
    assert_int_equal(process_image(NULL, 4, CATALOGUE_WINDOWS).size, 6);
    assert_memory_equal(process_image(NULL, 4, CATALOGUE_WINDOWS).data, "System", 6);
    assert_int_equal(process_image(NULL, 4, CATALOGUE_LINUX).size, 17);
    process_table_destroy(table);
}

/* --- the same as a plain list -------------------------------------------------------------------------------------- */

struct plain {
    uint32_t pid;
    uint64_t create, end, removal;
    int image;
};

static struct plain plain[4096];
static unsigned plain_count;

static void plain_expire(uint64_t now)
{
    for (unsigned i = 0; i < plain_count;)
        if (plain[i].end && plain[i].removal <= now)
            plain[i] = plain[--plain_count];
        else
            i++;
}

static struct plain *plain_find(uint32_t pid, uint64_t time)
{
    struct plain *best = NULL;

    for (struct plain *p = plain; p < plain + plain_count; p++)
        if (p->pid == pid && (!time || (time >= p->create && (!p->end || time <= p->end + PROCESS_END_GRACE)))
            && (!best || p->create > best->create))
            best = p;
    return best;
}

static void plain_add(uint32_t pid, uint64_t create, int image, uint64_t now)
{
    plain_expire(now);
    for (struct plain *p = plain; p < plain + plain_count; p++)
        if (p->pid == pid && !p->end) {
            p->end = create;
            p->removal = now + PROCESS_REMOVAL_DELAY;
        }
    plain[plain_count++] = (struct plain){ pid, create, 0, 0, image };
}

static void against_a_plain_list(void **state)
{
    struct process_table *table = table_of(0, 0);
    uint64_t now = SECOND, random = 88172645463325252ull;
    char image[16];

    plain_count = 0;
    for (int step = 0; step < 40000; step++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        uint32_t pid = 1 + random % 60;
        uint64_t time = now - (random >> 20) % (2 * SECOND);
        struct plain *p;

        now += (random >> 8) % (SECOND / 4);
        if (random % 10 < 2 && plain_count < 4000) {
            snprintf(image, sizeof image, "/%d", step);
            add(table, pid, now, 0, image, now);
            plain_add(pid, now, step, now);
        } else if (random % 10 < 4) {
            p = plain_find(pid, 0);
            assert_int_equal(process_table_end(table, pid, 0, now, now), p && !p->end ? 0 : -ENOENT);
            if (p && !p->end) {
                p->end = now;
                p->removal = now + PROCESS_REMOVAL_DELAY;
            }
        } else {
            process_table_expire(table, now);
            plain_expire(now);
            p = plain_find(pid, random % 3 ? time : 0);
            snprintf(image, sizeof image, "/%d", p ? p->image : 0);
            assert_image(table, pid, random % 3 ? time : 0, 0, p ? image : NULL);
        }
    }
    process_table_destroy(table);
}

static void siphash_vector(void **state)
{
    struct siphash hash;
    uint8_t bytes[16];

    for (int i = 0; i < 16; i++)
        bytes[i] = (uint8_t)i;
    siphash_begin(&hash, bytes);
    siphash_add(&hash, bytes, 7);
    siphash_add(&hash, bytes + 7, 8);
    assert_true(siphash_end(&hash) == 0xa129ca6149be45e5ull); /* of the algorithm's paper */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_time), cmocka_unit_test(removal),     cmocka_unit_test(pid_reuse), cmocka_unit_test(exec_replaces),
        cmocka_unit_test(limits),  cmocka_unit_test(dns_bounded), cmocka_unit_test(images),    cmocka_unit_test(against_a_plain_list),
        cmocka_unit_test(siphash_vector),
    };
    return cmocka_run_group_tests_name("process_table", tests, NULL, NULL);
}
