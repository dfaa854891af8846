/* SPDX-License-Identifier: MIT */
/* Opening what somebody else named: regular files only, never waiting. */
#include "hasher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens the very file behind an O_PATH descriptor. O_NONBLOCK: a lease held by somebody must not make us wait. */
static int reopen(int path_fd)
{
    char link[40];
    int fd;

    snprintf(link, sizeof link, "/proc/self/fd/%d", path_fd);
    fd = open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOATIME);
    if (fd < 0 && errno == EPERM)
        fd = open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == EAGAIN ? -EBUSY : -errno;
    return fd;
}

int regular_file_open(int directory, const char *path, bool follow)
{
    int path_fd = openat(directory, path, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW)), result;
    struct stat st;

    if (path_fd < 0)
        return -errno;
    if (fstat(path_fd, &st))
        result = -errno;
    else if (S_ISLNK(st.st_mode))
        result = -ELOOP;
    else if (!S_ISREG(st.st_mode))
        result = -EINVAL;
    else
        result = reopen(path_fd);
    close(path_fd);
    return result;
}
