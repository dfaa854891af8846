/* SPDX-License-Identifier: MIT */
/* Inside of the monitor, for its own files: monitor.c (loop), dispatch.c (records to events), service_events.c. */
#pragma once

#include "linux/arguments.h"
#include "linux/dns_events.h"
#include "linux/executables.h"
#include "linux/mappings.h"
#include "linux/monitor.h"
#include "linux/parked.h"
#include "linux/processes.h"
#include "linux/sensor.h"

struct monitor_watch {
    int fd;
    void (*ready)(void *context);
    void *context;
};

struct monitor {
    struct monitor_options options;
    struct sensor *sensor;
    struct processes processes;
    struct text_arena arena; /* texts of the event at hand */
    struct event event; /* the event at hand */
    struct arguments arguments;
    struct parked parked;
    struct dns_events *dns;
    struct emitter emitter;
    struct clipboards *clipboards;   /* NULL: event 24 is not wanted */
    struct archive *clipboard_archive;
    bool capture_clipboard;          /* the option */
    struct archive *archive;         /* NULL: event 23 is not wanted */
    struct mappings *mappings;       /* NULL: event 7 is not wanted */
    struct executables *executables; /* NULL: event 29 is not wanted */
    uint64_t users_checked; /* as processes.now */
    uint64_t next_claim;    /* CLOCK_BOOTTIME, ns */
    int64_t deadline;       /* ms, CLOCK_MONOTONIC; 0 = none */
    int signals, epoll;
    bool stopping, ended;
    struct monitor_watch watch[MONITOR_MAX_WATCHES];
    unsigned watches;
    bool active;          /* records came since the accounts were settled */
    uint64_t accounted;   /* CLOCK_BOOTTIME, ns: when they were */
    uint64_t losses_seen; /* the sensor's loss counter then */
    struct wire_counters kernel[WIRE_TYPE_COUNT]; /* its counters then */
    uint64_t missed[WIRE_TYPE_COUNT];
};

/* dispatch.c */
void monitor_dispatch(struct monitor *monitor, const void *record, size_t size);
/* What a record of this type is counted as; 0 = it is no event by itself. */
enum catalogue_event_id monitor_event_of(uint32_t type);
/* The process that acted; NULL without memory, and then counted as a loss of `id`. */
const struct process *monitor_actor(struct monitor *monitor, const struct wire_header *header, enum catalogue_event_id id);

/* dispatch_files.c: records about names of files, and processes reaching into others. False: undecodable. */
bool monitor_created(struct monitor *monitor, const void *record, size_t size);
bool monitor_deleted(struct monitor *monitor, const void *record, size_t size);
bool monitor_raw(struct monitor *monitor, const void *record, size_t size);
bool monitor_pipe(struct monitor *monitor, const void *record, size_t size);
bool monitor_times(struct monitor *monitor, const void *record, size_t size);
bool monitor_attribute(struct monitor *monitor, const void *record, size_t size);
bool monitor_access(struct monitor *monitor, const void *record, size_t size);

/* kernel_events.c: BPF programs and modules. */
bool monitor_program(struct monitor *monitor, const void *record, size_t size);
bool monitor_module(struct monitor *monitor, const void *record, size_t size);

/* tamper_events.c */
bool monitor_tampered(struct monitor *monitor, const void *record, size_t size);
/* Behind event 1: event 25 when the program has no file that anybody could look at. */
void tamper_started(struct monitor *monitor, const struct wire_exec *exec, const struct process *process);

/* clipboard_events.c: opens and closes as rules and option want. Negative errno: it cannot be watched. */
int monitor_open_clipboards(struct monitor *monitor);
void monitor_close_clipboards(struct monitor *monitor);
void monitor_read_clipboards(struct monitor *monitor);

/* other_sources.c: what does not come from the sensor: mappings and closed files. Opens and closes them as the rules want. */
void monitor_open_sources(struct monitor *monitor);
void monitor_close_sources(struct monitor *monitor);
/* Around draining the sensor: what it tells is needed to understand what they took before. */
void monitor_before_drain(struct monitor *monitor);
void monitor_after_drain(struct monitor *monitor, uint64_t began);

/* After a batch: gives up waiting for halves that did not come. */
void monitor_settle(struct monitor *monitor);
/* Is there a half that waits? Then the loop must come back. */
bool monitor_unsettled(const struct monitor *monitor);
/* At the end: nothing more will come. */
void monitor_finish(struct monitor *monitor);

uint64_t monitor_now(void); /* CLOCK_BOOTTIME, ns */

/* service_events.c */
void monitor_event_state(struct monitor *monitor, const char *state);
void monitor_event_configuration(struct monitor *monitor, const struct monitor_configuration *configuration);

/* losses.c: brings what the kernel half lost into the accounts, and tells what is new by events 255. */
void monitor_account(struct monitor *monitor);
void monitor_tell_losses(struct monitor *monitor);
/* Milliseconds until monitor_tell_losses() wants to be called; -1: not at all. */
int monitor_losses_wait(const struct monitor *monitor);

/* monitor.c */
void monitor_free(struct monitor *monitor);
