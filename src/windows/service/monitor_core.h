/* SPDX-License-Identifier: MIT */
/* Inside of the monitor, for its own files only. */
#pragma once

#include "deleted_files.h"
#include "driver_client.h"
#include "event_log.h"
#include "file_facts.h"
#include "monitor.h"
#include "settings.h"
#include "signature.h"
#include "translate.h"
#include "users.h"
#include "volumes.h"
#include "monitor_source.h"
#include "stats_pipe.h"
#include "work_queue.h"

#include "sysmon/accounting.h"
#include "sysmon/output.h"
#include "sysmon/rule_hits.h"
#include "sysmon/ruleset.h"
#include "sysmon/stats.h"

/* What one configuration makes of events. Shared by threads, freed by the last one. */
struct policy {
    LONG references;
    struct ruleset *rules;
    struct settings settings;
    struct rule_hits *hits; /* worker thread only */
    uint16_t *field_sizes; /* [CATALOGUE_EVENT_COUNT][CATALOGUE_MAX_FIELDS], NULL: none */
};

#define MONITOR_MAX_SOURCES 8

struct source_state {
    void *state;
    bool running;
    DWORD told; /* error of the newest attempt to start it */
};

struct monitor {
    struct monitor_options options;
    wchar_t *driver_name;
    struct work_queue queue;
    struct process_table *table;
    CRITICAL_SECTION table_lock, policy_lock, driver_lock;
    struct policy *policy;
    struct users *users;
    struct volumes *volumes;
    struct file_facts *files;
    struct signatures *signatures;
    struct deleted_files *deleted;
    struct translator translator;
    struct outputs *outputs;
    struct event_log *log;
    struct stats_pipe *stats;
    HANDLE stop, reload;    /* manual-reset; auto-reset */
    volatile LONG reports;  /* event 16 is owed */
    HANDLE worker, reader, watcher;
    struct driver_client *driver; /* NULL while there is none; driver_lock */
    struct source_state sources[MONITOR_MAX_SOURCES];
    /* Lost on any thread, not yet in `accounting`, which is the worker's. */
    volatile LONG64 lost[CATALOGUE_EVENT_COUNT][LOSS_COUNT];
    struct accounting accounting;
    uint64_t log_failures; /* events that the event log refused */
};

/* ---- monitor_config.c ---- */

/* Reads settings and rules. 0, or a Windows error; the present policy stays on failure. */
DWORD policy_load(struct monitor *monitor);
struct policy *policy_acquire(struct monitor *monitor);
void policy_release(struct policy *policy);
DWORD WINAPI watcher_main(void *monitor);

/* ---- monitor_worker.c ---- */

DWORD WINAPI worker_main(void *monitor);
/* Opens the options' outputs; 0, or a negative errno with a message. */
int monitor_open_outputs(struct monitor *monitor, char *message, size_t size);
/* Matches, names the rule, trims and writes. Worker thread only. */
void monitor_emit(struct monitor *monitor, struct event *event);
/* Would rules log it? For verdicts. */
bool monitor_wants(struct monitor *monitor, const struct event *event, const struct catalogue_event *type);
/* Queues an event 4 or 16. */
void monitor_state(struct monitor *monitor, const char *state);
void monitor_configuration(struct monitor *monitor);

/* ---- monitor_stats.c ---- */

void monitor_add_stats(struct monitor *monitor, struct stats *stats);

/* ---- monitor_sources.c ---- */

/* Starts and stops sources as the policy wants; false: one could not be started. */
bool sources_apply(struct monitor *monitor);
void sources_stop(struct monitor *monitor);
/* Worker thread. */
void sources_process_ended(struct monitor *monitor, uint32_t pid);

/* ---- monitor_driver.c ---- */

DWORD WINAPI reader_main(void *monitor);
extern const struct facts monitor_facts; /* context: the monitor */
/* A verified signature comes back: the record goes to the worker once more. */
void monitor_signed(void *monitor, const struct signature *signature, const void *record, size_t size);
