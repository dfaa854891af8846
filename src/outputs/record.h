/* SPDX-License-Identifier: MIT */
/* One rendered event, shared by the queues of all outputs that want the same form. */
#pragma once

#include "sysmon/render.h"

#include <stdatomic.h>

struct record {
    atomic_uint references;
    uint16_t event_id;
    uint8_t level;       /* of the event descriptor: 2 error, 4 informational */
    uint64_t record_id;
    uint64_t write_time; /* 100-ns units since 1601-01-01 UTC */
    uint32_t size;
    char data[];         /* ends with a newline, except in forms that say otherwise */
};

/* One reference; NULL when out of memory. */
struct record *record_new(const struct event *event, const char *data, size_t size);
void record_hold(struct record *record);
void record_release(struct record *record);
