/* SPDX-License-Identifier: MIT */
/*
 * The Linux monitor: sensor, process table, rules and hashing joined to one loop. `sysmon run` and the installed service
 * both run it; they differ in where configuration and outputs come from.
 */
#pragma once

#include "linux/emitter.h"
#include "sysmon/config.h"

#include <stdbool.h>

struct monitor;

struct monitor_options {
    const struct config *config;   /* NULL: manifest defaults */
    const char *config_name;       /* for event 16: path or command line; NULL = no event 16 */
    emitter_write_function *write; /* gets every event that is to be logged */
    void *context;
    /* Called between events, when a batch is done: a good moment to flush. May be NULL. */
    void (*idle)(void *context);
    /* SIGHUP. Returns the new configuration or NULL to keep the old one; monitor_configure() is then called. May be NULL. */
    void (*reload)(void *context, struct monitor *monitor);
};

/*
 * Loads and attaches the sensor and takes stock of the running processes. On failure the exit code for it
 * (cli/exit_codes.h) is returned and `error` has the message; 0 = success. Blocks SIGINT, SIGTERM and SIGHUP.
 */
int monitor_open(struct monitor **out, const struct monitor_options *options, char *error, size_t error_size);
/* Runs until SIGINT, SIGTERM, monitor_stop() or, if not 0, for `seconds`. Then drains. 0 or a negative errno. */
int monitor_run(struct monitor *monitor, unsigned seconds);
/* Only from the monitor's own callbacks. */
void monitor_stop(struct monitor *monitor);
/* New rules, between two events: none is judged by half of them. Negative errno: the old ones stay. */
int monitor_configure(struct monitor *monitor, const struct config *config, const char *config_name);
/* Writes event 4 `Stopped`, and frees. */
void monitor_close(struct monitor *monitor);

struct monitor_counters { /* of one event type */
    uint64_t seen, delivered, filtered;
    uint64_t lost_ring, lost_scratch, lost_decode;
};

/* By index of catalogue_events. */
void monitor_counters(struct monitor *monitor, struct monitor_counters out[CATALOGUE_EVENT_COUNT]);
