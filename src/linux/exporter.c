/* SPDX-License-Identifier: MIT */
/* A small, bounded HTTP server for one page. */
#include "exporter.h"

#include "cli/exit_codes.h"
#include "control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_CLIENTS 16
#define MAX_REQUEST 8192
#define CLIENT_SECONDS 10
#define ASK_SECONDS 5 /* how long the monitor may take */

struct client {
    int fd; /* -1: free */
    time_t deadline;
    size_t received, size, sent;
    char *answer; /* NULL: still asking */
    char request[MAX_REQUEST];
};

struct exporter {
    const char *runtime;
    int listener, signals;
    struct client client[MAX_CLIENTS];
};

static time_t seconds_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

/* --- listening ------------------------------------------------------------------------------------------------------ */

static bool is_loopback(const struct sockaddr *address)
{
    const struct sockaddr_in *four = (const void *)address;
    const struct sockaddr_in6 *six = (const void *)address;

    if (address->sa_family == AF_INET)
        return ntohl(four->sin_addr.s_addr) >> 24 == 127;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

/* HOST:PORT or [HOST]:PORT, numbers only: no name is looked up. */
static int parse_address(const char *text, struct addrinfo **out)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
    const char *colon = strrchr(text, ':');
    char host[64];
    size_t size = colon ? (size_t)(colon - text) : 0;

    if (!colon || size >= sizeof host)
        return -EINVAL;
    if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
        text++;
        size -= 2;
    }
    memcpy(host, text, size);
    host[size] = '\0';
    return getaddrinfo(host[0] ? host : "127.0.0.1", colon + 1, &hints, out) ? -EINVAL : 0;
}

static int listen_tcp(const char *text)
{
    struct addrinfo *address;
    int fd, error = 0, on = 1;

    if (parse_address(text, &address)) {
        fprintf(stderr, "sysmon stats: '%s' is not an address: give 127.0.0.1:PORT, [::1]:PORT or unix:PATH\n", text);
        return -EINVAL;
    }
    if (!is_loopback(address->ai_addr)) {
        fprintf(stderr, "sysmon stats: %s is not a loopback address: others would read the counters; put a proxy in front\n", text);
        freeaddrinfo(address);
        return -EINVAL;
    }
    fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, address->ai_addr, address->ai_addrlen) || listen(fd, MAX_CLIENTS))
        error = -errno;
    freeaddrinfo(address);
    if (error) {
        fprintf(stderr, "sysmon stats: cannot listen on %s: %s\n", text, strerror(-error));
        if (fd >= 0)
            close(fd);
    }
    return error ? error : fd;
}

/* A socket that nobody serves any more may be replaced; anything else of that name stays. */
static int remove_stale(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct stat st;
    int probe, alive;

    if (lstat(path, &st))
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    alive = connect(probe, (struct sockaddr *)&address, sizeof address) == 0 || errno != ECONNREFUSED;
    close(probe);
    return alive ? -EADDRINUSE : unlink(path) ? -errno : 0;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd, error = strlen(path) < sizeof address.sun_path ? remove_stale(path) : -ENAMETOOLONG;
    mode_t mask;

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (!error && fd < 0)
        error = -errno;
    if (!error) {
        snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        mask = umask(0177);
        if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, MAX_CLIENTS))
            error = -errno;
        umask(mask);
    }
    if (!error)
        return fd;
    fprintf(stderr, "sysmon stats: cannot listen on %s: %s\n", path, strerror(-error));
    if (fd >= 0)
        close(fd);
    return error;
}

static void print_address(int fd, const char *text)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[64], port[16];

    if (!strncmp(text, "unix:", 5) || getsockname(fd, (struct sockaddr *)&address, &size)
        || getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV))
        printf("listening on %s\n", text);
    else
        printf(strchr(host, ':') ? "listening on [%s]:%s\n" : "listening on %s:%s\n", host, port);
    fflush(stdout);
}

/* What reads requests needs nothing of root's but the right to open root's own socket. */
static void drop_privileges(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[2] = { { 0 } };

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    syscall(SYS_capset, &header, none);
}

/* --- answering ------------------------------------------------------------------------------------------------------ */

static void close_client(struct client *client)
{
    close(client->fd);
    free(client->answer);
    client->fd = -1;
    client->answer = NULL;
}

static void respond(struct client *client, const char *status, const char *body, size_t size)
{
    char head[256];
    int head_size = snprintf(head, sizeof head,
                             "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: %zu\r\n"
                             "Connection: close\r\n\r\n", status, size);

    client->answer = malloc((size_t)head_size + size);
    if (!client->answer) {
        close_client(client);
        return;
    }
    memcpy(client->answer, head, (size_t)head_size);
    memcpy(client->answer + head_size, body, size);
    client->size = (size_t)head_size + size;
    client->sent = 0;
}

static void respond_metrics(struct exporter *exporter, struct client *client)
{
    size_t size;
    char *text;
    int code = control_call(exporter->runtime, "stats prometheus", ASK_SECONDS, &text, &size);

    if (text)
        respond(client, code ? "503 Service Unavailable" : "200 OK", text, size);
    else
        close_client(client);
    free(text);
}

static void respond_text(struct client *client, const char *status, const char *text)
{
    respond(client, status, text, strlen(text));
}

/* The request line decides; the headers only have to end. */
static void handle(struct exporter *exporter, struct client *client)
{
    char *line = client->request, *target, *end;

    end = strpbrk(line, "\r\n");
    *end = '\0';
    target = strchr(line, ' ');
    if (!target || !strstr(target + 1, " HTTP/1.")) {
        respond_text(client, "400 Bad Request", "not HTTP\n");
        return;
    }
    *target++ = '\0';
    target[strcspn(target, " ?")] = '\0';
    if (strcmp(line, "GET") != 0)
        respond_text(client, "405 Method Not Allowed", "only GET\n");
    else if (strcmp(target, "/metrics") != 0)
        respond_text(client, "404 Not Found", "see /metrics\n");
    else
        respond_metrics(exporter, client);
}

static void read_client(struct exporter *exporter, struct client *client)
{
    ssize_t got = recv(client->fd, client->request + client->received, MAX_REQUEST - 1 - client->received, 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        close_client(client);
        return;
    }
    client->received += (size_t)got;
    client->request[client->received] = '\0';
    if (memchr(client->request, '\0', client->received))
        respond_text(client, "400 Bad Request", "not HTTP\n");
    else if (strstr(client->request, "\r\n\r\n") || strstr(client->request, "\n\n"))
        handle(exporter, client);
    else if (client->received == MAX_REQUEST - 1)
        respond_text(client, "431 Request Header Fields Too Large", "too long\n");
}

static void write_client(struct client *client)
{
    while (client->sent < client->size) {
        ssize_t put = send(client->fd, client->answer + client->sent, client->size - client->sent, MSG_NOSIGNAL);

        if (put < 0 && errno == EAGAIN)
            return;
        if (put < 0 && errno != EINTR)
            break;
        client->sent += put > 0 ? (size_t)put : 0;
    }
    shutdown(client->fd, SHUT_WR);
    close_client(client);
}

static void accept_client(struct exporter *exporter)
{
    int fd = accept4(exporter->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    for (int i = 0; i < MAX_CLIENTS; i++) {
        struct client *client = &exporter->client[i];

        if (client->fd >= 0)
            continue;
        client->fd = fd;
        client->received = client->size = client->sent = 0;
        client->deadline = seconds_now() + CLIENT_SECONDS;
        return;
    }
    close(fd); /* full: a scraper tries again */
}

/* --- loop ----------------------------------------------------------------------------------------------------------- */

static int fill(const struct exporter *exporter, struct pollfd *pollfd)
{
    int timeout = -1;
    time_t now = seconds_now();

    pollfd[0] = (struct pollfd){ .fd = exporter->signals, .events = POLLIN };
    pollfd[1] = (struct pollfd){ .fd = exporter->listener, .events = POLLIN };
    for (int i = 0; i < MAX_CLIENTS; i++) {
        const struct client *client = &exporter->client[i];
        int left = client->deadline > now ? (int)(client->deadline - now) * 1000 : 0;

        pollfd[2 + i] = (struct pollfd){ .fd = client->fd, .events = client->answer ? POLLOUT : POLLIN };
        if (client->fd >= 0 && (timeout < 0 || left < timeout))
            timeout = left;
    }
    return timeout;
}

static void serve(struct exporter *exporter)
{
    struct pollfd pollfd[2 + MAX_CLIENTS];

    for (;;) {
        int timeout = fill(exporter, pollfd);

        if (poll(pollfd, 2 + MAX_CLIENTS, timeout) < 0 && errno != EINTR)
            return;
        if (pollfd[0].revents)
            return;
        for (int i = 0; i < MAX_CLIENTS; i++) {
            struct client *client = &exporter->client[i];

            if (client->fd < 0)
                continue;
            if (pollfd[2 + i].revents && !client->answer)
                read_client(exporter, client);
            if (client->fd >= 0 && client->answer)
                write_client(client);
            if (client->fd >= 0 && client->deadline <= seconds_now())
                close_client(client);
        }
        if (pollfd[1].revents)
            accept_client(exporter);
    }
}

static int catch_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

int exporter_run(const char *address, const char *runtime)
{
    struct exporter *exporter = calloc(1, sizeof *exporter);
    bool local = !strncmp(address, "unix:", 5);
    int code = EXIT_OK;

    if (!exporter) {
        fputs("sysmon stats: out of memory\n", stderr);
        return EXIT_INTERNAL;
    }
    exporter->runtime = runtime;
    for (int i = 0; i < MAX_CLIENTS; i++)
        exporter->client[i].fd = -1;
    exporter->listener = local ? listen_unix(address + 5) : listen_tcp(address);
    if (exporter->listener < 0) {
        code = exporter->listener == -EINVAL ? EXIT_USAGE : EXIT_OUTPUT;
        free(exporter);
        return code;
    }
    exporter->signals = catch_signals();
    print_address(exporter->listener, address);
    drop_privileges();
    serve(exporter);
    for (int i = 0; i < MAX_CLIENTS; i++)
        if (exporter->client[i].fd >= 0)
            close_client(&exporter->client[i]);
    if (local)
        unlink(address + 5);
    close(exporter->listener);
    close(exporter->signals);
    free(exporter);
    return code;
}
