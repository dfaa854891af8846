/* SPDX-License-Identifier: MIT */
/* The serving end of the control socket. */
#include "control.h"

#include "cli/exit_codes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_PEERS 8
#define MAX_REQUEST 128
#define PEER_SECONDS 10 /* a peer that neither asks nor reads for so long is dropped */

struct peer {
    int fd; /* -1: free */
    uint64_t deadline;
    char request[MAX_REQUEST];
    size_t received;
    char *answer; /* NULL: still asking */
    size_t size, sent;
};

struct control {
    struct control_handlers handlers;
    int directory, lock, socket, epoll, timer;
    struct peer peer[MAX_PEERS];
};

static uint64_t seconds_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec;
}

static int refuse(char *error, size_t size, int code, const char *format, ...) __attribute__((format(printf, 4, 5)));

static int refuse(char *error, size_t size, int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, size, format, arguments);
    va_end(arguments);
    return code;
}

/* Ours, not a link, nobody else's: whatever was there before. */
static int open_directory(struct control *control, const char *path, char *error, size_t size)
{
    struct stat st;

    if (mkdir(path, 0700) && errno != EEXIST)
        return refuse(error, size, EXIT_INTERNAL, "cannot create %s: %s", path, strerror(errno));
    control->directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (control->directory < 0 || fstat(control->directory, &st))
        return refuse(error, size, EXIT_INTERNAL, "cannot open %s: %s", path, strerror(errno));
    if (st.st_uid != geteuid())
        return refuse(error, size, EXIT_INTERNAL, "%s belongs to user %u: remove it", path, (unsigned)st.st_uid);
    if ((st.st_mode & 07777) != 0700 && fchmod(control->directory, 0700))
        return refuse(error, size, EXIT_INTERNAL, "cannot close %s to others: %s", path, strerror(errno));
    return EXIT_OK;
}

static int take_lock(struct control *control, const char *path, char *error, size_t size)
{
    control->lock = openat(control->directory, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (control->lock < 0)
        return refuse(error, size, EXIT_INTERNAL, "cannot open %s/lock: %s", path, strerror(errno));
    if (flock(control->lock, LOCK_EX | LOCK_NB))
        return refuse(error, size, EXIT_SECOND_INSTANCE,
                      "another instance is running (it holds %s/lock): stop it, or reconfigure it with sysmon -c FILE", path);
    return EXIT_OK;
}

/* Reached through the directory's descriptor, so that no longer path is resolved again. */
static void socket_address(struct sockaddr_un *address, int directory)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/control", directory);
}

static int listen_there(struct control *control, const char *path, char *error, size_t size)
{
    struct sockaddr_un address;
    mode_t mask;
    int failed;

    control->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->socket < 0)
        return refuse(error, size, EXIT_INTERNAL, "no socket: %s", strerror(errno));
    unlinkat(control->directory, "control", 0); /* of an instance that was killed: we hold the lock */
    socket_address(&address, control->directory);
    mask = umask(0177);
    failed = bind(control->socket, (struct sockaddr *)&address, sizeof address);
    umask(mask);
    if (failed || listen(control->socket, MAX_PEERS))
        return refuse(error, size, EXIT_INTERNAL, "cannot listen on %s/control: %s", path, strerror(errno));
    return EXIT_OK;
}

static bool watch(const struct control *control, int fd, uint32_t events, int operation, void *what)
{
    struct epoll_event event = { .events = events, .data.ptr = what };

    return fd >= 0 && !epoll_ctl(control->epoll, operation, fd, &event);
}

static int watch_all(struct control *control, char *error, size_t size)
{
    control->epoll = epoll_create1(EPOLL_CLOEXEC);
    control->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (!watch(control, control->socket, EPOLLIN, EPOLL_CTL_ADD, &control->socket)
        || !watch(control, control->timer, EPOLLIN, EPOLL_CTL_ADD, &control->timer))
        return refuse(error, size, EXIT_INTERNAL, "cannot watch the control socket: %s", strerror(errno));
    return EXIT_OK;
}

int control_open(struct control **out, const char *directory, const struct control_handlers *handlers, char *error, size_t size)
{
    struct control *control = calloc(1, sizeof *control);
    int code;

    if (!control)
        return refuse(error, size, EXIT_INTERNAL, "out of memory");
    control->handlers = *handlers;
    control->directory = control->lock = control->socket = control->epoll = control->timer = -1;
    for (int i = 0; i < MAX_PEERS; i++)
        control->peer[i].fd = -1;
    code = open_directory(control, directory, error, size);
    if (!code)
        code = take_lock(control, directory, error, size);
    if (!code)
        code = listen_there(control, directory, error, size);
    if (!code)
        code = watch_all(control, error, size);
    if (code)
        control_close(control);
    else
        *out = control;
    return code;
}

int control_descriptor(const struct control *control)
{
    return control->epoll;
}

/* Wakes us while somebody is connected, and only then. */
static void arm_timer(struct control *control)
{
    struct itimerspec spec = { 0 };

    for (int i = 0; i < MAX_PEERS; i++)
        if (control->peer[i].fd >= 0)
            spec.it_value.tv_sec = PEER_SECONDS;
    timerfd_settime(control->timer, 0, &spec, NULL);
}

static void drop(struct control *control, struct peer *peer)
{
    close(peer->fd);
    free(peer->answer);
    *peer = (struct peer){ .fd = -1 };
    arm_timer(control);
}

static bool is_allowed(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) && (peer.uid == 0 || peer.uid == geteuid());
}

static void accept_peer(struct control *control)
{
    int fd = accept4(control->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct peer *peer = NULL;

    if (fd < 0)
        return;
    for (int i = 0; i < MAX_PEERS && !peer; i++)
        if (control->peer[i].fd < 0)
            peer = &control->peer[i];
    if (!peer || !is_allowed(fd) || !watch(control, fd, EPOLLIN, EPOLL_CTL_ADD, peer)) {
        close(fd);
        return;
    }
    peer->fd = fd;
    peer->deadline = seconds_now() + PEER_SECONDS;
    arm_timer(control);
}

static void answer(struct peer *peer, int code, const char *text, size_t size)
{
    char head[48];
    int head_size = code ? snprintf(head, sizeof head, "ERROR %d %zu\n", code, size) : snprintf(head, sizeof head, "OK %zu\n", size);

    peer->answer = malloc((size_t)head_size + size);
    if (!peer->answer)
        return;
    memcpy(peer->answer, head, (size_t)head_size);
    memcpy(peer->answer + head_size, text, size);
    peer->size = (size_t)head_size + size;
}

static void answer_stats(struct control *control, struct peer *peer, enum stats_format format)
{
    struct stats *stats = stats_create();
    char *text = NULL;
    size_t size;

    if (stats) {
        control->handlers.stats(control->handlers.context, stats);
        if (stats_render(stats, format, &text, &size))
            text = NULL;
    }
    if (text)
        answer(peer, EXIT_OK, text, size);
    else
        answer(peer, EXIT_INTERNAL, "out of memory", 13);
    free(text);
    stats_destroy(stats);
}

static void handle(struct control *control, struct peer *peer)
{
    char message[1024] = "";
    enum stats_format format;
    int code = EXIT_OK;

    if (!strncmp(peer->request, "stats ", 6) && !stats_format_parse(peer->request + 6, &format)) {
        answer_stats(control, peer, format);
        return;
    }
    if (!strcmp(peer->request, "reload"))
        code = control->handlers.reload(control->handlers.context, message, sizeof message);
    else if (!strcmp(peer->request, "stop"))
        control->handlers.stop(control->handlers.context);
    else if (!strcmp(peer->request, "ping"))
        snprintf(message, sizeof message, "%s", control->handlers.role);
    else
        code = refuse(message, sizeof message, EXIT_USAGE, "unknown request");
    answer(peer, code, message, strlen(message));
}

/* True when the line is complete. */
static bool read_request(struct control *control, struct peer *peer)
{
    ssize_t got = recv(peer->fd, peer->request + peer->received, sizeof peer->request - peer->received, 0);
    char *end;

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got > 0)
        peer->received += (size_t)got;
    end = memchr(peer->request, '\n', peer->received);
    if (got <= 0 || (!end && peer->received == sizeof peer->request)) {
        drop(control, peer);
        return false;
    }
    if (end)
        *end = '\0';
    return end != NULL;
}

static void write_answer(struct control *control, struct peer *peer)
{
    while (peer->answer && peer->sent < peer->size) {
        ssize_t put = send(peer->fd, peer->answer + peer->sent, peer->size - peer->sent, MSG_NOSIGNAL);

        if (put < 0 && errno == EAGAIN) {
            watch(control, peer->fd, EPOLLOUT, EPOLL_CTL_MOD, peer);
            return;
        }
        if (put < 0 && errno != EINTR)
            break;
        peer->sent += put > 0 ? (size_t)put : 0;
        peer->deadline = seconds_now() + PEER_SECONDS;
    }
    drop(control, peer);
}

static void serve_peer(struct control *control, struct peer *peer)
{
    if (peer->fd < 0)
        return; /* dropped earlier in this round */
    if (!peer->answer) {
        if (!read_request(control, peer))
            return;
        handle(control, peer);
    }
    write_answer(control, peer);
}

static void drop_silent(struct control *control)
{
    uint64_t now = seconds_now();

    (void)!read(control->timer, &(uint64_t){ 0 }, 8);
    for (int i = 0; i < MAX_PEERS; i++)
        if (control->peer[i].fd >= 0 && control->peer[i].deadline <= now)
            drop(control, &control->peer[i]);
    arm_timer(control);
}

void control_serve(struct control *control)
{
    struct epoll_event event[MAX_PEERS + 2];
    int count = epoll_wait(control->epoll, event, MAX_PEERS + 2, 0);

    for (int i = 0; i < count; i++) {
        if (event[i].data.ptr == &control->socket)
            accept_peer(control);
        else if (event[i].data.ptr == &control->timer)
            drop_silent(control);
        else
            serve_peer(control, event[i].data.ptr);
    }
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void control_close(struct control *control)
{
    if (!control)
        return;
    for (int i = 0; i < MAX_PEERS; i++)
        if (control->peer[i].fd >= 0)
            drop(control, &control->peer[i]);
    if (control->socket >= 0)
        unlinkat(control->directory, "control", 0);
    close_if_open(control->socket);
    close_if_open(control->epoll);
    close_if_open(control->timer);
    close_if_open(control->lock);
    close_if_open(control->directory);
    free(control);
}
