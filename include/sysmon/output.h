/* SPDX-License-Identifier: MIT */
/*
 * Outputs: where rendered events go. One file per destination in src/outputs/, one interface: this header.
 *
 * Each output owns a bounded queue and a thread. Writing renders once per format and never blocks: a slow or dead
 * destination fills its own queue and drops are counted there, by cause; the others do not notice.
 *
 *   written = delivered + queued + sum of dropped          holds for every output at every moment
 */
#pragma once

#include "sysmon/render.h"

#ifdef __cplusplus
extern "C" {
#endif

struct outputs;

enum output_drop {
    OUTPUT_DROP_SLOW,    /* queue full while the destination works: it is slower than the events */
    OUTPUT_DROP_DOWN,    /* queue full while the destination fails: disk full, peer gone */
    OUTPUT_DROP_REFUSED, /* the destination took this one event for undeliverable */
    OUTPUT_DROP_MEMORY,  /* no memory to render or queue it */
    OUTPUT_DROP_CLOSED,  /* still queued when the outputs were closed */
    OUTPUT_DROP_COUNT
};

struct output_counters {
    char name[64];            /* specification as given, cut */
    uint64_t written;         /* events handed to outputs_write() */
    uint64_t delivered;       /* taken by the destination */
    uint64_t dropped[OUTPUT_DROP_COUNT];
    uint64_t queued;          /* waiting or under way now */
    uint64_t queued_bytes;
    bool failing;             /* the newest attempt failed and nothing was delivered since */
    int last_error;           /* errno of the newest failure, 0 = none yet */
};

struct outputs_options {
    struct render_host host; /* computer NULL: the system's host name; user NULL: the user we run as. Copied. */
    /*
     * The EventRecordID of the next event; incremented for each. May lie in a mapped file, so that it survives. NULL: counts
     * from 1. Must outlive the outputs.
     */
    uint64_t *record_counter;
    /*
     * Called when an event was lost, from any thread and at most once until outputs_take_loss(): typically writes to an event
     * descriptor of the main loop, which then emits an event 255. Losing an event 255 does not call it. May be NULL.
     */
    void (*on_loss)(void *context);
    void *context;
};

/*
 * Opens one output per specification `KIND:TARGET[,option[=value]…]` (docs/output.md):
 *   text: json: xml:   `-` (stdout), a file, or unix:PATH
 *   syslog:            local, udp:HOST:PORT or tcp:HOST:PORT
 *   journald:          no target
 *   kafka:             BROKERS/TOPIC
 * `options` may be NULL. On failure writes one line to `error`, opens nothing and returns a negative errno. A peer that is
 * merely unreachable is no failure: it is tried again.
 */
int outputs_open(struct outputs **out, const char *const *specifications, unsigned count,
                 const struct outputs_options *options, char *error, size_t size);
/* Queues the event to every output, assigning record id, write time and writer. Texts are copied. Any thread. */
void outputs_write(struct outputs *outputs, struct event *event);
/* Waits until everything queued is written or `milliseconds` passed. True when nothing is left. */
bool outputs_flush(struct outputs *outputs, unsigned milliseconds);
/* Opens files anew (after an outside tool moved them). */
void outputs_reopen(struct outputs *outputs);
unsigned outputs_count(const struct outputs *outputs);
void outputs_counters(struct outputs *outputs, unsigned index, struct output_counters *counters);
/*
 * Events lost on all outputs since the last call, 0 = none; then `text` says where and why, fit for the Description of an
 * event 255: `json:/var/log/x.json: 12 events dropped, destination too slow`.
 */
uint64_t outputs_take_loss(struct outputs *outputs, char *text, size_t size);
/* Is every output gone for good (the reader of standard output has left)? Then nothing can be written any more. */
bool outputs_gone(struct outputs *outputs);
/*
 * Flushes for at most `milliseconds` and ends every output; nothing may be written afterwards. What was lost in the end is
 * told by outputs_take_loss() then. Called a second time it does nothing.
 */
void outputs_stop(struct outputs *outputs, unsigned milliseconds);
/* Stops, unless that has been done, and frees. NULL is allowed. */
void outputs_close(struct outputs *outputs, unsigned milliseconds);

#ifdef __cplusplus
}
#endif
