/* SPDX-License-Identifier: MIT */
/* file.h on POSIX. */
#include "port/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_CAPACITY (64u << 10)

/* Reads until the end; grows the buffer as needed. */
static int read_all(int fd, size_t limit, char **data, size_t *size)
{
    size_t capacity = FIRST_CAPACITY, used = 0;
    char *buffer = malloc(capacity + 1);

    while (buffer) {
        ssize_t got = read(fd, buffer + used, capacity - used);
        char *grown;

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || used + (size_t)got > limit) {
            int error = got < 0 ? -errno : -EFBIG;

            free(buffer);
            return error;
        }
        if (got == 0) {
            buffer[used] = '\0';
            *data = buffer;
            *size = used;
            return 0;
        }
        used += (size_t)got;
        if (used < capacity)
            continue;
        grown = realloc(buffer, capacity * 2 + 1);
        if (!grown)
            break;
        buffer = grown;
        capacity *= 2;
    }
    free(buffer);
    return -ENOMEM;
}

int file_read(const char *path, size_t limit, void **data, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc;
    struct stat status;
    char *content = NULL;

    if (fd < 0)
        return -errno;
    rc = fstat(fd, &status) ? -errno : S_ISDIR(status.st_mode) ? -EISDIR : 0;
    if (!rc)
        rc = read_all(fd, limit, &content, size);
    if (!rc)
        *data = content;
    close(fd);
    return rc;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, data, size);

        if (put < 0 && errno != EINTR)
            return -errno;
        if (put > 0) {
            data += put;
            size -= (size_t)put;
        }
    }
    return 0;
}

/* The folder of `path`, opened; `*name` is what follows it. */
static int open_folder(const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    char *folder;
    int fd;

    *name = slash ? slash + 1 : path;
    if (!**name)
        return -EISDIR;
    folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!folder)
        return -ENOMEM;
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        fd = -errno;
    free(folder);
    return fd;
}

static int write_new(int folder, const char *name, const void *data, size_t size)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), rc;

    if (fd < 0)
        return -errno;
    rc = write_all(fd, data, size);
    if (!rc && fsync(fd))
        rc = -errno;
    if (close(fd) && !rc)
        rc = -errno;
    return rc;
}

/* A device or a pipe is written to: in its place, a file would break the machine (/dev/null). So it is with the links of /dev. */
static bool is_written_through(const char *path)
{
    struct stat status;

    if (stat(path, &status))
        return false;
    if (!strncmp(path, "/dev/", 5) && !lstat(path, &status) && S_ISLNK(status.st_mode))
        return true;
    return S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode) || S_ISFIFO(status.st_mode);
}

static int write_through(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC), rc;

    if (fd < 0)
        return -errno;
    rc = write_all(fd, data, size);
    close(fd);
    return rc;
}

int file_replace(const char *path, const void *data, size_t size)
{
    char temporary[64];
    const char *name;
    uint64_t salt;
    int folder, rc;

    if (is_written_through(path))
        return write_through(path, data, size);
    folder = open_folder(path, &name);
    if (folder < 0)
        return folder;
    if (getrandom(&salt, sizeof salt, 0) != sizeof salt)
        salt = (uint64_t)getpid();
    snprintf(temporary, sizeof temporary, ".sysmon-%016llx.tmp", (unsigned long long)salt);
    rc = write_new(folder, temporary, data, size);
    if (!rc && renameat(folder, temporary, folder, name))
        rc = -errno;
    if (rc && rc != -EEXIST)
        unlinkat(folder, temporary, 0);
    if (!rc)
        fsync(folder); /* some file systems cannot; the file itself is safe already */
    close(folder);
    return rc;
}
