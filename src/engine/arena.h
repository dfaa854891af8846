/* SPDX-License-Identifier: MIT */
/* Memory of a rule set: pieces of the caller's allocator that are freed together. Freestanding. */
#pragma once

#include "sysmon/ruleset.h"

struct arena_piece;

struct arena {
    struct ruleset_memory memory;
    struct arena_piece *first;
    size_t total; /* bytes asked of the allocator */
};

/* `count` zeroed elements, aligned to 8; NULL when there is no memory. A count of 0 is served like 1. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
void arena_free(struct arena *arena);
