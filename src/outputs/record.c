/* SPDX-License-Identifier: MIT */
#include "record.h"

#include <stdlib.h>
#include <string.h>

struct record *record_new(const struct event *event, const char *data, size_t size)
{
    struct record *record = malloc(sizeof(*record) + size);

    if (!record)
        return NULL;
    atomic_init(&record->references, 1);
    record->event_id = event->type->id;
    record->level = event->type->level;
    record->record_id = event->record_id;
    record->write_time = event->write_time;
    record->size = (uint32_t)size;
    memcpy(record->data, data, size);
    return record;
}

void record_hold(struct record *record)
{
    atomic_fetch_add_explicit(&record->references, 1, memory_order_relaxed);
}

void record_release(struct record *record)
{
    if (atomic_fetch_sub_explicit(&record->references, 1, memory_order_acq_rel) == 1)
        free(record);
}
