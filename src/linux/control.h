/* SPDX-License-Identifier: MIT */
/*
 * The monitor's control socket: owner-only, one request a connection, answered between two events.
 *
 *   DIRECTORY/           0700, made and checked here
 *   DIRECTORY/lock       held (flock) as long as the monitor lives: a second instance is refused, a killed one leaves
 *                        nothing that must be cleaned up
 *   DIRECTORY/control    the socket, 0600; peers must be root or the monitor's own user (SO_PEERCRED)
 *
 * Request: one line, `stats text|json|prometheus`, `reload`, `stop` or `ping`. Answer: `OK SIZE` or `ERROR EXITCODE SIZE`, a
 * newline, SIZE bytes, end. In the monitor's loop:
 *
 *   epoll: control_descriptor() readable  →  control_serve()
 */
#pragma once

#include "sysmon/stats.h"

#include <stdbool.h>

#define CONTROL_DIRECTORY "/run/sysmon"
#define CONTROL_SERVICE "service"

struct control;

struct control_handlers {
    void *context;
    const char *role; /* the answer to `ping`: CONTROL_SERVICE, or another word for what cannot be reconfigured from the store */
    /*
     * Reads the stored configuration again and swaps the rules. Returns an exit code of cli/exit_codes.h; when it is not
     * EXIT_OK nothing has changed and `message` says why in one line.
     */
    int (*reload)(void *context, char *message, size_t size);
    /* Adds the monitor's counters. */
    void (*stats)(void *context, struct stats *stats);
    /* Asks the loop to drain and end; returns at once. */
    void (*stop)(void *context);
};

/* Returns an exit code: EXIT_SECOND_INSTANCE, EXIT_INTERNAL …, with one line in `error`. */
int control_open(struct control **out, const char *directory, const struct control_handlers *handlers, char *error, size_t size);
int control_descriptor(const struct control *control);
/* Serves whoever is ready; never waits. */
void control_serve(struct control *control);
/* Removes the socket; the lock goes with the process. NULL is allowed. */
void control_close(struct control *control);

/*
 * The other end. Waits at most `seconds` for the answer. Returns the exit code of the answer; EXIT_NOT_RUNNING when nobody
 * listens. `*text` (terminated, the caller's) is the answer or a message, also on failure; NULL only without memory.
 */
int control_call(const char *directory, const char *request, unsigned seconds, char **text, size_t *size);
/* Process id of the monitor that listens there; 0 = none. */
int control_peer(const char *directory);
