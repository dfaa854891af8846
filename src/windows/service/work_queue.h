/* SPDX-License-Identifier: MIT */
/* What the sources saw, on its way to the one thread that makes events of it: first in, first out, bounded in bytes. */
#pragma once

#include "sysmon/event.h"

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

struct monitor;
struct pool;

/*
 * Makes an event of the item's data: 0, or negative for none. Runs on the worker thread; the data is aligned for any type and belongs
 * to the queue, texts of the event may point into it or into the pool.
 */
typedef int (*work_function)(struct monitor *monitor, struct pool *pool, void *data, size_t size, struct event *out);

struct work_item {
    struct work_item *next;
    work_function make;
    size_t size;
    _Alignas(16) uint8_t data[];
};

struct work_queue {
    CRITICAL_SECTION lock;
    HANDLE filled, emptied; /* auto-reset: something came; room was made */
    struct work_item *first, **last;
    size_t bytes, limit;
    uint64_t pushed, dropped;
    bool closed;
};

/* A Windows error. */
DWORD work_queue_open(struct work_queue *queue, size_t limit);
/* Nothing may be pushing or popping any more. */
void work_queue_destroy(struct work_queue *queue);
/*
 * Copies the data in. A full queue makes the caller wait when `wait`; else, and when there is no memory, the item is counted as
 * dropped and false is returned. A closed queue takes nothing.
 */
bool work_queue_push(struct work_queue *queue, work_function make, const void *data, size_t size, bool wait);
/* The oldest item, to be freed with free(); NULL after `milliseconds` without one, or when the queue is closed and empty. */
struct work_item *work_queue_pop(struct work_queue *queue, DWORD milliseconds);
void work_queue_close(struct work_queue *queue);
bool work_queue_is_closed(struct work_queue *queue);
