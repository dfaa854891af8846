/* SPDX-License-Identifier: MIT */
/*
 * A run of the monitor with everything around it: configuration, outputs, control socket. `sysmon run` and the installed
 * service differ in where the configuration comes from and in what they tell whom.
 */
#pragma once

#include "installed_config.h"
#include "sysmon/output.h"

struct session;

struct session_options {
    /*
     * Gives the configuration, at the start and at every reload; Returns an exit
     * code, with one line in `error` when it is not EXIT_OK.
     */
    int (*load)(void *context, struct installed_config *config, char *error, size_t size);
    void *context;
    const char *const *outputs; /* specifications, see sysmon/output.h */
    unsigned output_count;
    uint64_t *record_counter;   /* see struct outputs_options; NULL: from 1 */
    const char *runtime;        /* control directory; NULL: none, and other instances do not matter */
    const char *role;           /* see struct control_handlers */
};

/* Returns an exit code, with one line in `error`. */
int session_open(struct session **out, const struct session_options *options, char *error, size_t size);
/* Until a signal, `stop`, or (not 0) for `seconds`. Returns an exit code. */
int session_run(struct session *session, unsigned seconds);
/* An event 255. */
void session_report(struct session *session, const char *id, const char *text);
/* What was seen and what became of it. */
void session_print_totals(struct session *session, FILE *out);
/* Drains, flushes, frees. */
void session_close(struct session *session);
