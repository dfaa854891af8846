/* SPDX-License-Identifier: MIT */
/* Daemon, pid file, systemd notification. */
#include "daemon.h"

#include "cli/exit_codes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_SECONDS 120

struct report {
    int32_t code;
    char message[1020];
};

/* What the daemon says; when it dies without a word, its end of the pipe closes. */
static int wait_for_report(int fd)
{
    struct pollfd pollfd = { .fd = fd, .events = POLLIN };
    struct report report = { 0 };
    int ready;

    do
        ready = poll(&pollfd, 1, START_SECONDS * 1000);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0) {
        fprintf(stderr, "the monitor was not ready within %d seconds\n", START_SECONDS);
        return EXIT_INTERNAL;
    }
    if (read(fd, &report, sizeof report) != sizeof report) { /* less than PIPE_BUF: whole or not at all */
        fputs("the monitor ended while it was starting\n", stderr);
        return EXIT_INTERNAL;
    }
    report.message[sizeof report.message - 1] = '\0';
    if (report.code)
        fprintf(stderr, "%s\n", report.message);
    return report.code;
}

static void send_report(struct daemon *daemon, int code, const char *message)
{
    struct report report = { .code = code };

    if (daemon->report < 0)
        return;
    snprintf(report.message, sizeof report.message, "%s", message);
    (void)!write(daemon->report, &report, sizeof report);
    close(daemon->report);
    daemon->report = -1;
}

/* One datagram to systemd (sd_notify(3)); nothing when there is none. */
static void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t size = path ? strlen(path) : 0;
    int fd;

    if (!size || size >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, size);
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
    close(fd);
}

/* Until the loop takes signals from a descriptor, none may end the process half-way. */
static void block_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* What the unit says for systemd. */
static void raise_limits(void)
{
    struct rlimit limit;
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)!write(fd, "-500", 4);
        close(fd);
    }
    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

bool daemon_begin(struct daemon *daemon, int *code)
{
    int ends[2];
    pid_t child;

    daemon->report = -1;
    block_signals();
    if (getenv("NOTIFY_SOCKET"))
        return true;
    if (pipe2(ends, O_CLOEXEC) || (child = fork()) < 0) {
        fprintf(stderr, "cannot become a daemon: %s\n", strerror(errno));
        *code = EXIT_INTERNAL;
        return false;
    }
    if (child) {
        close(ends[1]);
        waitpid(child, NULL, 0);
        *code = wait_for_report(ends[0]);
        return false;
    }
    close(ends[0]);
    daemon->report = ends[1];
    setsid();
    child = fork(); /* so that it can never gain a terminal */
    if (child)
        _exit(EXIT_OK);
    raise_limits();
    return true;
}

static void give_up_streams(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
}

void daemon_ready(struct daemon *daemon)
{
    notify("READY=1");
    if (daemon->report >= 0)
        give_up_streams();
    send_report(daemon, EXIT_OK, "");
}

void daemon_failed(struct daemon *daemon, int code, const char *message)
{
    if (daemon->report < 0)
        fprintf(stderr, "%s\n", message);
    send_report(daemon, code, message);
}

int pid_file_write(const char *path)
{
    char staged[128], text[24];
    int fd, size = snprintf(text, sizeof text, "%d\n", getpid()), error = 0;

    snprintf(staged, sizeof staged, "%s.new", path);
    unlink(staged);
    fd = open(staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    if (fchmod(fd, 0644) || write(fd, text, (size_t)size) != size)
        error = errno ? -errno : -EIO;
    close(fd);
    if (!error && rename(staged, path))
        error = -errno;
    if (error)
        unlink(staged);
    return error;
}

void pid_file_remove(const char *path)
{
    FILE *file = fopen(path, "re");
    int pid = 0;

    if (!file)
        return;
    if (fscanf(file, "%d", &pid) == 1 && pid == getpid())
        unlink(path);
    fclose(file);
}
