/* SPDX-License-Identifier: MIT */
/*
 * Where every event went: at any moment, for every event type,
 *
 *   seen = logged + filtered + lost(by stage and cause) + held
 *
 * and for every output, logged = delivered + dropped(by cause) + queued (sysmon/output.h). Written by the monitor's
 * thread only. What is lost becomes an event 255 (accounting_next_report) and stays in the counters.
 */
#pragma once

#include "sysmon/catalogue.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(member, stage, cause): the last two are what users read, in event 255 and in `sysmon stats`. */
#define LOSS_CAUSES(X)                                                                                  \
    X(LOSS_RING_FULL, "kernel", "ring full")       /* or the driver's queue: read more slowly than events come */ \
    X(LOSS_SCRATCH_BUSY, "kernel", "scratch busy") /* one program interrupted another of its kind */         \
    X(LOSS_PROGRAM_BUSY, "kernel", "program busy") /* the kernel did not call it within itself */             \
    X(LOSS_KERNEL_MEMORY, "kernel", "no memory")                                                         \
    X(LOSS_SOURCE_FULL, "source", "queue full")    /* fanotify, netlink, ETW: their buffers */               \
    X(LOSS_BAD_RECORD, "decode", "bad record")     /* sizes and record disagree */                           \
    X(LOSS_NO_MEMORY, "enrich", "no memory")                                                             \
    X(LOSS_HELD_FULL, "enrich", "too many events wait") /* for hashes, names or the rest of their record */  \
    X(LOSS_RENDER, "output", "cannot be rendered")

enum loss_cause {
#define LOSS_MEMBER(name, stage, cause) name,
    LOSS_CAUSES(LOSS_MEMBER)
#undef LOSS_MEMBER
    LOSS_COUNT
};

struct accounting_row {
    uint64_t seen;     /* happened and were wanted by the sources, including what was lost */
    uint64_t filtered; /* no rule wants them */
    uint64_t logged;   /* handed to the outputs */
    uint64_t held;     /* now waiting for a hash, a name, … */
    uint64_t lost[LOSS_COUNT];
    uint64_t reported[LOSS_COUNT]; /* of lost: already told by an event 255 */
};

struct accounting {
    struct accounting_row event[CATALOGUE_EVENT_COUNT];
};

static inline struct accounting_row *accounting_of(struct accounting *accounting, const struct catalogue_event *type)
{
    return &accounting->event[type - catalogue_events];
}

const char *loss_stage(enum loss_cause cause);
const char *loss_text(enum loss_cause cause);

/* seen − filtered − logged − held − lost of one row: 0 when nothing is unexplained. */
int64_t accounting_unexplained(const struct accounting_row *row);

struct loss_report {
    const struct catalogue_event *type;
    enum loss_cause cause;
    uint64_t count; /* since the last report of the same kind */
};

/* The next loss that has not been told, and marks it told; false when there is none. For one event 255 each. */
bool accounting_next_report(struct accounting *accounting, struct loss_report *out);
/* Texts of that event: ID `Loss`, Description `120 events of type 11 FileCreate lost at kernel: ring full`. */
void loss_report_text(const struct loss_report *report, char *out, size_t size);

#ifdef __cplusplus
}
#endif
