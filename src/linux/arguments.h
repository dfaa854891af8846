/* SPDX-License-Identifier: MIT */
/* Command lines that are too long for one record: the start of a program waits here for the rest of its arguments. */
#pragma once

#include "linux/decode.h"

#include <sys/queue.h>

#define ARGUMENTS_MAX_WAITING 256u

struct waiting_exec;
TAILQ_HEAD(waiting_execs, waiting_exec);

struct arguments {
    struct waiting_execs waiting; /* oldest first */
    unsigned count;
};

/* `exec`: its record; `arguments` may be less than its arguments_total. Only valid during the call. */
typedef void arguments_function(void *context, const struct decoded_exec *exec, struct match_text arguments);

void arguments_open(struct arguments *arguments);
void arguments_close(struct arguments *arguments);
/* Keeps a copy of a WIRE_EXEC record with WIRE_ARGUMENTS_FOLLOW. False without memory or room: use what is there. */
bool arguments_wait(struct arguments *arguments, const void *record, size_t size);
/* Takes a WIRE_ARGUMENTS record; calls `complete` when it was the last one. */
void arguments_more(struct arguments *arguments, const void *record, size_t size, arguments_function *complete, void *context);
/* Of this process (0: of all that have waited for a whole batch) no more will come. */
void arguments_give_up(struct arguments *arguments, uint32_t pid, arguments_function *complete, void *context);
