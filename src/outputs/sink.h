/* SPDX-License-Identifier: MIT */
/*
 * One output: a bounded queue of records, a thread that empties it, and a kind that knows the destination.
 *
 *   producer ── sink_push ──► queue ──► thread ── kind->open / write ──► destination
 *
 * The thread sleeps without a timer while there is nothing to do. The first event after a silence goes out at once; then the
 * thread waits some milliseconds, or until a batch is full, so that one wake-up and one system call serve many events.
 */
#pragma once

#include "port/stream.h"
#include "port/thread.h"
#include "record.h"
#include "specification.h"
#include "sysmon/output.h"

/* Records that one write() of a kind gets at most. */
#define SINK_BATCH 64

struct sink;

struct sink_kind {
    const char *name; /* of the thread, at most 15 bytes */
    /*
     * (Re)opens the destination. Never called while it is open. 0 or a negative errno; the call is repeated after a pause
     * while there are records.
     */
    int (*open)(struct sink *sink);
    /*
     * Delivers records in order; `*done` counts those delivered, also on failure. Negative errno: -EMSGSIZE means that the
     * record after those can never be delivered; anything else that the destination failed and the rest should be
     * tried again.
     */
    int (*write)(struct sink *sink, struct record *const *records, unsigned count, unsigned *done);
    void (*close)(struct sink *sink);
    void (*destroy)(struct sink *sink); /* frees `state` */
    /* Kinds with a queue behind write(): waits until it is empty or the time is over. May be NULL. */
    void (*flush)(struct sink *sink, unsigned milliseconds);
    bool keep_open;  /* a failed write does not close it: files, standard output */
    bool mortal;     /* -EPIPE is for ever: there is nothing to open again */
    bool hands_over; /* write() hands over to a library, which reports through sink_delivered() and sink_dropped() */
    unsigned longest_pause; /* milliseconds between attempts at most */
};

struct sink_queue {
    struct record **ring;
    unsigned capacity, first, count; /* capacity is a power of two */
    uint64_t bytes;
};

struct sink {
    const struct sink_kind *kind;
    void *state; /* the kind's own */
    /* What records look like: a form of the engine, or a function of the kind's own. */
    enum render_format format;
    void (*render)(struct render_buffer *out, const struct event *event, const struct render_host *host);
    char name[64];
    char host[256];      /* computer name, for kinds with headers of their own */
    uint64_t max_records, max_bytes;
    struct port_waker *waker; /* ends every wait of the kind */

    struct port_mutex mutex; /* guards everything below */
    struct port_condition wake, idle;
    struct sink_queue queue;
    unsigned in_flight;
    uint64_t in_flight_bytes;
    bool sleeping, lingering, hurry, reopen, stop, abandoned, gone, finished;
    uint64_t deadline; /* clock_milliseconds() at which a stopping sink gives up */
    uint64_t written, delivered, dropped[OUTPUT_DROP_COUNT], unreported[OUTPUT_DROP_COUNT];
    bool failing;
    int last_error;

    bool opened;         /* thread only */
    unsigned pause;      /* thread only: milliseconds */
    bool started;
    port_thread thread;
    void (*on_loss)(void *context);
    void *loss_context;
};

/* Limits from the options `queue=` and `queue-bytes=`. */
int sink_take_limits(struct sink *sink, struct specification *specification);
int sink_start(struct sink *sink);
/* Takes a reference of its own. `record` NULL counts the event as lost for want of memory. Never blocks. */
void sink_push(struct sink *sink, struct record *record, uint16_t event_id);
bool sink_flush(struct sink *sink, uint64_t deadline);
void sink_reopen(struct sink *sink);
bool sink_gone(struct sink *sink);
void sink_counters(struct sink *sink, struct output_counters *counters);
/* Begins the end; sink_finish() waits for it. */
void sink_stop(struct sink *sink, uint64_t deadline);
/* False: the thread hangs in the system and was left alone; nothing of the sink may be freed. */
bool sink_finish(struct sink *sink);
void sink_destroy(struct sink *sink);

/* For kinds that hand over: a record's fate. Any thread. */
void sink_delivered(struct sink *sink, unsigned count, uint64_t bytes);
void sink_dropped(struct sink *sink, enum output_drop cause, uint16_t event_id, uint64_t bytes, int error);
/* For kinds: the library says that its destination fails (negative errno) or works (0). */
void sink_report(struct sink *sink, int error);

/* Kinds: parse their options and set kind, state, format. Each in its own file. 0 or a negative errno with a message. */
int stdout_create(struct sink *sink, struct specification *specification);
int file_create(struct sink *sink, struct specification *specification);
int socket_create(struct sink *sink, struct specification *specification);
int syslog_create(struct sink *sink, struct specification *specification);
int journald_create(struct sink *sink, struct specification *specification);
int kafka_create(struct sink *sink, struct specification *specification);
