/* SPDX-License-Identifier: MIT */
/*
 * Sources in user mode (ETW, clipboard, WMI …): each is one row of monitor_sources[] in monitor_sources.c. The monitor starts a source when
 * the settings want it and stops it when they no longer do; a start that fails is told in an event 255 and tried again.
 *
 * A source pushes what it saw from its own threads:
 *
 *   struct seen { uint32_t pid; … };                            plain data, copied
 *   static int make(struct monitor *m, struct pool *pool, void *data, size_t size, struct event *out) { … return 0; }
 *   monitor_post(monitor, make, &seen, sizeof(seen));
 *
 * `make` runs later on the worker thread, where processes may be looked up (monitor_translator) and texts put into the pool.
 */
#pragma once

#include "settings.h"
#include "translate.h"
#include "work_queue.h"

#include "sysmon/accounting.h"
#include "sysmon/ruleset.h"

struct monitor_source {
    const char *name;                                 /* ID of its events 255 */
    uint16_t event;                                   /* whose losses it has */
    bool (*wanted)(const struct settings *settings, const struct ruleset *rules);
    /* 0, or a Windows error; ERROR_NOT_SUPPORTED: not on this system, not tried again. May wait for its session, not for the network. */
    DWORD (*start)(struct monitor *monitor, const struct settings *settings, void **state);
    /* Ends its threads; nothing is posted afterwards. */
    void (*stop)(void *state);
    /* After a change of settings while it runs; NULL: of no interest. */
    void (*configure)(void *state, const struct settings *settings);
    /* Worker thread: a process has ended; a session began or ended. Must be quick; NULL: of no interest. */
    void (*process_ended)(void *state, uint32_t pid);
    void (*session)(void *state, uint32_t session, bool active);
};

/* From any thread. Never waits: a full queue counts as a loss of the source's event. */
void monitor_post(struct monitor *monitor, uint16_t event, work_function make, const void *data, size_t size);
/* What a source knows to be lost before it could post it. Any thread. */
void monitor_lost(struct monitor *monitor, uint16_t event, enum loss_cause cause, uint64_t count);
/* Worker thread only. */
struct translator *monitor_translator(struct monitor *monitor);
/* An event 255, from any thread. */
void monitor_error(struct monitor *monitor, const char *id, const char *description);
void monitor_error_code(struct monitor *monitor, const char *id, const char *what, DWORD error);
