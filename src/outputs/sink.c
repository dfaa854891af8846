/* SPDX-License-Identifier: MIT */
/* The queue and the thread of one output. */
#include "sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_RECORDS 65536
#define DEFAULT_BYTES (32u << 20)
/* Room beyond the limits for the events that tell about the monitor itself (4, 16, 255): they explain the others' absence. */
#define URGENT_RECORDS 64
#define FIRST_CAPACITY 256
/* After a batch the thread waits this long, or for this much, before it writes the next. */
#define LINGER_MILLISECONDS 20
#define LINGER_BYTES (32u << 10)
#define BATCH_BYTES (64u << 10)
#define FIRST_PAUSE 50
/* What a thread may take to come back from its destination after it was woken for good. */
#define GRACE_MILLISECONDS 1000

static bool is_urgent(uint16_t event_id)
{
    return event_id == EVENT_SERVICE_STATE_CHANGE || event_id == EVENT_SERVICE_CONFIGURATION_CHANGE || event_id == EVENT_ERROR;
}

/* Counts losses; returns whether the owner has to be told, which must happen without the lock. */
static bool lose(struct sink *sink, enum output_drop cause, uint16_t event_id, uint64_t count)
{
    sink->dropped[cause] += count;
    if (event_id == EVENT_ERROR)
        return false;
    sink->unreported[cause] += count;
    return sink->on_loss != NULL;
}

static bool queue_grow(struct sink_queue *queue)
{
    unsigned capacity = queue->capacity ? 2 * queue->capacity : FIRST_CAPACITY;
    struct record **ring = malloc(capacity * sizeof(*ring));

    if (!ring)
        return false;
    for (unsigned i = 0; i < queue->count; i++)
        ring[i] = queue->ring[(queue->first + i) & (queue->capacity - 1)];
    free(queue->ring);
    queue->ring = ring;
    queue->capacity = capacity;
    queue->first = 0;
    return true;
}

static bool queue_put(struct sink_queue *queue, struct record *record)
{
    if (queue->count == queue->capacity && !queue_grow(queue))
        return false;
    queue->ring[(queue->first + queue->count++) & (queue->capacity - 1)] = record;
    queue->bytes += record->size;
    return true;
}

static struct record *queue_get(struct sink_queue *queue)
{
    struct record *record = queue->ring[queue->first];

    queue->first = (queue->first + 1) & (queue->capacity - 1);
    queue->count--;
    queue->bytes -= record->size;
    return record;
}

static bool has_room(const struct sink *sink, uint32_t size, uint16_t event_id)
{
    uint64_t records, bytes;

    if (sink->gone)
        return false;
    records = (uint64_t)sink->queue.count + sink->in_flight;
    bytes = sink->queue.bytes + sink->in_flight_bytes;
    if (is_urgent(event_id))
        return records < sink->max_records + URGENT_RECORDS;
    /* A record larger than the whole queue may pass when it is alone. */
    return records < sink->max_records && (bytes + size <= sink->max_bytes || !records);
}

static void wake_for(struct sink *sink)
{
    if (sink->sleeping || (sink->lingering && sink->queue.bytes >= LINGER_BYTES)) {
        sink->sleeping = sink->lingering = false;
        condition_signal(&sink->wake);
    }
}

void sink_push(struct sink *sink, struct record *record, uint16_t event_id)
{
    bool tell = false;

    mutex_lock(&sink->mutex);
    sink->written++;
    if (!record) {
        tell = lose(sink, OUTPUT_DROP_MEMORY, event_id, 1);
    } else if (!has_room(sink, record->size, event_id)) {
        tell = lose(sink, sink->failing ? OUTPUT_DROP_DOWN : OUTPUT_DROP_SLOW, event_id, 1);
    } else if (!queue_put(&sink->queue, record)) {
        tell = lose(sink, OUTPUT_DROP_MEMORY, event_id, 1);
    } else {
        record_hold(record);
        wake_for(sink);
    }
    mutex_unlock(&sink->mutex);
    if (tell)
        sink->on_loss(sink->loss_context);
}

/* Takes over records from the queue into flight. Called with the lock. */
static unsigned take_batch(struct sink *sink, struct record **batch)
{
    unsigned count = 0;
    uint64_t bytes = 0;

    while (count < SINK_BATCH && sink->queue.count && bytes < BATCH_BYTES) {
        batch[count] = queue_get(&sink->queue);
        bytes += batch[count++]->size;
    }
    sink->in_flight += count;
    sink->in_flight_bytes += bytes;
    return count;
}

/*
 * After a batch the thread waits a moment for more, so that a stream of events costs one wake-up for many; the first event
 * after a silence goes out at once. Called with the lock.
 */
static void linger(struct sink *sink)
{
    uint64_t until = clock_milliseconds() + LINGER_MILLISECONDS;

    sink->lingering = true;
    while (sink->lingering && sink->queue.bytes < LINGER_BYTES && !sink->hurry && !sink->stop && !sink->reopen &&
           condition_wait_until(&sink->wake, &sink->mutex, until))
        ;
    sink->lingering = false;
}

/* Waits for records; 0 when the sink stops and has none, or is to be reopened. */
static unsigned next_batch(struct sink *sink, struct record **batch)
{
    unsigned count;

    mutex_lock(&sink->mutex);
    linger(sink);
    while (!sink->queue.count && !sink->stop && !sink->reopen) {
        sink->sleeping = true;
        condition_wait(&sink->wake, &sink->mutex);
    }
    sink->sleeping = false;
    count = sink->reopen ? 0 : take_batch(sink, batch);
    mutex_unlock(&sink->mutex);
    return count;
}

/* Pauses after a failure. False: the sink stops and its time is over. */
static bool pause_after_failure(struct sink *sink)
{
    bool go_on;
    uint64_t until;

    sink->pause = sink->pause ? 2 * sink->pause : FIRST_PAUSE;
    if (sink->pause > sink->kind->longest_pause)
        sink->pause = sink->kind->longest_pause;
    mutex_lock(&sink->mutex);
    until = clock_milliseconds() + sink->pause;
    while (!sink->reopen && clock_milliseconds() < (sink->stop && sink->deadline < until ? sink->deadline : until))
        condition_wait_until(&sink->wake, &sink->mutex, sink->stop && sink->deadline < until ? sink->deadline : until);
    go_on = !sink->stop || clock_milliseconds() < sink->deadline;
    mutex_unlock(&sink->mutex);
    return go_on;
}

void sink_report(struct sink *sink, int error)
{
    mutex_lock(&sink->mutex);
    sink->failing = error != 0;
    if (error)
        sink->last_error = -error;
    mutex_unlock(&sink->mutex);
}

/* Called with the lock. */
static void land(struct sink *sink, unsigned count, uint64_t bytes)
{
    sink->in_flight -= count;
    sink->in_flight_bytes -= bytes;
    if (!sink->in_flight && !sink->queue.count)
        condition_broadcast(&sink->idle);
}

void sink_delivered(struct sink *sink, unsigned count, uint64_t bytes)
{
    mutex_lock(&sink->mutex);
    sink->delivered += count;
    sink->failing = false;
    land(sink, count, bytes);
    mutex_unlock(&sink->mutex);
}

static void drop_in_flight(struct sink *sink, enum output_drop cause, uint16_t event_id, uint64_t bytes)
{
    bool tell;

    mutex_lock(&sink->mutex);
    tell = lose(sink, cause, event_id, 1);
    land(sink, 1, bytes);
    mutex_unlock(&sink->mutex);
    if (tell)
        sink->on_loss(sink->loss_context);
}

void sink_dropped(struct sink *sink, enum output_drop cause, uint16_t event_id, uint64_t bytes, int error)
{
    mutex_lock(&sink->mutex);
    sink->last_error = -error;
    mutex_unlock(&sink->mutex);
    drop_in_flight(sink, cause, event_id, bytes);
}

/* Releases records that the kind has done with, in one step. */
static void finish_records(struct sink *sink, struct record *const *records, unsigned count)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < count; i++)
        bytes += records[i]->size;
    if (!sink->kind->hands_over && count)
        sink_delivered(sink, count, bytes);
    for (unsigned i = 0; i < count; i++)
        record_release(records[i]);
}

static void refuse_record(struct sink *sink, struct record *record, int error)
{
    sink_dropped(sink, OUTPUT_DROP_REFUSED, record->event_id, record->size, error);
    record_release(record);
}

static void drop_record(struct sink *sink, struct record *record, enum output_drop cause)
{
    drop_in_flight(sink, cause, record->event_id, record->size);
    record_release(record);
}

static int open_destination(struct sink *sink)
{
    int error = 0;

    if (!sink->opened)
        error = sink->kind->open(sink);
    sink->opened = !error;
    return error;
}

static void close_destination(struct sink *sink)
{
    if (sink->opened)
        sink->kind->close(sink);
    sink->opened = false;
}

static void obey_reopen(struct sink *sink)
{
    bool reopen;

    mutex_lock(&sink->mutex);
    reopen = sink->reopen;
    sink->reopen = false;
    if (reopen && !sink->abandoned)
        waker_reset(sink->waker);
    mutex_unlock(&sink->mutex);
    if (!reopen)
        return;
    close_destination(sink);
    if (sink->kind->keep_open) { /* a file is there at once, even when no record follows */
        int error = open_destination(sink);
        if (error)
            sink_report(sink, error);
    }
}

bool sink_gone(struct sink *sink)
{
    bool gone;

    mutex_lock(&sink->mutex);
    gone = sink->gone;
    mutex_unlock(&sink->mutex);
    return gone;
}

/* Nothing will ever be delivered again. */
static void die(struct sink *sink, int error)
{
    sink_report(sink, error);
    mutex_lock(&sink->mutex);
    sink->gone = true;
    mutex_unlock(&sink->mutex);
}

/* Delivers a batch, however long it takes; what is left when the time of a stopping sink is over is dropped. */
static void deliver(struct sink *sink, struct record *const *batch, unsigned count)
{
    unsigned at = 0;

    while (at < count) {
        unsigned done = 0;
        int error;
        obey_reopen(sink);
        error = open_destination(sink);
        if (!error)
            error = sink->kind->write(sink, batch + at, count - at, &done);
        finish_records(sink, batch + at, done);
        at += done;
        if (done || !error)
            sink->pause = 0;
        if (!error)
            continue;
        if (error == -EMSGSIZE) {
            refuse_record(sink, batch[at++], error);
            continue;
        }
        if (error == -EPIPE && sink->kind->mortal) {
            die(sink, error);
            break;
        }
        if (!sink->kind->keep_open)
            close_destination(sink);
        if (error != -ECANCELED)
            sink_report(sink, error);
        if (!pause_after_failure(sink))
            break;
    }
    while (at < count)
        drop_record(sink, batch[at++], sink_gone(sink) ? OUTPUT_DROP_DOWN : OUTPUT_DROP_CLOSED);
}

static bool should_end(struct sink *sink)
{
    bool end;

    mutex_lock(&sink->mutex);
    end = sink->stop && !sink->queue.count;
    mutex_unlock(&sink->mutex);
    return end;
}

/* Whether the time of a stopping sink is over. */
static bool out_of_time(struct sink *sink)
{
    bool over;

    mutex_lock(&sink->mutex);
    over = sink->stop && clock_milliseconds() >= sink->deadline;
    mutex_unlock(&sink->mutex);
    return over;
}

static void run(void *context)
{
    struct sink *sink = context;
    struct record *batch[SINK_BATCH];
    unsigned count;

    for (;;) {
        count = next_batch(sink, batch);
        obey_reopen(sink);
        if (!count && should_end(sink))
            break;
        if (count && (out_of_time(sink) || sink_gone(sink)))
            for (unsigned i = 0; i < count; i++)
                drop_record(sink, batch[i], sink_gone(sink) ? OUTPUT_DROP_DOWN : OUTPUT_DROP_CLOSED);
        else
            deliver(sink, batch, count);
    }
    if (sink->opened && sink->kind->flush) {
        uint64_t now = clock_milliseconds();
        sink->kind->flush(sink, now < sink->deadline ? (unsigned)(sink->deadline - now) : 0);
    }
    close_destination(sink);
    mutex_lock(&sink->mutex);
    sink->finished = true;
    condition_broadcast(&sink->idle);
    mutex_unlock(&sink->mutex);
}

int sink_take_limits(struct sink *sink, struct specification *specification)
{
    int error;

    sink->max_records = DEFAULT_RECORDS;
    sink->max_bytes = DEFAULT_BYTES;
    error = specification_take_size(specification, "queue", 1, 1u << 24, &sink->max_records);
    if (!error)
        error = specification_take_size(specification, "queue-bytes", 1024, 1ull << 32, &sink->max_bytes);
    return error;
}

int sink_start(struct sink *sink)
{
    int error = thread_start(&sink->thread, run, sink, sink->kind->name);

    sink->started = !error;
    return error;
}

bool sink_flush(struct sink *sink, uint64_t deadline)
{
    bool empty;

    mutex_lock(&sink->mutex);
    sink->hurry = true;
    condition_signal(&sink->wake);
    while ((sink->queue.count || sink->in_flight) && condition_wait_until(&sink->idle, &sink->mutex, deadline))
        ;
    sink->hurry = false;
    empty = !sink->queue.count && !sink->in_flight;
    mutex_unlock(&sink->mutex);
    return empty;
}

void sink_reopen(struct sink *sink)
{
    mutex_lock(&sink->mutex);
    sink->reopen = true;
    condition_signal(&sink->wake);
    waker_wake(sink->waker);
    mutex_unlock(&sink->mutex);
}

void sink_counters(struct sink *sink, struct output_counters *counters)
{
    memset(counters, 0, sizeof(*counters));
    memcpy(counters->name, sink->name, sizeof(counters->name));
    mutex_lock(&sink->mutex);
    counters->written = sink->written;
    counters->delivered = sink->delivered;
    memcpy(counters->dropped, sink->dropped, sizeof(counters->dropped));
    counters->queued = sink->queue.count + sink->in_flight;
    counters->queued_bytes = sink->queue.bytes + sink->in_flight_bytes;
    counters->failing = sink->failing;
    counters->last_error = sink->last_error;
    mutex_unlock(&sink->mutex);
}

void sink_stop(struct sink *sink, uint64_t deadline)
{
    mutex_lock(&sink->mutex);
    sink->stop = true;
    sink->deadline = deadline;
    condition_signal(&sink->wake);
    mutex_unlock(&sink->mutex);
}

static bool wait_finished(struct sink *sink, uint64_t deadline)
{
    while (!sink->finished && condition_wait_until(&sink->idle, &sink->mutex, deadline))
        ;
    return sink->finished;
}

bool sink_finish(struct sink *sink)
{
    bool finished;

    if (!sink->started)
        return true;
    mutex_lock(&sink->mutex);
    finished = wait_finished(sink, sink->deadline);
    if (!finished) {
        sink->abandoned = true;
        waker_wake(sink->waker);
        finished = wait_finished(sink, clock_milliseconds() + GRACE_MILLISECONDS);
        if (!finished)
            lose(sink, OUTPUT_DROP_CLOSED, 0, (uint64_t)sink->queue.count + sink->in_flight);
    }
    mutex_unlock(&sink->mutex);
    if (finished)
        thread_join(sink->thread);
    else
        thread_abandon(sink->thread);
    sink->started = false;
    return finished;
}

void sink_destroy(struct sink *sink)
{
    while (sink->queue.count)
        record_release(queue_get(&sink->queue));
    free(sink->queue.ring);
    if (sink->kind)
        sink->kind->destroy(sink);
    waker_close(sink->waker);
    condition_destroy(&sink->wake);
    condition_destroy(&sink->idle);
    mutex_destroy(&sink->mutex);
    free(sink);
}
