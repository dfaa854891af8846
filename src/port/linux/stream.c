/* SPDX-License-Identifier: MIT */
#include "port/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_SLICES 64

struct port_waker {
    int fd;
};

struct port_stream {
    int fd;
    bool is_socket;
    bool blocking; /* the file description is shared: it must not be made non-blocking, so never offer more than a page */
};

int waker_open(struct port_waker **out)
{
    struct port_waker *waker = malloc(sizeof(*waker));
    int error;

    if (!waker)
        return -ENOMEM;
    waker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (waker->fd < 0) {
        error = -errno;
        free(waker);
        return error;
    }
    *out = waker;
    return 0;
}

void waker_close(struct port_waker *waker)
{
    if (!waker)
        return;
    close(waker->fd);
    free(waker);
}

void waker_wake(struct port_waker *waker)
{
    (void)!write(waker->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

void waker_reset(struct port_waker *waker)
{
    uint64_t value;

    (void)!read(waker->fd, &value, sizeof(value));
}

/* Until the stream can be written to. `timeout` in milliseconds, -1 = none. */
static int wait_writable(int fd, struct port_waker *waker, int timeout)
{
    struct pollfd polled[2] = { { .fd = fd, .events = POLLOUT }, { .fd = waker->fd, .events = POLLIN } };
    int ready;

    do
        ready = poll(polled, 2, timeout);
    while (ready < 0 && errno == EINTR);
    if (ready < 0)
        return -errno;
    if (polled[1].revents)
        return -ECANCELED;
    return ready ? 0 : -ETIMEDOUT;
}

static int new_stream(struct port_stream **out, int fd, bool is_socket, bool blocking)
{
    struct port_stream *stream = malloc(sizeof(*stream));

    if (!stream)
        return -ENOMEM;
    stream->fd = fd;
    stream->is_socket = is_socket;
    stream->blocking = blocking;
    *out = stream;
    return 0;
}

/* Notice dead peers even when nothing comes back. */
static void watch_peer(int fd)
{
    static const int on = 1, idle = 60, timeout = 30000;

    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
}

/* A connected non-blocking socket. */
static int connect_address(int *out, int family, int type, const struct sockaddr *address, socklen_t size, struct port_waker *waker)
{
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
    socklen_t length = sizeof(error);

    if (fd < 0)
        return -errno;
    if (connect(fd, address, size)) {
        error = -errno;
        if (error == -EINPROGRESS) {
            error = wait_writable(fd, waker, STREAM_TIMEOUT);
            if (!error && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length))
                error = -error;
        }
    }
    if (error) {
        close(fd);
        return error;
    }
    if (family != AF_UNIX && type == SOCK_STREAM)
        watch_peer(fd);
    *out = fd;
    return 0;
}

static int connect_unix(int *out, int type, const char *path, struct port_waker *waker)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path));
    return connect_address(out, AF_UNIX, type, (struct sockaddr *)&address, sizeof(address), waker);
}

static int connect_network(int *out, int type, const char *host, const char *port, struct port_waker *waker)
{
    struct addrinfo hints = { .ai_socktype = type }, *list;
    int error = getaddrinfo(host, port, &hints, &list);

    if (error)
        return error == EAI_MEMORY ? -ENOMEM : error == EAI_SYSTEM ? -errno : -EHOSTUNREACH;
    error = -EHOSTUNREACH;
    for (struct addrinfo *one = list; one && error && error != -ECANCELED; one = one->ai_next)
        error = connect_address(out, one->ai_family, type, one->ai_addr, one->ai_addrlen, waker);
    freeaddrinfo(list);
    return error;
}

int stream_connect(struct port_stream **out, enum stream_kind kind, const char *host, const char *port, struct port_waker *waker)
{
    int type = kind == STREAM_TCP || kind == STREAM_UNIX ? SOCK_STREAM : SOCK_DGRAM, fd, error;

    if (kind == STREAM_UNIX || kind == STREAM_UNIX_DATAGRAM)
        error = connect_unix(&fd, type, host, waker);
    else
        error = connect_network(&fd, type, host, port, waker);
    if (error)
        return error;
    error = new_stream(out, fd, true, false);
    if (error)
        close(fd);
    return error;
}

int stream_standard_output(struct port_stream **out)
{
    struct stat status;
    int fd, error;

    if (fstat(STDOUT_FILENO, &status))
        return -errno;
    if (S_ISREG(status.st_mode))
        return -ENOTTY;
    if (S_ISSOCK(status.st_mode))
        return new_stream(out, STDOUT_FILENO, true, false);
    /* A description of our own can be non-blocking without disturbing those who share standard output. */
    fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    error = new_stream(out, fd < 0 ? STDOUT_FILENO : fd, false, fd < 0);
    if (error && fd >= 0)
        close(fd);
    return error;
}

void stream_close(struct port_stream *stream)
{
    if (!stream)
        return;
    if (stream->fd != STDOUT_FILENO)
        close(stream->fd);
    free(stream);
}

/* The slices from byte `skip` on, at most `limit` bytes of them, as an I/O vector; returns its length. */
static size_t gather(struct iovec *vector, const struct file_slice *slices, unsigned count, size_t skip, size_t limit)
{
    size_t used = 0;

    for (unsigned i = 0; i < count && used < MAX_SLICES && limit; i++) {
        size_t size;
        if (skip >= slices[i].size) {
            skip -= slices[i].size;
            continue;
        }
        size = slices[i].size - skip < limit ? slices[i].size - skip : limit;
        vector[used].iov_base = (char *)slices[i].data + skip;
        vector[used++].iov_len = size;
        limit -= size;
        skip = 0;
    }
    return used;
}

/* One attempt; -EAGAIN: not now. */
static ssize_t send_vector(struct port_stream *stream, struct iovec *vector, size_t count)
{
    struct msghdr message = { .msg_iov = vector, .msg_iovlen = count };
    ssize_t result;

    do
        result = stream->is_socket ? sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT)
                                   : writev(stream->fd, vector, (int)count);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

int stream_send(struct port_stream *stream, const struct file_slice *slices, unsigned count, struct port_waker *waker, size_t *written)
{
    size_t limit = stream->blocking ? PIPE_BUF : SIZE_MAX, used;
    struct iovec vector[MAX_SLICES];

    *written = 0;
    while ((used = gather(vector, slices, count, *written, limit))) {
        ssize_t result = stream->blocking ? wait_writable(stream->fd, waker, -1) : 0;
        if (!result)
            result = send_vector(stream, vector, used);
        if (result == -EAGAIN)
            result = wait_writable(stream->fd, waker, -1);
        if (result < 0)
            return (int)result;
        *written += (size_t)result;
    }
    return 0;
}

static int send_message(struct port_stream *stream, const struct msghdr *message, struct port_waker *waker)
{
    for (;;) {
        int error = sendmsg(stream->fd, message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
        if (error == -EINTR)
            continue;
        if (error != -EAGAIN)
            return error;
        error = wait_writable(stream->fd, waker, -1);
        if (error)
            return error;
    }
}

int stream_send_datagram(struct port_stream *stream, const struct file_slice *slices, unsigned count, struct port_waker *waker)
{
    struct iovec vector[MAX_SLICES];
    const struct msghdr message = { .msg_iov = vector, .msg_iovlen = gather(vector, slices, count, 0, SIZE_MAX) };

    return send_message(stream, &message, waker);
}

/* A memory file with the slices that nobody can change any more. */
static int sealed_memory(int *out, const struct file_slice *slices, unsigned count)
{
    int fd = memfd_create("record", MFD_CLOEXEC | MFD_ALLOW_SEALING), error = 0;
    size_t written;

    if (fd < 0)
        return -errno;
    error = log_append(fd, slices, count, &written);
    if (!error && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
        error = -errno;
    if (error) {
        close(fd);
        return error;
    }
    *out = fd;
    return 0;
}

int stream_send_memory(struct port_stream *stream, const struct file_slice *slices, unsigned count, struct port_waker *waker)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    const struct msghdr message = { .msg_control = &control, .msg_controllen = sizeof(control) };
    int fd = -1, error = sealed_memory(&fd, slices, count);

    if (error)
        return error;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    error = send_message(stream, &message, waker);
    close(fd);
    return error;
}

bool stream_peer_closed(struct port_stream *stream)
{
    char byte;
    ssize_t got = recv(stream->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

int stream_peer_user(struct port_stream *stream, uint32_t *user)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(stream->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
        return -errno;
    *user = peer.uid;
    return 0;
}
