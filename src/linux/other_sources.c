/* SPDX-License-Identifier: MIT */
/* Events 7 ImageLoad and 29 FileExecutableDetected. */
#include "linux/actor.h"
#include "linux/monitor_state.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/*
 * A program's first mappings are told before its exec is: they wait until it must have been. Those of up to so long
 * before the exec are its own.
 */
#define MAPPING_DELAY_NS 20000000u

static void watch(struct monitor *monitor, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    epoll_ctl(monitor->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void report_failure(struct monitor *monitor, enum catalogue_event_id id, int error)
{
    char text[128];

    snprintf(text, sizeof text, "event %d cannot be observed here: %s", (int)id, strerror(-error));
    monitor_event_error(monitor, "Sensor", text);
}

void monitor_open_sources(struct monitor *monitor)
{
    bool mappings = ruleset_wants(monitor->emitter.rules, EVENT_IMAGE_LOAD);
    bool executables = ruleset_wants(monitor->emitter.rules, EVENT_FILE_EXE_DETECTED);
    int result = monitor_open_clipboards(monitor);

    if (result)
        report_failure(monitor, EVENT_CLIPBOARD, result);
    if (!mappings || !executables)
        monitor_close_sources(monitor);
    if (mappings && !monitor->mappings) {
        result = mappings_open(&monitor->mappings);
        if (result)
            report_failure(monitor, EVENT_IMAGE_LOAD, result);
        else
            watch(monitor, mappings_descriptor(monitor->mappings));
    }
    if (executables && !monitor->executables) {
        result = executables_open(&monitor->executables);
        if (result)
            report_failure(monitor, EVENT_FILE_EXE_DETECTED, result);
        else
            watch(monitor, executables_descriptor(monitor->executables));
    }
}

void monitor_close_sources(struct monitor *monitor)
{
    mappings_close(monitor->mappings);
    executables_close(monitor->executables);
    monitor->mappings = NULL;
    monitor->executables = NULL;
}

/* Fills in who the file is that `path`, as the process names it, leads to; false when that is another file by now. */
static bool identify(struct hash_request *request, char *path, size_t size, const struct mapping *mapping)
{
    struct stat status;

    snprintf(path, size, "/proc/%u/root%s", mapping->pid, mapping->path);
    if (stat(path, &status) || status.st_ino != mapping->inode ||
        status.st_dev != makedev(mapping->major, mapping->minor)) {
        snprintf(path, size, "%s", mapping->path);
        if (stat(path, &status) || status.st_ino != mapping->inode ||
            status.st_dev != makedev(mapping->major, mapping->minor))
            return false;
    }
    request->path = path;
    request->identity = (struct file_identity){
        status.st_dev, status.st_ino, (uint64_t)status.st_size,
        status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec,
        status.st_ctim.tv_sec * INT64_C(1000000000) + status.st_ctim.tv_nsec,
    };
    return S_ISREG(status.st_mode);
}

static struct match_text mapped_path(const struct mapping *mapping)
{
    static const char deleted[] = " (deleted)";
    size_t size = mapping->path_size, mark = sizeof deleted - 1;

    if (size > mark && !memcmp(mapping->path + size - mark, deleted, mark))
        size -= mark;
    return (struct match_text){ mapping->path, (uint32_t)size };
}

static void on_mapping(void *context, const struct mapping *mapping)
{
    struct monitor *monitor = context;
    const struct process *process = process_table_find(monitor->processes.table, mapping->pid, 0, 0);
    struct wire_header header = { .time = mapping->time, .pid = mapping->pid, .tid = mapping->tid };
    struct match_text path = mapped_path(mapping);
    struct hash_request request = { .fd = -1 };
    char resolved[4200];

    if (*mapping->path != '/' || !mapping->inode || !process || mapping->pid == (uint32_t)getpid())
        return; /* [vdso], anonymous memory */
    emitter_saw(&monitor->emitter, EVENT_IMAGE_LOAD);
    header.euid = process->user_id;
    actor_begin(&monitor->event, EVENT_IMAGE_LOAD, &header, process, monitor->processes.users);
    event_set_text(&monitor->event, IMAGE_LOAD_ImageLoaded, path.data, path.size);
    event_set_string(&monitor->event, IMAGE_LOAD_Signed, "false");
    event_set_string(&monitor->event, IMAGE_LOAD_SignatureStatus, "Unavailable");
    actor_extras(&monitor->event, process, &monitor->arena);
    if (identify(&request, resolved, sizeof resolved, mapping))
        parked_emit(&monitor->parked, &monitor->event, IMAGE_LOAD_Hashes, &request, 0);
    else
        emitter_emit(&monitor->emitter, &monitor->event);
    text_reset(&monitor->arena);
}

static void on_executable(void *context, struct executable *executable)
{
    struct monitor *monitor = context;
    const struct process *process;
    struct hash_request request = { .fd = executable->fd };

    emitter_saw(&monitor->emitter, EVENT_FILE_EXE_DETECTED);
    process = monitor_actor(monitor, &executable->header, EVENT_FILE_EXE_DETECTED);
    if (!process)
        return;
    actor_begin(&monitor->event, EVENT_FILE_EXE_DETECTED, &executable->header, process, monitor->processes.users);
    event_set_text(&monitor->event, FILE_EXE_DETECTED_TargetFilename, executable->path.data, executable->path.size);
    actor_extras(&monitor->event, process, &monitor->arena);
    executable->fd = -1; /* the hasher's now */
    parked_emit(&monitor->parked, &monitor->event, FILE_EXE_DETECTED_Hashes, &request, 0);
    text_reset(&monitor->arena);
}

void monitor_before_drain(struct monitor *monitor)
{
    unsigned lost = monitor->executables ? executables_take(monitor->executables) : 0;

    if (lost) {
        accounting_of(&monitor->emitter.accounting, catalogue_find(EVENT_FILE_EXE_DETECTED))->seen += lost;
        emitter_lost(&monitor->emitter, EVENT_FILE_EXE_DETECTED, LOSS_SOURCE_FULL, lost);
    }
}

void monitor_after_drain(struct monitor *monitor, uint64_t began)
{
    uint64_t lost = 0;

    monitor_read_clipboards(monitor);
    if (monitor->executables)
        executables_look(monitor->executables, on_executable, monitor);
    if (monitor->mappings)
        mappings_read(monitor->mappings, began - MAPPING_DELAY_NS, on_mapping, monitor, &lost);
    if (lost) {
        accounting_of(&monitor->emitter.accounting, catalogue_find(EVENT_IMAGE_LOAD))->seen += lost;
        emitter_lost(&monitor->emitter, EVENT_IMAGE_LOAD, LOSS_SOURCE_FULL, lost);
    }
}
