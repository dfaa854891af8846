/* SPDX-License-Identifier: MIT */
#include "port/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_SLICES 64

struct log_place {
    int directory;
    char name[NAME_MAX + 1];
};

int log_place_open(struct log_place **out, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct log_place *place;
    char *directory;
    int error = 0;

    if (!name[0] || strlen(name) > NAME_MAX)
        return name[0] ? -ENAMETOOLONG : -EISDIR;
    place = malloc(sizeof(*place));
    directory = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!place || !directory) {
        error = -ENOMEM;
        goto out;
    }
    snprintf(place->name, sizeof(place->name), "%s", name);
    place->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->directory < 0) {
        error = -errno;
        goto out;
    }
    *out = place;
    place = NULL;
out:
    free(place);
    free(directory);
    return error;
}

void log_place_close(struct log_place *place)
{
    if (!place)
        return;
    close(place->directory);
    free(place);
}

static int suffixed(const struct log_place *place, const char *suffix, char out[NAME_MAX + 1])
{
    int length = snprintf(out, NAME_MAX + 1, "%s%s", place->name, suffix);

    return length > NAME_MAX ? -ENAMETOOLONG : 0;
}

int log_open(port_file *out, const struct log_place *place, const char *suffix, enum log_mode mode, bool *regular)
{
    static const int flags[] = {
        [LOG_APPEND] = O_RDWR | O_APPEND | O_CREAT,
        [LOG_CREATE] = O_WRONLY | O_CREAT | O_EXCL,
        [LOG_READ] = O_RDONLY,
    };
    char name[NAME_MAX + 1];
    struct stat status;
    int fd, error = suffixed(place, suffix, name);

    if (error)
        return error;
    /* O_NONBLOCK: a FIFO without a reader must not hang us; it has no effect on ordinary files. */
    fd = openat(place->directory, name, flags[mode] | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status))
        error = -errno;
    else if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))
        error = -ENODEV; /* a FIFO or a block device */
    if (error) {
        close(fd);
        return error;
    }
    *regular = S_ISREG(status.st_mode);
    *out = fd;
    return 0;
}

void log_close(port_file file)
{
    if (file != PORT_FILE_NONE && file != STDOUT_FILENO)
        close(file);
}

int log_rename(const struct log_place *place, const char *old_suffix, const char *new_suffix)
{
    char old_name[NAME_MAX + 1], new_name[NAME_MAX + 1];
    int error = suffixed(place, old_suffix, old_name);

    if (!error)
        error = suffixed(place, new_suffix, new_name);
    if (!error && renameat(place->directory, old_name, place->directory, new_name))
        error = -errno;
    return error;
}

int log_remove(const struct log_place *place, const char *suffix)
{
    char name[NAME_MAX + 1];
    int error = suffixed(place, suffix, name);

    if (!error && unlinkat(place->directory, name, 0))
        error = -errno;
    return error;
}

int log_size(port_file file, uint64_t *size)
{
    struct stat status;

    if (fstat(file, &status))
        return -errno;
    *size = (uint64_t)status.st_size;
    return 0;
}

int log_read(port_file file, uint64_t offset, void *out, size_t size, size_t *got)
{
    ssize_t result;

    do
        result = pread(file, out, size, (off_t)offset);
    while (result < 0 && errno == EINTR);
    if (result < 0)
        return -errno;
    *got = (size_t)result;
    return 0;
}

int log_truncate(port_file file, uint64_t size)
{
    return ftruncate(file, (off_t)size) ? -errno : 0;
}

/* The slices from byte `skip` on, as an I/O vector; returns its length. */
static int gather(struct iovec *vector, const struct file_slice *slices, unsigned count, size_t skip)
{
    int used = 0;

    for (unsigned i = 0; i < count && used < MAX_SLICES; i++) {
        if (skip >= slices[i].size) {
            skip -= slices[i].size;
            continue;
        }
        vector[used].iov_base = (char *)slices[i].data + skip;
        vector[used].iov_len = slices[i].size - skip;
        skip = 0;
        used++;
    }
    return used;
}

int log_append(port_file file, const struct file_slice *slices, unsigned count, size_t *written)
{
    struct iovec vector[MAX_SLICES];
    int used;

    *written = 0;
    while ((used = gather(vector, slices, count, *written)) > 0) {
        ssize_t result = writev(file, vector, used);
        if (result < 0 && errno == EINTR)
            continue;
        if (result < 0)
            return -errno;
        *written += (size_t)result;
    }
    return 0;
}

int log_sync(port_file file)
{
    return fsync(file) ? -errno : 0;
}

port_file log_standard_output(void)
{
    return STDOUT_FILENO;
}
