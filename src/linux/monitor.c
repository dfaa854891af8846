/* SPDX-License-Identifier: MIT */
/* The loop: wait, drain the sensor, dispatch each record, hand over what has become ready. */
#include "linux/monitor.h"

#include "linux/clock.h"
#include "linux/monitor_state.h"
#include "linux/proc.h"

#include "cli/exit_codes.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* After a batch the reader stays away for a moment, so that a busy machine wakes it a few hundred times a second, not for
 * every record. An idle one does not wake it at all. */
#define NAP_NS 4000000
/* How long an unfinished command line or another half event may wait for its second half. */
#define PATIENCE_MS 20
/* At the end, for files that are being hashed. */
#define CLOSING_MS 3000

static void on_record(void *context, const void *record, size_t size)
{
    monitor_dispatch(context, record, size);
}

static int watch(struct monitor *monitor, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    return epoll_ctl(monitor->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_loop(struct monitor *monitor)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &signals, NULL))
        return -errno;
    monitor->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    monitor->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (monitor->signals < 0 || monitor->epoll < 0 || watch(monitor, monitor->signals) ||
        watch(monitor, hasher_fd(monitor->parked.hasher)) || watch(monitor, sensor_descriptor(monitor->sensor)))
        return -errno;
    return 0;
}

static void on_running(void *context, const void *record, size_t size)
{
    struct monitor *monitor = context;
    struct decoded_exec exec;
    struct match_text arguments, line = { "", 0 };
    char *text;

    if (decode_exec(&exec, record, size))
        return;
    arguments = proc_arguments(exec.exec->header.pid, &monitor->arena);
    text = text_take(&monitor->arena, decode_command_line(NULL, arguments) + 1);
    if (text) {
        line.data = text;
        line.size = (uint32_t)decode_command_line(text, arguments);
    }
    processes_started(&monitor->processes, &exec, line, false, &monitor->arena);
    text_reset(&monitor->arena);
}

static const struct {
    enum catalogue_event_id event;
    uint32_t features;
} needs[] = {
    { EVENT_NETWORK_CONNECT, SENSOR_TCP | SENSOR_UDP },
    { EVENT_DNS_QUERY, SENSOR_DNS },
    { EVENT_EBPF_EVENT, SENSOR_PROGRAM },
    { EVENT_DRIVER_LOAD, SENSOR_MODULE },
    { EVENT_PROCESS_IMAGE_TAMPERING, SENSOR_TAMPER },
    { EVENT_FILE_CREATE, SENSOR_CREATE },
    { EVENT_FILE_EXE_DETECTED, SENSOR_CREATE },
    { EVENT_FILE_DELETE, SENSOR_DELETE | SENSOR_CREATE },
    { EVENT_FILE_DELETE_DETECTED, SENSOR_DELETE },
    { EVENT_FILE_TIME, SENSOR_TIMES },
    { EVENT_FILE_CREATE_STREAM_HASH, SENSOR_ATTRIBUTE },
    { EVENT_RAWACCESS_READ, SENSOR_RAW },
    { EVENT_ACCESS_PROCESS, SENSOR_ACCESS },
    { EVENT_CREATE_NAMEDPIPE, SENSOR_PIPE },
    { EVENT_CONNECT_NAMEDPIPE, SENSOR_PIPE },
};

/* What the rules could log. */
static uint32_t features(const struct monitor *monitor)
{
    uint32_t wanted = 0;

    for (unsigned i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if (ruleset_wants(monitor->emitter.rules, needs[i].event))
            wanted |= needs[i].features;
    return wanted;
}

/* `ArchiveDirectory` is one path component: a directory among ours. */
static int open_archive(struct archive **out, const struct config *config)
{
    const char *name = config->option[OPTION_ArchiveDirectory].text;
    char path[512];

    if (!name || !*name || strchr(name, '/'))
        return archive_create(out, NULL);
    snprintf(path, sizeof path, "/var/lib/sysmon/%s", name);
    return archive_create(out, path);
}

static int use_archive(struct monitor *monitor, const struct config *config)
{
    const struct ruleset *rules = monitor->emitter.rules;
    int result = 0;

    monitor->capture_clipboard = config->option[OPTION_CaptureClipboard].set;
    if (!monitor->archive && ruleset_wants(rules, EVENT_FILE_DELETE))
        result = open_archive(&monitor->archive, config);
    if (!result && !monitor->clipboard_archive && monitor->capture_clipboard)
        result = open_archive(&monitor->clipboard_archive, config);
    return result;
}

static int use_config(struct monitor *monitor, const struct config *config)
{
    uint32_t mask = hash_mask(config->hash_algorithms);
    int result = emitter_set_rules(&monitor->emitter, config->blob, config->blob_size, config->field_sizes);

    if (!result)
        result = use_archive(monitor, config);
    if (!result)
        monitor->parked.mask = mask ? mask : HASH_DEFAULT;
    return result;
}

int monitor_open(struct monitor **out, const struct monitor_options *options, char *error, size_t error_size)
{
    struct monitor *monitor = calloc(1, sizeof *monitor);
    int result = -ENOMEM;

    if (!monitor)
        return EXIT_INTERNAL;
    monitor->options = *options;
    monitor->signals = monitor->epoll = -1;
    arguments_open(&monitor->arguments);
    clock_refresh();
    if (text_ready(&monitor->arena) || (result = processes_open(&monitor->processes)) ||
        (result = emitter_create(&monitor->emitter, options->write, options->context)) ||
        (result = parked_open(&monitor->parked, &monitor->emitter, HASH_DEFAULT)) ||
        (result = dns_events_create(&monitor->dns, monitor)) ||
        (options->configuration.config && (result = use_config(monitor, options->configuration.config)))) {
        snprintf(error, error_size, "cannot start: %s", strerror(-result));
        result = EXIT_INTERNAL;
        goto fail;
    }
    result = sensor_open(&monitor->sensor, features(monitor), on_record, monitor, error, error_size);
    if (result)
        goto fail;
    result = sensor_running(monitor->sensor, on_running, monitor);
    if (!result)
        result = open_loop(monitor);
    if (result) {
        snprintf(error, error_size, "cannot start: %s", strerror(-result));
        result = EXIT_SENSOR;
        goto fail;
    }
    monitor_open_sources(monitor);
    monitor_event_configuration(monitor, &options->configuration);
    monitor_event_state(monitor, "Started");
    *out = monitor;
    return 0;
fail:
    monitor_free(monitor);
    return result;
}

int monitor_configure(struct monitor *monitor, const struct monitor_configuration *configuration)
{
    int result = use_config(monitor, configuration->config);

    if (!result)
        result = sensor_observe(monitor->sensor, features(monitor));
    if (!result) {
        monitor_open_sources(monitor);
        monitor_event_configuration(monitor, configuration);
    }
    return result;
}

int monitor_watch(struct monitor *monitor, int fd, void (*ready)(void *context), void *context)
{
    int result;

    if (monitor->watches == MONITOR_MAX_WATCHES)
        return -ENOSPC;
    result = watch(monitor, fd);
    if (!result)
        monitor->watch[monitor->watches++] = (struct monitor_watch){ fd, ready, context };
    return result;
}

/* --- the loop --------------------------------------------------------------------------------------------------------- */

static void begin_batch(struct monitor *monitor)
{
    struct timespec time;

    clock_refresh();
    clock_gettime(CLOCK_BOOTTIME, &time);
    monitor->processes.now = (uint64_t)time.tv_sec * 10000000u + (uint64_t)time.tv_nsec / 100;
    if (monitor->processes.now - monitor->users_checked > 10000000u) { /* 1 s */
        users_refresh(monitor->processes.users);
        monitor->users_checked = monitor->processes.now;
    }
}

static int drain(struct monitor *monitor)
{
    uint64_t began = monitor_now();
    int count;

    begin_batch(monitor);
    monitor_before_drain(monitor);
    count = sensor_drain(monitor->sensor);
    monitor_after_drain(monitor, began);
    if (count > 0)
        monitor->active = true;
    monitor_settle(monitor);
    parked_collect(&monitor->parked);
    return count;
}

static void handle_signals(struct monitor *monitor)
{
    struct signalfd_siginfo info;

    while (read(monitor->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGHUP)
            monitor->stopping = true;
        else if (monitor->options.reload)
            monitor->options.reload(monitor->options.context);
    }
}

static int64_t milliseconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* -1 = never */
static int64_t sooner(int64_t left, int64_t right)
{
    return left < 0 || (right >= 0 && right < left) ? right : left;
}

/* Time-out of the wait: -1 when nothing is pending. */
static int patience(struct monitor *monitor)
{
    int64_t wait = sooner(hasher_timeout(monitor->parked.hasher), monitor_losses_wait(monitor));

    wait = sooner(wait, dns_events_wait(monitor->dns));
    if (monitor_unsettled(monitor))
        wait = sooner(wait, PATIENCE_MS);
    if (monitor->deadline) {
        int64_t left = monitor->deadline - milliseconds();

        if (left <= 0)
            monitor->stopping = true;
        wait = sooner(wait, left < 0 ? 0 : left);
    }
    return wait > INT_MAX ? INT_MAX : (int)wait;
}

static void serve(struct monitor *monitor, int fd)
{
    if (fd == monitor->signals)
        handle_signals(monitor);
    for (unsigned i = 0; i < monitor->watches; i++)
        if (fd == monitor->watch[i].fd)
            monitor->watch[i].ready(monitor->watch[i].context);
}

static void wait_for_work(struct monitor *monitor, int timeout)
{
    struct epoll_event events[8];
    int count = epoll_wait(monitor->epoll, events, 8, timeout);

    for (int i = 0; i < count; i++)
        serve(monitor, events[i].data.fd);
}

/* Under load the loop never waits; whoever else has something to say is still heard. */
static void poll_others(struct monitor *monitor)
{
    wait_for_work(monitor, 0);
    if (monitor->deadline && milliseconds() >= monitor->deadline)
        monitor->stopping = true;
}

int monitor_run(struct monitor *monitor, unsigned seconds)
{
    const struct timespec nap = { 0, NAP_NS };

    monitor->stopping = false;
    monitor->deadline = seconds ? milliseconds() + (int64_t)seconds * 1000 : 0;
    while (!monitor->stopping) {
        int count = drain(monitor);

        if (count < 0)
            return count;
        if (count) {
            poll_others(monitor);
            clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
        } else if (sensor_sleep(monitor->sensor)) {
            wait_for_work(monitor, patience(monitor));
        }
    }
    return 0;
}

void monitor_stop(struct monitor *monitor)
{
    monitor->stopping = true;
}

void monitor_free(struct monitor *monitor)
{
    monitor_close_sources(monitor);
    sensor_close(monitor->sensor);
    parked_close(&monitor->parked);
    dns_events_destroy(monitor->dns);
    monitor_close_clipboards(monitor);
    archive_destroy(monitor->clipboard_archive);
    archive_destroy(monitor->archive);
    arguments_close(&monitor->arguments);
    emitter_destroy(&monitor->emitter);
    processes_close(&monitor->processes);
    text_free(&monitor->arena);
    if (monitor->signals >= 0)
        close(monitor->signals);
    if (monitor->epoll >= 0)
        close(monitor->epoll);
    free(monitor);
}

/* What still waits for a hash gets a moment. */
static void wait_for_hashes(struct monitor *monitor)
{
    int64_t end = milliseconds() + CLOSING_MS, left;

    while (monitor->parked.first && (left = end - milliseconds()) > 0) {
        struct pollfd ready = { .fd = hasher_fd(monitor->parked.hasher), .events = POLLIN };

        poll(&ready, 1, (int)sooner(hasher_timeout(monitor->parked.hasher), left));
        parked_collect(&monitor->parked);
    }
    parked_close(&monitor->parked);
}

void monitor_end(struct monitor *monitor)
{
    if (monitor->ended)
        return;
    monitor->ended = true;
    sensor_detach(monitor->sensor);
    drain(monitor);
    monitor_finish(monitor);
    wait_for_hashes(monitor);
    monitor_account(monitor);
    monitor->accounted = 0; /* whatever is not told yet is told now */
    monitor->active = true;
    monitor_tell_losses(monitor);
    monitor_event_state(monitor, "Stopped");
}

void monitor_close(struct monitor *monitor)
{
    if (!monitor)
        return;
    monitor_end(monitor);
    monitor_free(monitor);
}
