/* SPDX-License-Identifier: MIT */
/* `sysmon run`: monitor in the foreground. */
#include "cli/command.h"
#include "linux/clock.h"
#include "linux/decode.h"
#include "linux/sensor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static void on_record(void *context, const void *record, size_t size)
{
    struct decoded_exec exec;
    const struct wire_exit *ended;
    const struct wire_header *header = record;
    char time[48];
    unsigned length = format_time(time, clock_event_time(header->time));

    if (header->type == WIRE_EXEC && !decode_exec(&exec, record, size)) {
        char *image = malloc(exec.image.size + 2u), *line = malloc(decode_command_line(NULL, exec.arguments) + 1);
        decode_path(image, exec.image);
        line[decode_command_line(line, exec.arguments)] = 0;
        printf("%.*s ProcessCreate %u %s: %s\n", (int)length, time, header->pid, image, line);
        free(image);
        free(line);
    } else if (header->type == WIRE_EXIT && !decode_exit(&ended, record, size)) {
        printf("%.*s ProcessTerminate %u\n", (int)length, time, header->pid);
    }
}

int cmd_run(int argc, char **argv)
{
    struct sensor *sensor;
    char error[8192];
    sigset_t signals;
    long duration = 0;
    int result, epoll, descriptor, timer;
    struct epoll_event event = { .events = EPOLLIN };

    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--duration") && i + 1 < argc)
            duration = atol(argv[++i]);
    if (geteuid()) {
        fputs("sysmon run: must be root: the kernel half is BPF\n", stderr);
        return EXIT_NOT_ROOT;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    descriptor = signalfd(-1, &signals, SFD_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (duration > 0)
        timerfd_settime(timer, 0, &(struct itimerspec){ .it_value.tv_sec = duration }, NULL);
    result = sensor_open(&sensor, on_record, NULL, error, sizeof error);
    if (result) {
        fprintf(stderr, "sysmon run: %s\n", error);
        return result;
    }
    epoll = epoll_create1(EPOLL_CLOEXEC);
    event.data.fd = descriptor;
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
    event.data.fd = timer;
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
    event.data.fd = sensor_descriptor(sensor);
    epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
    for (;;) {
        clock_refresh();
        if (sensor_drain(sensor) > 0 || !sensor_sleep(sensor))
            continue;
        fflush(stdout);
        if (epoll_wait(epoll, &event, 1, -1) == 1 && event.data.fd != sensor_descriptor(sensor))
            break;
    }
    sensor_close(sensor);
    return EXIT_OK;
}
