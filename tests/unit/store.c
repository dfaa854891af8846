/* SPDX-License-Identifier: MIT */
/* The installed monitor's files: changed together, exchanged back, never through links, never somebody else's. */
#include "linux/store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/store-test-XXXXXX", path[64];

static void assert_file(const struct store *store, const char *name, const char *expected)
{
    void *data;
    size_t size;

    if (!expected) {
        assert_int_equal(store_read(store, name, 100, &data, &size), -ENOENT);
        return;
    }
    assert_int_equal(store_read(store, name, 100, &data, &size), 0);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(data, expected, size);
    free(data);
}

static void stage(struct store *store, const char *name, const char *text)
{
    assert_int_equal(store_stage(store, name, text, strlen(text), 0600), 0);
}

static void changes(void **state)
{
    struct store store, second;
    struct stat st;

    assert_int_equal(store_open(&store, path, STORE_READ), -ENOENT);
    assert_int_equal(store_open(&store, path, STORE_CREATE), 0);
    assert_true(store.created);
    assert_false(store_is_installed(&store));
    assert_int_equal(store_open(&second, path, STORE_CHANGE), -EBUSY);
    stage(&store, STORE_CONFIG, "one");
    stage(&store, STORE_FIELD_SIZES, "sizes");
    assert_file(&store, STORE_CONFIG, NULL); /* not yet */
    assert_int_equal(store_commit(&store), 0);
    assert_file(&store, STORE_CONFIG, "one");
    store_finish(&store);
    assert_true(store_is_installed(&store));
    store_close(&store);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);

    assert_int_equal(store_open(&store, path, STORE_CHANGE), 0); /* a change that is taken back */
    stage(&store, STORE_CONFIG, "two");
    stage(&store, STORE_RULES, "new");
    assert_int_equal(store_stage_absent(&store, STORE_FIELD_SIZES), 0);
    assert_int_equal(store_commit(&store), 0);
    assert_file(&store, STORE_CONFIG, "two");
    assert_file(&store, STORE_RULES, "new");
    assert_file(&store, STORE_FIELD_SIZES, NULL);
    store_rollback(&store);
    assert_file(&store, STORE_CONFIG, "one");
    assert_file(&store, STORE_RULES, NULL);
    assert_file(&store, STORE_FIELD_SIZES, "sizes");
    stage(&store, STORE_CONFIG, "three"); /* staged only, then forgotten */
    store_close(&store);
    assert_int_equal(store_open(&store, path, STORE_READ), 0);
    assert_file(&store, STORE_CONFIG, "one");
    assert_file(&store, STORE_CONFIG ".new", NULL);
    store_close(&store);
}

/* A change that cannot be made as a whole: what was exchanged goes back. */
static void fails_half_way(void **state)
{
    struct store store;

    assert_int_equal(store_open(&store, path, STORE_CHANGE), 0);
    stage(&store, STORE_CONFIG, "two");
    stage(&store, STORE_RULES, "two");
    assert_int_equal(mkdirat(store.directory, STORE_RULES, 0700), 0);
    assert_int_equal(unlinkat(store.directory, STORE_RULES ".new", 0), 0);
    assert_int_not_equal(store_commit(&store), 0);
    assert_file(&store, STORE_CONFIG, "one");
    assert_int_equal(unlinkat(store.directory, STORE_RULES, AT_REMOVEDIR), 0);
    store_close(&store);
}

static void hostile(void **state)
{
    struct store store;
    void *data;
    size_t size;
    char link[80];

    assert_int_equal(store_open(&store, path, STORE_CHANGE), 0);
    assert_int_equal(symlinkat("/etc/passwd", store.directory, STORE_RULES), 0);
    assert_int_equal(store_read(&store, STORE_RULES, 1 << 20, &data, &size), -ELOOP);
    stage(&store, STORE_RULES, "rules"); /* the link is replaced, not followed */
    assert_int_equal(store_commit(&store), 0);
    store_finish(&store);
    assert_file(&store, STORE_RULES, "rules");
    assert_int_equal(mkfifoat(store.directory, STORE_ARGC, 0600), 0);
    assert_int_equal(store_read(&store, STORE_ARGC, 100, &data, &size), -EINVAL);
    assert_int_equal(store_read(&store, STORE_RULES, 4, &data, &size), -EFBIG);
    assert_int_equal(unlinkat(store.directory, STORE_ARGC, 0), 0);
    assert_int_equal(fchmod(store.directory, 0777), 0);
    store_close(&store);
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(symlink(path, link), 0);
    assert_true(store_open(&store, link, STORE_CHANGE) < 0);
    assert_int_equal(store_open(&store, path, STORE_CHANGE), 0); /* closed to others again */
    if (!geteuid()) {
        assert_int_equal(fchown(store.directory, 12345, 12345), 0);
        store_close(&store);
        assert_int_equal(store_open(&store, path, STORE_CHANGE), -EPERM);
        assert_int_equal(chown(path, 0, 0), 0);
        assert_int_equal(store_open(&store, path, STORE_CHANGE), 0);
    }
    assert_int_equal(store_remove(&store), 0);
    store_close(&store);
    assert_int_equal(access(path, F_OK), -1);
}

/* An installation that does not finish takes the directory with it. */
static void unfinished(void **state)
{
    struct store store;

    assert_int_equal(store_open(&store, path, STORE_CREATE), 0);
    stage(&store, STORE_CONFIG, "one");
    assert_int_equal(store_commit(&store), 0);
    assert_int_equal(close(openat(store.directory, STORE_EVENT_ID, O_CREAT | O_WRONLY, 0600)), 0);
    store_close(&store);
    assert_int_equal(access(path, F_OK), -1);
}

static int set_up(void **state)
{
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/store", folder);
    return 0;
}

static int tear_down(void **state)
{
    char command[64];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes),
        cmocka_unit_test(fails_half_way),
        cmocka_unit_test(hostile),
        cmocka_unit_test(unfinished),
    };
    return cmocka_run_group_tests_name("store", tests, set_up, tear_down);
}
