/* SPDX-License-Identifier: MIT */
#include "work_queue.h"

#include <stdlib.h>
#include <string.h>

DWORD work_queue_open(struct work_queue *queue, size_t limit)
{
    memset(queue, 0, sizeof(*queue));
    queue->filled = CreateEventW(NULL, FALSE, FALSE, NULL);
    queue->emptied = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (!queue->filled || !queue->emptied) {
        DWORD error = GetLastError();

        if (queue->filled)
            CloseHandle(queue->filled);
        return error;
    }
    InitializeCriticalSection(&queue->lock);
    queue->last = &queue->first;
    queue->limit = limit;
    return ERROR_SUCCESS;
}

void work_queue_destroy(struct work_queue *queue)
{
    if (!queue->filled)
        return;
    for (struct work_item *item = queue->first, *next; item; item = next) {
        next = item->next;
        free(item);
    }
    CloseHandle(queue->filled);
    CloseHandle(queue->emptied);
    DeleteCriticalSection(&queue->lock);
    memset(queue, 0, sizeof(*queue));
}

/* Under the lock: is there room, after waiting for it where allowed? An item larger than everything passes an empty queue. */
static bool make_room(struct work_queue *queue, size_t size, bool wait)
{
    while (!queue->closed && queue->bytes && queue->bytes + size > queue->limit) {
        if (!wait)
            return false;
        LeaveCriticalSection(&queue->lock);
        WaitForSingleObject(queue->emptied, 1000);
        EnterCriticalSection(&queue->lock);
    }
    return !queue->closed;
}

bool work_queue_push(struct work_queue *queue, work_function make, const void *data, size_t size, bool wait)
{
    struct work_item *item = malloc(sizeof(*item) + size);
    bool taken = false;

    EnterCriticalSection(&queue->lock);
    if (item && make_room(queue, size + sizeof(*item), wait)) {
        item->next = NULL;
        item->make = make;
        item->size = size;
        if (size)
            memcpy(item->data, data, size);
        *queue->last = item;
        queue->last = &item->next;
        queue->bytes += size + sizeof(*item);
        queue->pushed++;
        taken = true;
    } else {
        queue->dropped++;
    }
    LeaveCriticalSection(&queue->lock);
    if (taken)
        SetEvent(queue->filled);
    else
        free(item);
    return taken;
}

static struct work_item *take(struct work_queue *queue)
{
    struct work_item *item;

    EnterCriticalSection(&queue->lock);
    item = queue->first;
    if (item) {
        queue->first = item->next;
        if (!queue->first)
            queue->last = &queue->first;
        queue->bytes -= item->size + sizeof(*item);
    }
    LeaveCriticalSection(&queue->lock);
    if (item)
        SetEvent(queue->emptied);
    return item;
}

struct work_item *work_queue_pop(struct work_queue *queue, DWORD milliseconds)
{
    struct work_item *item = take(queue);

    if (item || work_queue_is_closed(queue))
        return item;
    WaitForSingleObject(queue->filled, milliseconds);
    return take(queue);
}

void work_queue_close(struct work_queue *queue)
{
    EnterCriticalSection(&queue->lock);
    queue->closed = true;
    LeaveCriticalSection(&queue->lock);
    SetEvent(queue->filled);
    SetEvent(queue->emptied);
}

bool work_queue_is_closed(struct work_queue *queue)
{
    bool closed;

    EnterCriticalSection(&queue->lock);
    closed = queue->closed;
    LeaveCriticalSection(&queue->lock);
    return closed;
}
