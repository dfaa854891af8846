/* SPDX-License-Identifier: MIT */
/*
 * A recorded event: one JSON object with `EventID` and the catalogue's field names as members, beside which anything else may
 * stand. That is what `sysmon` itself writes and what most collectors do.
 */
#pragma once

#include "sysmon/event.h"

/* What `recorded_read` found. */
enum recorded_result {
    RECORDED_EVENT,
    RECORDED_OTHER,   /* an event of another provider */
    RECORDED_BLANK,   /* an empty line */
    RECORDED_BAD = -1 /* see `error` */
};

struct recorded {
    struct event event; /* texts point into `strings` */
    char computer[256]; /* member `Computer` or `Hostname`, cut; empty: not stated */
    char *strings;
    size_t capacity;
    char error[160];
};

/*
 * Reads one line. `system` 0: the event says where it happened (Provider `Linux-Sysmon`), Windows if it does not. Numbers, booleans
 * and their text forms are brought to the text that rules compare; what a numeric field cannot be stays as it is. Values
 * that `sysmon` escaped (docs/output.md) are turned back into bytes. RuleName is not taken over.
 */
enum recorded_result recorded_read(struct recorded *recorded, const char *line, size_t size, enum catalogue_system system);
void recorded_free(struct recorded *recorded);
