/* SPDX-License-Identifier: MIT */
/* The installed monitor's files, changed as a whole or not at all. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const every_name[] = { STORE_CONFIG, STORE_RULES, STORE_ARGC, STORE_ARGV, STORE_FIELD_SIZES, STORE_EVENT_ID, STORE_PROGRAM };

#define NAMES (sizeof every_name / sizeof *every_name)

static void staged_name(char out[64], const char *name)
{
    snprintf(out, 64, "%s.new", name);
}

static void remove_leftovers(struct store *store)
{
    char name[64];

    for (size_t i = 0; i < NAMES; i++) {
        staged_name(name, every_name[i]);
        unlinkat(store->directory, name, 0);
    }
}

/* Root's alone, whatever was there before. */
static int check_directory(struct store *store)
{
    struct stat st;

    if (fstat(store->directory, &st))
        return -errno;
    if (st.st_uid != geteuid())
        return -EPERM;
    if ((st.st_mode & 07777) != 0700 && fchmod(store->directory, 0700))
        return -errno;
    return 0;
}

int store_open(struct store *store, const char *path, enum store_mode mode)
{
    int error = 0;

    memset(store, 0, sizeof *store);
    store->directory = -1;
    if (snprintf(store->path, sizeof store->path, "%s", path) >= (int)sizeof store->path)
        return -ENAMETOOLONG;
    if (mode == STORE_CREATE) {
        store->created = !mkdir(path, 0700);
        if (!store->created && errno != EEXIST)
            return -errno;
    }
    store->directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (store->directory < 0)
        return -errno;
    error = check_directory(store);
    if (!error && mode != STORE_READ && flock(store->directory, LOCK_EX | LOCK_NB))
        error = errno == EWOULDBLOCK ? -EBUSY : -errno;
    if (error) {
        store->created = false;
        store_close(store);
        return error;
    }
    if (mode != STORE_READ)
        remove_leftovers(store);
    return 0;
}

/* Names in the directory, but not the directory; 0 or the last failure. */
static int remove_files(struct store *store)
{
    int error = 0;

    remove_leftovers(store);
    for (size_t i = 0; i < NAMES; i++)
        if (unlinkat(store->directory, every_name[i], 0) && errno != ENOENT)
            error = -errno;
    return error;
}

void store_close(struct store *store)
{
    if (store->directory < 0)
        return;
    store_rollback(store);
    if (store->created) { /* what a monitor that could not start has left in it goes, too */
        remove_files(store);
        rmdir(store->path);
    }
    close(store->directory);
    store->directory = -1;
}

bool store_is_installed(const struct store *store)
{
    struct stat st;

    return !fstatat(store->directory, STORE_CONFIG, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode);
}

static int read_whole(int fd, size_t limit, void **data, size_t *size)
{
    struct stat st;
    size_t used = 0;
    ssize_t got = 1;
    char *buffer;

    if (fstat(fd, &st))
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if ((uint64_t)st.st_size > limit)
        return -EFBIG;
    buffer = malloc((size_t)st.st_size + 1);
    if (!buffer)
        return -ENOMEM;
    while (used < (size_t)st.st_size && (got = read(fd, buffer + used, (size_t)st.st_size - used)) > 0)
        used += (size_t)got;
    if (got < 0) {
        int error = -errno;

        free(buffer);
        return error;
    }
    buffer[used] = '\0';
    *data = buffer;
    *size = used;
    return 0;
}

int store_read(const struct store *store, const char *name, size_t limit, void **data, size_t *size)
{
    int fd = openat(store->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), error;

    if (fd < 0)
        return -errno;
    error = read_whole(fd, limit, data, size);
    close(fd);
    return error;
}

/* --- staging -------------------------------------------------------------------------------------------------------- */

static int create_staged(struct store *store, const char *name, mode_t mode)
{
    char path[64];
    int fd;

    if (store->count == STORE_MAX_STAGED)
        return -ENOSPC;
    staged_name(path, name);
    fd = openat(store->directory, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    store->staged[store->count].name = name;
    store->staged[store->count].absent = store->staged[store->count].exchanged = false;
    store->count++;
    /* The umask must not decide. */
    if (fchmod(fd, mode)) {
        int error = -errno;

        close(fd);
        return error;
    }
    return fd;
}

static int settle_staged(int fd, int error)
{
    if (!error && fsync(fd))
        error = -errno;
    if (close(fd) && !error)
        error = -errno;
    return error;
}

int store_stage(struct store *store, const char *name, const void *data, size_t size, mode_t mode)
{
    int fd = create_staged(store, name, mode), error = 0;
    const char *at = data;

    if (fd < 0)
        return fd;
    while (size && !error) {
        ssize_t put = write(fd, at, size);

        if (put < 0 && errno != EINTR)
            error = -errno;
        at += put > 0 ? put : 0;
        size -= put > 0 ? (size_t)put : 0;
    }
    return settle_staged(fd, error);
}

int store_stage_copy(struct store *store, const char *name, int from, mode_t mode)
{
    int fd = create_staged(store, name, mode), error = 0;
    off_t at = 0;
    ssize_t copied;

    if (fd < 0)
        return fd;
    while ((copied = sendfile(fd, from, &at, 1 << 20)) != 0)
        if (copied < 0 && errno != EINTR) {
            error = -errno;
            break;
        }
    return settle_staged(fd, error);
}

int store_stage_absent(struct store *store, const char *name)
{
    if (store->count == STORE_MAX_STAGED)
        return -ENOSPC;
    store->staged[store->count].name = name;
    store->staged[store->count].absent = true;
    store->staged[store->count].exchanged = false;
    store->count++;
    return 0;
}

/* One file to its place; what was there before stands under the staged name afterwards. */
static int exchange(struct store *store, unsigned i)
{
    const char *name = store->staged[i].name;
    char staged[64];
    struct stat st;
    int failed;

    staged_name(staged, name);
    store->staged[i].existed = !fstatat(store->directory, name, &st, AT_SYMLINK_NOFOLLOW);
    if (store->staged[i].absent)
        failed = store->staged[i].existed && renameat(store->directory, name, store->directory, staged);
    else if (store->staged[i].existed)
        failed = renameat2(store->directory, staged, store->directory, name, RENAME_EXCHANGE);
    else
        failed = renameat(store->directory, staged, store->directory, name);
    if (failed)
        return -errno;
    store->staged[i].exchanged = true;
    return 0;
}

static void exchange_back(struct store *store, unsigned i)
{
    const char *name = store->staged[i].name;
    char staged[64];

    staged_name(staged, name);
    if (!store->staged[i].existed)
        renameat(store->directory, name, store->directory, staged);
    else if (store->staged[i].absent)
        renameat(store->directory, staged, store->directory, name);
    else
        renameat2(store->directory, staged, store->directory, name, RENAME_EXCHANGE);
    store->staged[i].exchanged = false;
}

int store_commit(struct store *store)
{
    int error = 0;

    for (unsigned i = 0; i < store->count && !error; i++)
        error = exchange(store, i);
    if (!error && fsync(store->directory))
        error = -errno;
    for (unsigned i = store->count; error && i-- > 0;)
        if (store->staged[i].exchanged)
            exchange_back(store, i);
    return error;
}

static void drop_staged(struct store *store)
{
    char name[64];

    for (unsigned i = 0; i < store->count; i++) {
        staged_name(name, store->staged[i].name);
        unlinkat(store->directory, name, 0);
    }
    store->count = 0;
    fsync(store->directory);
}

void store_rollback(struct store *store)
{
    for (unsigned i = store->count; i-- > 0;)
        if (store->staged[i].exchanged)
            exchange_back(store, i);
    if (store->count)
        drop_staged(store);
}

void store_finish(struct store *store)
{
    if (store->count)
        drop_staged(store);
    store->created = false;
}

int store_remove(struct store *store)
{
    int error = remove_files(store);

    if (rmdir(store->path) && errno != ENOTEMPTY && errno != ENOENT)
        error = -errno;
    return error;
}
