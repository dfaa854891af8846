/* SPDX-License-Identifier: MIT */
/* Events 11 FileCreate, 23 FileDelete and 26 FileDeleteDetected, filled from records about names. */
#pragma once

#include "linux/processes.h"

/* Texts are taken from the arena or borrowed: emit the event before the table or the path changes. */
void file_event_created(struct event *event, struct processes *processes, const struct wire_name *name,
                        struct match_text path, const struct process *process, struct text_arena *arena);
/* `id`: EVENT_FILE_DELETE or EVENT_FILE_DELETE_DETECTED. */
void file_event_deleted(struct event *event, enum catalogue_event_id id, struct processes *processes,
                        const struct wire_name *name, struct match_text path, const struct process *process,
                        struct text_arena *arena);
/* When the file was born: for a file that was there before, as the file system knows it. */
uint64_t file_birth(const struct wire_name *name, struct match_text path);
