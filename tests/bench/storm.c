/* SPDX-License-Identifier: MIT */
/*
 * One kind of load, measured: nanoseconds an operation on standard output, by the clock and of processor time (with the
 * children's), which other work on the machine disturbs less.
 *
 *   storm spawn N           posix_spawn() of this program, which ends at once, and wait
 *   storm files N DIR       create, close and unlink in DIR
 *   storm churn N DIR P     the same in P processes at once; nanoseconds are those of the slowest
 *   storm connect N         connect, accept, close over loopback, in one thread
 *   storm call NAME N       a system call no rule concerns: getppid, read (of /dev/zero), write (to /dev/null)
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double nanoseconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double processor_nanoseconds(void)
{
    double sum = 0;

    for (int who = RUSAGE_CHILDREN; who <= RUSAGE_SELF; who++) {
        struct rusage usage;

        getrusage(who, &usage);
        sum += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
    }
    return sum;
}

static void spawn_once(void)
{
    char self[] = "/proc/self/exe", end[] = "end", *arguments[] = { self, end, NULL };
    static char path[4096];
    int status;
    pid_t pid;

    if (!*path && readlink(self, path, sizeof path - 1) < 0)
        err(1, "readlink");
    if ((errno = posix_spawn(&pid, path, NULL, NULL, arguments, environ)))
        err(1, "posix_spawn");
    if (waitpid(pid, &status, 0) != pid || status)
        errx(1, "the child failed");
}

static void create_and_delete(int directory, unsigned number)
{
    char name[32];
    int fd;

    snprintf(name, sizeof name, "f%u", number);
    fd = openat(directory, name, O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (fd < 0)
        err(1, "%s", name);
    close(fd);
    if (unlinkat(directory, name, 0))
        err(1, "unlink %s", name);
}

static int open_directory(const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY);

    if (directory < 0)
        err(1, "%s", path);
    return directory;
}

static void churn(unsigned count, const char *path, unsigned processes)
{
    for (unsigned p = 0; p < processes; p++)
        if (!fork()) {
            char name[32];
            int parent = open_directory(path), directory;

            snprintf(name, sizeof name, "p%u", p);
            if (mkdirat(parent, name, 0700) && errno != EEXIST)
                err(1, "%s", name);
            directory = openat(parent, name, O_RDONLY | O_DIRECTORY);
            for (unsigned i = 0; i < count / processes; i++)
                create_and_delete(directory, i);
            unlinkat(parent, name, AT_REMOVEDIR);
            _exit(0);
        }
    for (unsigned p = 0; p < processes; p++) {
        int status;

        if (wait(&status) < 0 || status)
            errx(1, "a child failed");
    }
}

static int listening(struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    *address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (fd < 0 || bind(fd, (struct sockaddr *)address, sizeof *address) || listen(fd, 128) ||
        getsockname(fd, (struct sockaddr *)address, &size))
        err(1, "listen");
    return fd;
}

static void connect_once(int listener, const struct sockaddr_in *address)
{
    const struct linger reset = { 1, 0 }; /* leaves no TIME_WAIT: the ports would run out */
    int client = socket(AF_INET, SOCK_STREAM, 0), server;

    if (client < 0 || connect(client, (const struct sockaddr *)address, sizeof *address))
        err(1, "connect");
    server = accept(listener, NULL, NULL);
    if (server < 0)
        err(1, "accept");
    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(client);
    close(server);
}

static void call(const char *name, unsigned count)
{
    int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
    char byte = 0;
    ssize_t done = 0;

    if (!strcmp(name, "getppid"))
        for (unsigned i = 0; i < count; i++)
            done += syscall(SYS_getppid);
    else if (!strcmp(name, "read"))
        for (unsigned i = 0; i < count; i++)
            done += read(zero, &byte, 1);
    else
        for (unsigned i = 0; i < count; i++)
            done += write(null, &byte, 1);
    if (done < (ssize_t)count)
        errx(1, "%s failed", name);
}

int main(int argc, char **argv)
{
    unsigned count = argc > 2 ? (unsigned)strtoul(argv[argc > 3 && !strcmp(argv[1], "call") ? 3 : 2], NULL, 10) : 0;
    struct sockaddr_in address;
    double start = nanoseconds(), processor = processor_nanoseconds();

    if (argc == 2 && !strcmp(argv[1], "end"))
        return 0;
    if (argc < 3 || !count)
        errx(2, "usage: storm spawn|files|churn|connect|call …");
    if (!strcmp(argv[1], "spawn")) {
        for (unsigned i = 0; i < count; i++)
            spawn_once();
    } else if (!strcmp(argv[1], "files") && argc > 3) {
        int directory = open_directory(argv[3]);
        for (unsigned i = 0; i < count; i++)
            create_and_delete(directory, i);
    } else if (!strcmp(argv[1], "churn") && argc > 4) {
        churn(count, argv[3], (unsigned)strtoul(argv[4], NULL, 10));
    } else if (!strcmp(argv[1], "connect")) {
        int listener = listening(&address);
        for (unsigned i = 0; i < count; i++)
            connect_once(listener, &address);
    } else if (!strcmp(argv[1], "call") && argc > 3) {
        call(argv[2], count);
    } else {
        errx(2, "unknown load %s", argv[1]);
    }
    printf("%.1f %.1f\n", (nanoseconds() - start) / count, (processor_nanoseconds() - processor) / count);
    return 0;
}
