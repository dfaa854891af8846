/* SPDX-License-Identifier: MIT */
/*
 * Monitoring as such, the same for the service and for `run`: sources push what they saw into one queue, one worker makes events,
 * matches and hands them to the outputs.
 *
 *   driver reader ─┐                                           ┌─ event log
 *   ETW, clipboard ├─► work queue ─► worker: event ─► rules ─► ┤
 *   WMI, itself   ─┘                                           └─ outputs
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>
#include <windows.h>

struct monitor;

struct monitor_options {
    const wchar_t *driver;      /* NULL: no driver */
    const char *const *outputs; /* specifications of sysmon/output.h */
    unsigned output_count;
    bool event_log;
    bool configured;            /* the configuration is new: event 16 at start */
    const wchar_t *name;        /* of the service, for `stats` */
};

/* 0, or a Windows error after a message in `message`. */
DWORD monitor_start(struct monitor **out, const struct monitor_options *options, char *message, size_t size);
/* Event 4 `Stopped`, everything that came is written, threads end. */
void monitor_stop(struct monitor *monitor);
/* The settings changed; `report`: by the tool, so that event 16 is written. Returns at once. */
void monitor_reload(struct monitor *monitor, bool report);
/* Queues an event 255. */
void monitor_report(struct monitor *monitor, const char *id, const char *description);
/* A session began (or became active) or ended: the clipboard helper of it. Returns at once. */
void monitor_session(struct monitor *monitor, uint32_t session, bool active);
