/* SPDX-License-Identifier: MIT */
/* Inside of the monitor, for its own files: monitor.c (loop), dispatch.c (records to events), service_events.c. */
#pragma once

#include "linux/arguments.h"
#include "linux/monitor.h"
#include "linux/parked.h"
#include "linux/processes.h"
#include "linux/sensor.h"

struct monitor {
    struct monitor_options options;
    struct sensor *sensor;
    struct processes processes;
    struct text_arena arena; /* texts of the event at hand */
    struct event event; /* the event at hand */
    struct arguments arguments;
    struct parked parked;
    struct emitter emitter;
    uint64_t users_checked; /* as processes.now */
    uint64_t next_claim;    /* CLOCK_BOOTTIME, ns */
    uint64_t undecodable;   /* records */
    int64_t deadline;       /* ms, CLOCK_MONOTONIC; 0 = none */
    int signals, epoll;
    bool stopping;
};

/* dispatch.c */
void monitor_dispatch(struct monitor *monitor, const void *record, size_t size);
/* After a batch: gives up waiting for halves that did not come. */
void monitor_settle(struct monitor *monitor);
/* Is there a half that waits? Then the loop must come back. */
bool monitor_unsettled(const struct monitor *monitor);
/* At the end: nothing more will come. */
void monitor_finish(struct monitor *monitor);

/* service_events.c */
void monitor_event_state(struct monitor *monitor, const char *state);
void monitor_event_error(struct monitor *monitor, const char *id, const char *description);

/* monitor.c */
void monitor_free(struct monitor *monitor);
