/* SPDX-License-Identifier: MIT */
/*
 * The Linux monitor: sensor, process table, rules and hashing joined to one loop. `sysmon run` and the installed service
 * both run it; they differ in where configuration and outputs come from.
 */
#pragma once

#include "linux/emitter.h"
#include "sysmon/config.h"
#include "sysmon/stats.h"

struct monitor;

struct monitor_configuration {
    const struct config *config; /* NULL: manifest defaults */
    const char *name, *hash;     /* for event 16: path or command line, `SHA256=…`; NULL = none */
};

struct monitor_options {
    struct monitor_configuration configuration;
    emitter_write_function *write; /* gets every event that is to be logged */
    void *context;
    /* SIGHUP: the place to read the configuration again and call monitor_configure(). May be NULL. */
    void (*reload)(void *context);
};

/*
 * Loads and attaches the sensor and takes stock of the running processes. On failure the exit code for it
 * (cli/exit_codes.h) is returned and `error` has the message; 0 = success. Blocks SIGINT, SIGTERM and SIGHUP.
 */
int monitor_open(struct monitor **out, const struct monitor_options *options, char *error, size_t error_size);
/* Runs until SIGINT, SIGTERM, monitor_stop() or, if not 0, for `seconds`. Then drains. 0 or a negative errno. */
int monitor_run(struct monitor *monitor, unsigned seconds);
/* Only from the monitor's own callbacks. The loop drains and returns. */
void monitor_stop(struct monitor *monitor);
/* New rules and event 16, between two events: none is judged by half of them. Negative errno: the old ones stay. */
int monitor_configure(struct monitor *monitor, const struct monitor_configuration *configuration);
/* Detaches, drains, lets hashing end, and writes event 4 `Stopped`. Counters can still be read. */
void monitor_end(struct monitor *monitor);
/* Ends, if that has not been done, and frees. */
void monitor_close(struct monitor *monitor);

/* Event 255. `id` names the component. */
void monitor_event_error(struct monitor *monitor, const char *id, const char *description);
/* Calls `ready` in the loop whenever `fd` can be read. At most MONITOR_MAX_WATCHES. */
int monitor_watch(struct monitor *monitor, int fd, void (*ready)(void *context), void *context);
/* Adds the monitor's counters; those of the outputs are not its own. */
void monitor_stats(struct monitor *monitor, struct stats *stats);
/* What was seen and what became of it, one line per event type that occurred. */
void monitor_print_totals(struct monitor *monitor, FILE *out);

#define MONITOR_MAX_WATCHES 4
