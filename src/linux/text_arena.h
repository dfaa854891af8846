/* SPDX-License-Identifier: MIT */
/* Memory for the texts of one event: taken in any number of pieces, given back all at once. */
#pragma once

#include <stddef.h>

#define ARENA_FIRST_BLOCK 65536u

struct text_block;

/* Zero-initialised is empty. */
struct text_arena {
    struct text_block *newest; /* of a list that ends in the first block, which is kept */
    size_t used;                /* in the newest */
};

/* Never NULL for the first ARENA_FIRST_BLOCK bytes once text_ready() succeeded; NULL when memory runs out. */
char *text_take(struct text_arena *arena, size_t size);
/* A terminated copy; NULL when memory runs out. */
char *text_string(struct text_arena *arena, const char *text, size_t size);
int text_ready(struct text_arena *arena);
/* Everything taken is invalid from here on. */
void text_reset(struct text_arena *arena);
void text_free(struct text_arena *arena);
