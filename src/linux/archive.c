/* SPDX-License-Identifier: MIT */
#include "linux/archive.h"

#include "linux/hasher.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NAME_SIZE 256
#define EXTENSION_MAX 16

struct kept {
    TAILQ_ENTRY(kept) order;
    uint64_t device, inode;
    int fd;
};

struct archive {
    TAILQ_HEAD(kept_list, kept) kept; /* newest first */
    unsigned count;
    int directory; /* -1: not opened yet */
    char path[];
};

int archive_create(struct archive **out, const char *path)
{
    size_t size = strlen(path ? path : ARCHIVE_DIRECTORY) + 1;
    struct archive *archive = calloc(1, sizeof *archive + size);

    if (!archive)
        return -ENOMEM;
    TAILQ_INIT(&archive->kept);
    archive->directory = -1;
    memcpy(archive->path, path ? path : ARCHIVE_DIRECTORY, size);
    *out = archive;
    return 0;
}

static void forget(struct archive *archive, struct kept *kept)
{
    TAILQ_REMOVE(&archive->kept, kept, order);
    archive->count--;
    if (kept->fd >= 0)
        close(kept->fd);
    free(kept);
}

void archive_destroy(struct archive *archive)
{
    if (!archive)
        return;
    while (!TAILQ_EMPTY(&archive->kept))
        forget(archive, TAILQ_FIRST(&archive->kept));
    if (archive->directory >= 0)
        close(archive->directory);
    free(archive);
}

static uint64_t device_of(const struct wire_file *file)
{
    return makedev(file->device >> 20, file->device & 0xfffff);
}

static struct kept *find(struct archive *archive, uint64_t device, uint64_t inode)
{
    struct kept *kept;

    TAILQ_FOREACH(kept, &archive->kept, order)
        if (kept->inode == inode && kept->device == device)
            return kept;
    return NULL;
}

/* The file that was created, if it is still there: as the process names it, or as we do. */
static int open_created(const struct wire_name *name, struct match_text path)
{
    char text[WIRE_PATH_SIZE + 64];
    struct stat status;

    for (int own = 0; own < 2; own++) {
        int fd;

        if (own)
            snprintf(text, sizeof text, "%.*s", (int)path.size, path.data);
        else
            snprintf(text, sizeof text, "/proc/%u/root%.*s", name->header.pid, (int)path.size, path.data);
        fd = regular_file_open(AT_FDCWD, text, false);
        if (fd < 0)
            continue;
        if (!fstat(fd, &status) && status.st_ino == name->file.inode && status.st_dev == device_of(&name->file))
            return fd;
        close(fd);
    }
    return -1;
}

void archive_keep(struct archive *archive, const struct wire_name *name, struct match_text path)
{
    struct kept *kept = find(archive, device_of(&name->file), name->file.inode);

    if (!S_ISREG(name->file.mode) || kept)
        return;
    kept = calloc(1, sizeof *kept);
    if (!kept)
        return;
    kept->fd = open_created(name, path);
    kept->device = device_of(&name->file);
    kept->inode = name->file.inode;
    TAILQ_INSERT_HEAD(&archive->kept, kept, order);
    if (++archive->count > KEPT_MAX || kept->fd < 0)
        forget(archive, kept->fd < 0 ? kept : TAILQ_LAST(&archive->kept, kept_list));
}

/*
 * Was that the file's last name? The record is made when the file system sets the change time: ext4 has taken the name off the
 * count by then, the others do so afterwards.
 */
static bool was_last(const struct kept *kept, const struct wire_file *file)
{
    struct statfs status;

    if (file->links != 1)
        return !file->links;
    return fstatfs(kept->fd, &status) || status.f_type != EXT4_SUPER_MAGIC;
}

int archive_take(struct archive *archive, const struct wire_file *file)
{
    struct kept *kept = find(archive, device_of(file), file->inode);
    int fd;

    if (!kept)
        return -1;
    fd = fcntl(kept->fd, F_DUPFD_CLOEXEC, 3);
    if (was_last(kept, file))
        forget(archive, kept);
    return fd;
}

void archive_forget(struct archive *archive, const struct wire_file *file)
{
    struct kept *kept = find(archive, device_of(file), file->inode);

    if (kept && was_last(kept, file))
        forget(archive, kept);
}

/* Ours, and nobody else's: a directory that others may write to could be made to lead our copies elsewhere. */
static int open_directory(struct archive *archive)
{
    struct stat status;
    int fd;

    if (archive->directory >= 0)
        return 0;
    for (char *slash = archive->path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(archive->path, 0700);
        *slash = '/';
    }
    if (mkdir(archive->path, 0700) && errno != EEXIST)
        return -errno;
    fd = open(archive->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) || status.st_uid != geteuid() || status.st_mode & 077) {
        close(fd);
        return -EPERM;
    }
    archive->directory = fd;
    return 0;
}

static void name_of(char out[NAME_SIZE], struct match_text hash, struct match_text path)
{
    const char *value = memchr(hash.data, '=', hash.size), *dot = path.data + path.size;
    size_t size = 0, limit;

    /* of several hashes the first value names the file */
    for (value = value ? value + 1 : hash.data; value < hash.data + hash.size && *value != ','; value++)
        if (size < NAME_SIZE - EXTENSION_MAX - 2)
            out[size++] = *value;
    while (dot > path.data && dot[-1] != '.' && dot[-1] != '/')
        dot--;
    limit = (size_t)(path.data + path.size - dot);
    if (dot > path.data + 1 && dot[-1] == '.' && dot[-2] != '/' && limit > 0 && limit <= EXTENSION_MAX) {
        out[size++] = '.';
        for (size_t i = 0; i < limit; i++)
            out[size++] = (dot[i] >= '0' && dot[i] <= '9') || ((dot[i] | 32) >= 'a' && (dot[i] | 32) <= 'z') ? dot[i] : '_';
    }
    out[size] = 0;
}

static int copy(int to, int from, off_t size)
{
    char buffer[65536];
    off_t at = 0;

    while (at < size) {
        ssize_t count = pread(from, buffer, sizeof buffer, at);

        if (count < 0)
            return -errno;
        if (!count)
            break;
        if (pwrite(to, buffer, (size_t)count, at) != count)
            return errno ? -errno : -EIO;
        at += count;
    }
    return 0;
}

int archive_store(struct archive *archive, int fd, struct match_text hash, struct match_text path)
{
    char name[NAME_SIZE], temporary[NAME_SIZE + 8];
    struct stat status;
    int result = open_directory(archive), to;

    if (result)
        return result;
    if (fstat(fd, &status))
        return -errno;
    if (status.st_size > (off_t)ARCHIVE_MAX_FILE)
        return -EFBIG;
    name_of(name, hash, path);
    if (!faccessat(archive->directory, name, F_OK, AT_SYMLINK_NOFOLLOW))
        return 0; /* the same content was kept before */
    snprintf(temporary, sizeof temporary, ".%s.new", name);
    unlinkat(archive->directory, temporary, 0);
    to = openat(archive->directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return -errno;
    result = copy(to, fd, status.st_size);
    close(to);
    if (!result && renameat(archive->directory, temporary, archive->directory, name))
        result = -errno;
    if (result)
        unlinkat(archive->directory, temporary, 0);
    return result;
}
