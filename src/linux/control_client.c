/* SPDX-License-Identifier: MIT */
/* The asking end of the control socket. */
#include "control.h"

#include "cli/exit_codes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_ANSWER (64u << 20)

/* A connected socket to a monitor that is root's or ours, or a negative errno. */
static int connect_to(const char *directory, unsigned seconds, struct ucred *peer)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval limit = { .tv_sec = seconds };
    socklen_t size = sizeof *peer;
    int fd, error = 0;

    if (snprintf(address.sun_path, sizeof address.sun_path, "%s/control", directory) >= (int)sizeof address.sun_path)
        return -ENAMETOOLONG;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size))
        error = -errno;
    else if (peer->uid != 0 && peer->uid != geteuid())
        error = -EPERM;
    if (error)
        close(fd);
    return error ? error : fd;
}

static int message(char **text, size_t *size, int code, const char *what, int error)
{
    char line[256];

    snprintf(line, sizeof line, error ? "%s: %s" : "%s", what, strerror(error));
    *text = strdup(line);
    *size = *text ? strlen(*text) : 0;
    return code;
}

/* Everything until the peer closes; NULL and a negative errno when it does not in time. */
static char *read_all(int fd, size_t *size, int *error)
{
    size_t capacity = 4096, used = 0;
    char *data = malloc(capacity + 1);
    ssize_t got = 1;

    while (data && got > 0 && used < MAX_ANSWER) {
        if (used == capacity) {
            char *grown = realloc(data, capacity * 2 + 1);

            if (!grown)
                break;
            data = grown;
            capacity *= 2;
        }
        do
            got = recv(fd, data + used, capacity - used, 0);
        while (got < 0 && errno == EINTR);
        used += got > 0 ? (size_t)got : 0;
    }
    if (!data || got != 0) {
        *error = !data ? ENOMEM : got < 0 ? errno : EMSGSIZE;
        free(data);
        return NULL;
    }
    data[used] = '\0';
    *size = used;
    return data;
}

/* `OK SIZE` or `ERROR CODE SIZE`, then exactly SIZE bytes. */
static int unpack(char *data, size_t size, char **text, size_t *text_size)
{
    char *end = memchr(data, '\n', size);
    unsigned code = EXIT_OK;
    size_t body;

    if (!end || (sscanf(data, "OK %zu", &body) != 1 && sscanf(data, "ERROR %u %zu", &code, &body) != 2)
        || body != size - (size_t)(end + 1 - data))
        return message(text, text_size, EXIT_INTERNAL, "the monitor's answer is not complete", 0);
    memmove(data, end + 1, body + 1);
    *text = data;
    *text_size = body;
    return (int)code;
}

static int exchange(int fd, const char *request, char **text, size_t *size)
{
    char line[128], *data;
    int length = snprintf(line, sizeof line, "%s\n", request), error = 0, code;
    size_t received;

    if (send(fd, line, (size_t)length, MSG_NOSIGNAL) != length)
        return message(text, size, EXIT_NOT_RUNNING, "cannot send to the monitor", errno);
    data = read_all(fd, &received, &error);
    if (!data)
        return message(text, size, EXIT_NOT_RUNNING, "no answer from the monitor", error == EAGAIN ? ETIMEDOUT : error);
    code = unpack(data, received, text, size);
    if (*text != data)
        free(data);
    return code;
}

int control_call(const char *directory, const char *request, unsigned seconds, char **text, size_t *size)
{
    struct ucred peer;
    int fd = connect_to(directory, seconds, &peer), code;

    if (fd == -EACCES || fd == -EPERM)
        return message(text, size, EXIT_NOT_ROOT, "only root may talk to the monitor", 0);
    if (fd < 0)
        return message(text, size, EXIT_NOT_RUNNING, "the monitor is not running", fd == -ENOENT || fd == -ECONNREFUSED ? 0 : -fd);
    code = exchange(fd, request, text, size);
    close(fd);
    return code;
}

int control_peer(const char *directory)
{
    struct ucred peer;
    int fd = connect_to(directory, 1, &peer);

    if (fd < 0)
        return 0;
    close(fd);
    return peer.pid;
}
