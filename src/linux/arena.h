/* SPDX-License-Identifier: MIT */
/* Memory for the texts of one event: taken in any number of pieces, given back all at once. */
#pragma once

#include <stddef.h>

#define ARENA_FIRST_BLOCK 65536u

struct arena_block;

/* Zero-initialised is empty. */
struct arena {
    struct arena_block *newest; /* of a list that ends in the first block, which is kept */
    size_t used;                /* in the newest */
};

/* Never NULL for the first ARENA_FIRST_BLOCK bytes once arena_ready() succeeded; NULL when memory runs out. */
char *arena_take(struct arena *arena, size_t size);
/* A terminated copy; NULL when memory runs out. */
char *arena_string(struct arena *arena, const char *text, size_t size);
int arena_ready(struct arena *arena);
/* Everything taken is invalid from here on. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);
