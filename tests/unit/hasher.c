/* SPDX-License-Identifier: MIT */
/* The hashing threads: caching, sharing, files that are not what they were, large files, stuck file systems. */
#include "linux/hasher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define SHA1_ABC "SHA1=a9993e364706816aba3e25717850c26c9cd0d89d"

static char folder[] = "/tmp/hasher-test-XXXXXX";
static struct hash_answer answers[4096];
static int order[4096], answered;

static void on_answer(void *context, const struct hash_answer *answer)
{
    int number = (int)(intptr_t)context;

    answers[number] = *answer;
    order[answered++] = number;
}

/* Until `count` answers are there. The test's own limit is the runner's. */
static void wait_for(struct hasher *hasher, int count)
{
    while (answered < count) {
        struct pollfd pollfd = { .fd = hasher_fd(hasher), .events = POLLIN };
        int timeout = hasher_timeout(hasher);

        poll(&pollfd, 1, timeout);
        hasher_collect(hasher, on_answer);
    }
}

static struct hasher *start(const struct hasher_options *options)
{
    struct hasher *hasher;

    answered = 0;
    memset(answers, 0, sizeof answers);
    assert_int_equal(hasher_create(&hasher, options), 0);
    return hasher;
}

static const char *path_of(const char *name)
{
    static char path[4][128];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static const char *write_file(const char *name, const char *text)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static struct file_identity identity_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return (struct file_identity){ st.st_dev, st.st_ino, (uint64_t)st.st_size, st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec,
                                   st.st_ctim.tv_sec * 1000000000ll + st.st_ctim.tv_nsec };
}

static struct hash_request request_of(const char *path, bool known, int number)
{
    struct hash_request request = { .mask = HASH_SHA1, .path = path, .fd = -1, .context = (void *)(intptr_t)number };

    if (known)
        request.identity = identity_of(path);
    return request;
}

static void assert_hash(const struct hash_answer *answer, const char *expected)
{
    char text[HASH_TEXT_SIZE];

    assert_int_equal(answer->error, 0);
    hash_format(text, &answer->values, false);
    assert_string_equal(text, expected);
}

static void caches(void **state)
{
    struct hasher *hasher = start(NULL);
    struct hash_request request = request_of(write_file("abc", "abc"), true, 0);
    struct hash_answer answer;
    struct hasher_counters counters;

    assert_int_equal(hasher_timeout(hasher), -1);
    assert_int_equal(hasher_submit(hasher, &request, &answer), HASHER_QUEUED);
    wait_for(hasher, 1);
    assert_hash(&answers[0], SHA1_ABC);
    assert_int_equal(hasher_submit(hasher, &request, &answer), HASHER_ANSWERED);
    assert_hash(&answer, SHA1_ABC);
    assert_memory_equal(&answer.identity, &request.identity, sizeof answer.identity);
    request.mask = HASH_MD5; /* another algorithm: computed, and the old one is kept */
    assert_int_equal(hasher_submit(hasher, &request, &answer), HASHER_QUEUED);
    wait_for(hasher, 2);
    assert_hash(&answers[0], "MD5=900150983cd24fb0d6963f7d28e17f72");
    request.mask = HASH_SHA1;
    assert_int_equal(hasher_submit(hasher, &request, &answer), HASHER_ANSWERED);
    assert_hash(&answer, SHA1_ABC);
    request.identity = (struct file_identity){ 0 }; /* not known: looked at by a thread, found in the cache */
    assert_int_equal(hasher_submit(hasher, &request, &answer), HASHER_QUEUED);
    wait_for(hasher, 3);
    assert_hash(&answers[0], SHA1_ABC);
    hasher_counters(hasher, &counters);
    assert_int_equal(counters.computed, 2);
    assert_int_equal(counters.cached, 1);
    assert_int_equal(hasher_timeout(hasher), -1);
    hasher_destroy(hasher, NULL);
}

static void by_process_and_descriptor(void **state)
{
    struct hasher *hasher = start(NULL);
    struct hash_request request = { .mask = HASH_SHA256, .pid = (uint32_t)getpid(), .fd = -1, .context = (void *)1 };
    struct hash_answer answer;
    int memory = memfd_create("program", MFD_CLOEXEC);

    assert_int_equal(hasher_submit(hasher, &request, &answer), HASHER_QUEUED);
    wait_for(hasher, 1);
    assert_int_equal(answers[1].error, 0);
    assert_int_equal(answers[1].kind, EXECUTABLE_ELF);
    assert_int_equal(write(memory, "abc", 3), 3);
    request = (struct hash_request){ .mask = HASH_SHA1, .fd = memory, .context = (void *)2 };
    assert_int_equal(hasher_submit(hasher, &request, &answer), HASHER_QUEUED);
    wait_for(hasher, 2);
    assert_hash(&answers[2], SHA1_ABC);
    hasher_destroy(hasher, NULL);
    assert_int_equal(fcntl(memory, F_GETFD), -1); /* it was handed over */
}

static void another_file_of_the_name(void **state)
{
    struct hasher *hasher = start(NULL);
    const char *path = write_file("swapped", "abc");
    struct hash_request request = request_of(path, true, 0), fifo, missing, folder_request;
    struct hash_answer answer;

    unlink(path);
    write_file("swapped", "xyz");
    assert_int_equal(hasher_submit(hasher, &request, &answer), HASHER_QUEUED);
    wait_for(hasher, 1);
    assert_int_equal(answers[0].error, -ESTALE);

    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    fifo = request_of(path, false, 1); /* nobody will ever write to it */
    assert_int_equal(hasher_submit(hasher, &fifo, &answer), HASHER_QUEUED);
    missing = request_of(path_of("missing"), false, 2);
    assert_int_equal(hasher_submit(hasher, &missing, &answer), HASHER_QUEUED);
    folder_request = request_of(folder, false, 3);
    assert_int_equal(hasher_submit(hasher, &folder_request, &answer), HASHER_QUEUED);
    wait_for(hasher, 4);
    assert_int_equal(answers[1].error, -EINVAL);
    assert_int_equal(answers[2].error, -ESTALE);
    assert_int_equal(answers[3].error, -EINVAL);
    assert_int_equal(regular_file_open(AT_FDCWD, "/dev/zero", true), -EINVAL);
    assert_int_equal(symlink("abc", path_of("link")), 0);
    assert_int_equal(regular_file_open(AT_FDCWD, path_of("link"), false), -ELOOP);
    hasher_destroy(hasher, NULL);
}

/* One of two processes of a file is gone: the other one's request must still find it. */
static void a_second_way(void **state)
{
    struct hasher *hasher = start(NULL);
    struct hash_request request = { .mask = HASH_SHA1, .identity = identity_of("/proc/self/exe"), .pid = 0x7ffffffe, .fd = -1 };
    struct hash_answer answer;

    assert_int_equal(hasher_submit(hasher, &request, &answer), HASHER_QUEUED);
    request.pid = (uint32_t)getpid();
    request.context = (void *)1;
    assert_int_not_equal(hasher_submit(hasher, &request, &answer), -EAGAIN);
    wait_for(hasher, 1);
    wait_for(hasher, 2);
    assert_int_equal(answers[1].error, 0);
    hasher_destroy(hasher, NULL);
}

static sem_t gate;

static int64_t gated_read(int fd, uint64_t offset, void *data, size_t size)
{
    struct stat st;
    ssize_t got = pread(fd, data, size, (off_t)offset);

    if (!fstat(fd, &st) && st.st_size >= 1000 && offset == 0)
        sem_wait(&gate);
    return got;
}

/* Large files wait for their turn; small ones overtake them; requests for one file share the work. */
static void large_files(void **state)
{
    struct hasher_options options = { .large_size = 1000, .read = gated_read };
    struct hasher *hasher;
    struct hash_request large, small;
    struct hash_answer answer;
    struct hasher_counters counters;
    char name[16];

    sem_init(&gate, 0, 0);
    hasher = start(&options);
    assert_int_equal(truncate(write_file("large", ""), 300 << 20), 0); /* sparse */
    large = request_of(path_of("large"), true, 0);
    large.mask = HASH_MD5;
    for (int i = 0; i < 10; i++) {
        large.context = (void *)(intptr_t)(1000 + i);
        assert_int_equal(hasher_submit(hasher, &large, &answer), HASHER_QUEUED);
    }
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "small%d", i);
        small = request_of(write_file(name, "abc"), true, i);
        assert_int_equal(hasher_submit(hasher, &small, &answer), HASHER_QUEUED);
    }
    wait_for(hasher, 200); /* while the large one has not begun to read */
    for (int i = 0; i < 200; i++)
        assert_hash(&answers[i], SHA1_ABC);
    for (int i = 0; i < 10; i++)
        sem_post(&gate);
    wait_for(hasher, 210);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(order[200 + i], 1000 + i);
        assert_int_equal(answers[1000 + i].error, 0);
        assert_memory_equal(&answers[1000 + i].values, &answers[1000].values, sizeof answers[0].values);
    }
    hasher_counters(hasher, &counters);
    assert_int_equal(counters.computed, 201);
    assert_int_equal(counters.shared, 9);
    hasher_destroy(hasher, NULL);
}

/* A read that never comes back: the deadline answers, a new thread takes over, destroying does not wait for ever. */
static void stuck_reads(void **state)
{
    struct hasher_options options = { .deadline_ms = 50, .read = gated_read };
    struct hasher *hasher;
    struct hash_request request, small;
    struct hash_answer answer;
    struct hasher_counters counters;

    sem_destroy(&gate);
    sem_init(&gate, 0, 0);
    hasher = start(&options);
    assert_int_equal(truncate(write_file("stuck", ""), 5000), 0);
    request = request_of(path_of("stuck"), true, 1);
    assert_int_equal(hasher_submit(hasher, &request, &answer), HASHER_QUEUED);
    wait_for(hasher, 1);
    assert_int_equal(answers[1].error, -ETIMEDOUT);
    assert_int_equal(hasher_submit(hasher, &request, &answer), HASHER_ANSWERED); /* not tried again */
    assert_int_equal(answer.error, -ETIMEDOUT);
    small = request_of(write_file("after", "abc"), true, 2);
    do { /* on a slow machine the deadline may hit this one as well, before its thread runs: then again */
        answered = 0;
        hasher_submit(hasher, &small, &answer);
        wait_for(hasher, 1);
        small = request_of(write_file("after", "abc"), true, 2);
    } while (answers[2].error == -ETIMEDOUT);
    assert_hash(&answers[2], SHA1_ABC);
    hasher_counters(hasher, &counters);
    assert_true(counters.threads >= 3);
    for (int i = 0; i < 10; i++)
        sem_post(&gate);
    hasher_destroy(hasher, NULL);
}

static void limits(void **state)
{
    struct hasher_options options = { .entries = 8, .queue = 4, .max_size = 100, .read = gated_read };
    struct hasher *hasher;
    struct hash_request request;
    struct hash_answer answer;
    struct hasher_counters counters;
    char name[16];
    int queued = 0;

    sem_destroy(&gate);
    sem_init(&gate, 0, 0);
    hasher = start(&options);
    request = request_of(write_file("big", ""), true, 0);
    assert_int_equal(truncate(request.path, 101), 0);
    request = request_of(request.path, true, 0);
    assert_int_equal(hasher_submit(hasher, &request, &answer), HASHER_QUEUED);
    wait_for(hasher, 1);
    assert_int_equal(answers[0].error, -EFBIG);
    for (int i = 0; i < 100; i++) { /* one at a time: the cache stays small */
        snprintf(name, sizeof name, "small%d", i);
        request = request_of(write_file(name, "abc"), true, 1);
        assert_int_equal(hasher_submit(hasher, &request, &answer), HASHER_QUEUED);
        wait_for(hasher, i + 2);
    }
    hasher_counters(hasher, &counters);
    assert_true(counters.cached <= 8);
    hasher_destroy(hasher, NULL);

    options.max_size = 0;
    hasher = start(&options);
    for (int i = 0; i < 10; i++) { /* the reader is held: the queue fills */
        snprintf(name, sizeof name, "held%d", i);
        write_file(name, "");
        assert_int_equal(truncate(path_of(name), 2000), 0);
        request = request_of(path_of(name), true, i);
        queued += hasher_submit(hasher, &request, &answer) == HASHER_QUEUED;
    }
    assert_int_equal(queued, 4);
    hasher_counters(hasher, &counters);
    assert_int_equal(counters.refused, 6);
    for (int i = 0; i < 10; i++)
        sem_post(&gate);
    hasher_destroy(hasher, on_answer); /* every queued request gets its answer */
    assert_int_equal(answered, 4);
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caches),       cmocka_unit_test(by_process_and_descriptor), cmocka_unit_test(another_file_of_the_name),
        cmocka_unit_test(a_second_way), cmocka_unit_test(large_files),               cmocka_unit_test(stuck_reads),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests_name("hasher", tests, make_folder, remove_folder);
}
