/* SPDX-License-Identifier: MIT */
/* Events about processes, filled from records: 1 ProcessCreate, 5 ProcessTerminate. */
#pragma once

#include "linux/processes.h"

/* Numbers and texts are taken from the arena or borrowed from the table: emit the event before either changes. */
void process_event_started(struct event *event, struct processes *processes, const struct decoded_exec *exec,
                           const struct process *process, const struct process *parent, struct text_arena *arena);
void process_event_ended(struct event *event, struct processes *processes, const struct wire_exit *ended,
                         const struct process *process, struct text_arena *arena);
