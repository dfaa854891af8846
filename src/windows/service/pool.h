/* SPDX-License-Identifier: MIT */
/* Memory for the texts of one event: taken piece by piece, given back all at once. Portable. */
#pragma once

#include "sysmon/event.h"

/* One event's texts are held to this; what does not fit is left out and `failed` is set. */
#define POOL_LIMIT (4u << 20)

struct pool_block;

struct pool {
    struct pool_block *blocks; /* newest first */
    size_t total;
    bool failed;
};

/* Zero-initialised is empty. NULL: no memory, or the limit. Aligned for any type. */
void *pool_take(struct pool *pool, size_t size);
/* A copy with a terminator behind it; an empty text when there is no memory. */
struct match_text pool_text(struct pool *pool, const char *text, size_t size);
struct match_text pool_copy(struct pool *pool, struct match_text text);
/* UTF-16 little-endian bytes, not aligned, an odd last one ignored; ends at a terminator. Unpaired surrogates become U+FFFD. */
struct match_text pool_utf16(struct pool *pool, const uint8_t *data, size_t size);
/* Forgets everything; keeps a little memory. */
void pool_reset(struct pool *pool);
void pool_free(struct pool *pool);
