/* SPDX-License-Identifier: MIT */
/* Rule sets on the C heap, for tests and measurements. */
#pragma once

#include "sysmon/ruleset.h"

#include <stdlib.h>

struct heap {
    size_t used, peak;
    unsigned fail_after; /* allocations that succeed before all fail; 0 = never */
    unsigned count;
};

static inline void *heap_alloc(void *context, size_t size)
{
    struct heap *heap = context;

    if (heap->fail_after && ++heap->count > heap->fail_after)
        return NULL;
    heap->used += size;
    if (heap->used > heap->peak)
        heap->peak = heap->used;
    return malloc(size);
}

static inline void heap_free(void *context, void *memory, size_t size)
{
    ((struct heap *)context)->used -= size;
    free(memory);
}

static inline struct ruleset_memory heap_memory(struct heap *heap)
{
    return (struct ruleset_memory){ heap_alloc, heap_free, heap };
}
