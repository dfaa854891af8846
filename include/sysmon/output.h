/* SPDX-License-Identifier: MIT */
/*
 * Outputs: where rendered events go. One file per destination in src/outputs/, one interface: this header.
 *
 * Each output owns a bounded queue and a thread. Writing renders once per format and never blocks: a slow or dead
 * destination fills its own queue and drops are counted there, by cause.
 */
#pragma once

#include "sysmon/event.h"

#ifdef __cplusplus
extern "C" {
#endif

struct outputs;

struct output_counters {
    char name[64];            /* KIND:TARGET as given, cut */
    uint64_t delivered;       /* handed to the destination */
    uint64_t dropped_queue;   /* queue full: the destination is slower than the events */
    uint64_t dropped_error;   /* the destination refused: disk full, peer gone, message too long … */
    uint64_t queued;          /* waiting now */
    int last_error;           /* errno of the newest failure, 0 = none */
};

/*
 * Opens one output per specification `KIND:TARGET[,option=value…]`:
 *   text: json: xml:   TARGET `-` (stdout) or a file (size=, time=, keep=, zstd), or unix:PATH
 *   syslog:            local | udp:HOST:PORT | tcp:HOST:PORT
 *   journald:          (no target)
 *   kafka:             BROKERS/TOPIC
 * On failure writes one line to `error`, opens nothing and returns a negative errno.
 */
int outputs_open(struct outputs **out, const char *const *specifications, unsigned count, char *error, size_t size);
/* Queues the event to every output, assigning its record id. Borrowed texts are copied. Single producer. */
void outputs_write(struct outputs *outputs, struct event *event);
/* Waits until everything queued is written or `milliseconds` passed. */
void outputs_flush(struct outputs *outputs, unsigned milliseconds);
/* Re-opens files (log rotation by an outside tool). */
void outputs_reopen(struct outputs *outputs);
unsigned outputs_count(const struct outputs *outputs);
void outputs_counters(const struct outputs *outputs, unsigned index, struct output_counters *counters);
/* Flushes for at most `milliseconds`, closes everything and frees. */
void outputs_close(struct outputs *outputs, unsigned milliseconds);

#ifdef __cplusplus
}
#endif
