/* SPDX-License-Identifier: MIT */
#include "linux/clipboard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define DISPLAYS 32
#define LOOK_SECONDS 5
#define ENVIRONMENT_MAX (128u << 10)
#define VALUE_SIZE 1024
#define TIMER UINT32_MAX
#define EXIT_NOT_STARTED 1 /* of the child that became no helper */

struct helper {
    pid_t pid; /* 0: none */
    int socket, display;
    uint32_t uid;
};

struct clipboards {
    clipboard_function *changed;
    void *context;
    int epoll, timer;
    struct helper helper[DISPLAYS];
    char environment[ENVIRONMENT_MAX];
    struct {
        struct clipboard_change change;
        char text[CLIPBOARD_TEXT_MAX];
    } message;
};

/* How somebody reaches a display. */
struct access {
    uint32_t uid, gid;
    char display[32], authority[VALUE_SIZE], home[VALUE_SIZE];
};

static const char *value_of(const char *environment, size_t size, const char *name)
{
    size_t length = strlen(name);

    for (size_t at = 0; at < size; at += strlen(environment + at) + 1)
        if (!strncmp(environment + at, name, length) && environment[at + length] == '=')
            return environment + at + length + 1;
    return NULL;
}

static void copy(char *out, size_t size, const char *value)
{
    snprintf(out, size, "%s", value ? value : "");
}

/* `:7` and `:7.0` */
static bool is_display(const char *value, int display)
{
    char *end;

    return value && *value == ':' && strtol(value + 1, &end, 10) == display && end > value + 1 && (!*end || *end == '.');
}

static bool uses(struct clipboards *clipboards, int directory, int display, struct access *out)
{
    int fd = openat(directory, "environ", O_RDONLY | O_CLOEXEC);
    struct stat status;
    ssize_t size;

    if (fd < 0)
        return false;
    size = read(fd, clipboards->environment, sizeof clipboards->environment - 1);
    close(fd);
    if (size <= 0 || fstat(directory, &status))
        return false;
    clipboards->environment[size] = 0;
    if (!is_display(value_of(clipboards->environment, (size_t)size, "DISPLAY"), display))
        return false;
    copy(out->authority, sizeof out->authority, value_of(clipboards->environment, (size_t)size, "XAUTHORITY"));
    copy(out->home, sizeof out->home, value_of(clipboards->environment, (size_t)size, "HOME"));
    out->uid = status.st_uid;
    out->gid = status.st_gid;
    return true;
}

/* The user whose server it is; 0 also when root runs it for others. False: it is not there. */
static bool find_owner(int display, struct access *out)
{
    struct stat status;
    char path[64];

    snprintf(path, sizeof path, "/tmp/.X11-unix/X%d", display);
    if (lstat(path, &status) || !S_ISSOCK(status.st_mode))
        return false;
    out->uid = status.st_uid;
    out->gid = status.st_gid;
    return true;
}

/*
 * A process that uses the display tells how it is reached. A user's own server is believed to that user only: anybody can claim
 * to use it.
 */
static bool find_access(struct clipboards *clipboards, int display, struct access *out)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    bool found = false;
    struct access user;

    memset(out, 0, sizeof *out);
    snprintf(out->display, sizeof out->display, ":%d", display);
    if (!find_owner(display, out)) {
        if (processes)
            closedir(processes);
        return false;
    }
    while (processes && !found && (entry = readdir(processes))) {
        int directory = entry->d_name[0] < '1' || entry->d_name[0] > '9'
                            ? -1
                            : openat(dirfd(processes), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (directory < 0)
            continue;
        user = *out;
        found = uses(clipboards, directory, display, &user) && (!out->uid || user.uid == out->uid);
        close(directory);
    }
    if (processes)
        closedir(processes);
    if (found)
        *out = user;
    return true;
}

/* In the child of a process with threads: system calls only. */
__attribute__((noreturn)) static void become_helper(int socket, const struct access *access, char **environment)
{
    static char name[] = "sysmon", command[] = "run", option[] = "--clipboard";
    char *const arguments[] = { name, command, option, NULL };
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(socket, STDOUT_FILENO) < 0 || syscall(SYS_setgroups, 0, NULL) ||
        syscall(SYS_setresgid, access->gid, access->gid, access->gid) ||
        syscall(SYS_setresuid, access->uid, access->uid, access->uid) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_PDEATHSIG, SIGTERM) || syscall(SYS_close_range, 3, ~0u, 0))
        _exit(EXIT_NOT_STARTED);
    execve("/proc/self/exe", arguments, environment);
    _exit(EXIT_NOT_STARTED);
}

static pid_t spawn(int socket, const struct access *access)
{
    char display[64], authority[VALUE_SIZE + 16], home[VALUE_SIZE + 16];
    char *environment[] = { display, home, authority, NULL };
    pid_t pid;

    snprintf(display, sizeof display, "DISPLAY=%s", access->display);
    snprintf(authority, sizeof authority, "XAUTHORITY=%s", access->authority);
    snprintf(home, sizeof home, "HOME=%s", access->home);
    if (!access->authority[0])
        environment[2] = NULL;
    pid = fork();
    if (!pid)
        become_helper(socket, access, environment);
    return pid;
}

static int start(struct clipboards *clipboards, unsigned index, int display)
{
    struct helper *helper = &clipboards->helper[index];
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = index };
    int pair[2], room = 2 * (int)sizeof clipboards->message;
    struct access access;

    if (!find_access(clipboards, display, &access))
        return -ENOENT;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return -errno;
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    *helper = (struct helper){ .pid = spawn(pair[1], &access), .socket = pair[0], .display = display, .uid = access.uid };
    close(pair[1]);
    if (helper->pid < 0 || epoll_ctl(clipboards->epoll, EPOLL_CTL_ADD, pair[0], &event)) {
        close(pair[0]);
        helper->pid = 0;
        return -EAGAIN;
    }
    return 0;
}

static void stop(struct helper *helper)
{
    if (!helper->pid)
        return;
    close(helper->socket); /* it ends by itself; and in case it does not: */
    kill(helper->pid, SIGKILL);
    waitpid(helper->pid, NULL, 0);
    helper->pid = 0;
}

static bool is_watched(const struct clipboards *clipboards, int display)
{
    for (unsigned i = 0; i < DISPLAYS; i++)
        if (clipboards->helper[i].pid && clipboards->helper[i].display == display)
            return true;
    return false;
}

static void watch_display(struct clipboards *clipboards, int display)
{
    for (unsigned i = 0; i < DISPLAYS && !is_watched(clipboards, display); i++)
        if (!clipboards->helper[i].pid) {
            start(clipboards, i, display);
            return;
        }
}

static void look_for_displays(struct clipboards *clipboards)
{
    DIR *sockets = opendir("/tmp/.X11-unix");
    struct dirent *entry;

    while (sockets && (entry = readdir(sockets))) {
        char *end;
        long number = entry->d_name[0] == 'X' ? strtol(entry->d_name + 1, &end, 10) : -1;

        if (number >= 0 && number < 65536 && end > entry->d_name + 1 && !*end)
            watch_display(clipboards, (int)number);
    }
    if (sockets)
        closedir(sockets);
}

/* What a helper sends is as good as its user's word. */
static void read_helper(struct clipboards *clipboards, struct helper *helper)
{
    ssize_t size = recv(helper->socket, &clipboards->message, sizeof clipboards->message, MSG_DONTWAIT);
    const struct clipboard_change *change = &clipboards->message.change;

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size < (ssize_t)sizeof *change || (size_t)size != sizeof *change + change->text_size) {
        stop(helper);
        return;
    }
    clipboards->changed(clipboards->context, change, clipboards->message.text, helper->uid, helper->display);
}

void clipboards_read(struct clipboards *clipboards)
{
    struct epoll_event events[DISPLAYS + 1];
    int count = epoll_wait(clipboards->epoll, events, DISPLAYS + 1, 0);
    uint64_t ticks;

    for (int i = 0; i < count; i++) {
        if (events[i].data.u32 != TIMER)
            read_helper(clipboards, &clipboards->helper[events[i].data.u32]);
        else if (read(clipboards->timer, &ticks, sizeof ticks) == sizeof ticks)
            look_for_displays(clipboards);
    }
}

int clipboards_descriptor(const struct clipboards *clipboards)
{
    return clipboards->epoll;
}

int clipboards_open(struct clipboards **out, clipboard_function *changed, void *context)
{
    struct clipboards *clipboards = calloc(1, sizeof *clipboards);
    const struct itimerspec often = { { LOOK_SECONDS, 0 }, { 0, 1 } };
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = TIMER };
    int error;

    if (!clipboards)
        return -ENOMEM;
    clipboards->changed = changed;
    clipboards->context = context;
    clipboards->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    clipboards->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (clipboards->timer >= 0 && clipboards->epoll >= 0 && !timerfd_settime(clipboards->timer, 0, &often, NULL) &&
        !epoll_ctl(clipboards->epoll, EPOLL_CTL_ADD, clipboards->timer, &event)) {
        *out = clipboards;
        return 0;
    }
    error = -errno;
    clipboards_close(clipboards);
    return error;
}

void clipboards_close(struct clipboards *clipboards)
{
    if (!clipboards)
        return;
    for (unsigned i = 0; i < DISPLAYS; i++)
        stop(&clipboards->helper[i]);
    if (clipboards->timer >= 0)
        close(clipboards->timer);
    if (clipboards->epoll >= 0)
        close(clipboards->epoll);
    free(clipboards);
}
