/* SPDX-License-Identifier: MIT */
/* What nearly every event says about the process that acted: time, GUID, pid, image, user; and beside the catalogue. */
#pragma once

#include "linux/processes.h"

/*
 * event_init() and the fields UtcTime, ProcessGuid, ProcessId, Image and User, as far as the event has them (and of
 * event 10 SourceProcessGUID …). Texts are borrowed from `process` and `users`.
 */
void actor_begin(struct event *event, enum catalogue_event_id id, const struct wire_header *header,
                 const struct process *process, struct users *users);
/* Container id and namespaces. Numbers are taken from the arena. */
void actor_extras(struct event *event, const struct process *process, struct text_arena *arena);
void actor_extra_number(struct event *event, const char *name, uint64_t value, struct text_arena *arena);
