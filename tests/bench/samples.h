/* SPDX-License-Identifier: MIT */
/* Recorded events in memory: the texts of their fields only. */
#pragma once

#include "sysmon/event.h"

struct sample {
    const struct catalogue_event *type;
    struct match_text *fields;
};

struct samples {
    struct sample *event;
    unsigned count, capacity;
};

/* Every `stride`-th event of a file of JSON lines, gzip accepted. 0, or a negative errno. */
int samples_read(struct samples *samples, const char *path, unsigned stride);
/* The same of every *.jsonl.gz in a folder, in the order of their names. */
int samples_read_folder(struct samples *samples, const char *folder, unsigned stride);
void samples_free(struct samples *samples);
