/* SPDX-License-Identifier: MIT */
/*
 * New files that are programs (event 29): who made them is told by the sensor, when they are complete by fanotify, which
 * reports the last close after writing and keeps the file open for us to look at.
 */
#pragma once

#include "linux/decode.h"
#include "sysmon/event.h"

#define EXECUTABLES_PATH_MAX 4096

struct executables;

struct executable {
    struct wire_header header; /* of the record that told of the creation */
    struct match_text path;
    int fd; /* the file; whoever takes it sets it to -1 */
};

/* Watches every file system that is mounted now. Negative errno on failure. */
int executables_open(struct executables **out);
void executables_close(struct executables *executables);
int executables_descriptor(const struct executables *executables);

/* A file was created. */
void executables_created(struct executables *executables, const struct wire_name *name, struct match_text path);
/*
 * Two steps, so that no file is closed and asked about before its creation was told: first take what fanotify has, then
 * drain the sensor, then look at what was taken. `tell` gets every new program. Returns how many events were lost.
 */
unsigned executables_take(struct executables *executables);
void executables_look(struct executables *executables, void (*tell)(void *context, struct executable *executable), void *context);
