/* SPDX-License-Identifier: MIT */
#include "pool.h"
#include "utf16.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (64u << 10)

struct pool_block {
    struct pool_block *next;
    size_t size, used;
    alignas(16) uint8_t data[];
};

static struct pool_block *add_block(struct pool *pool, size_t size)
{
    size_t want = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    struct pool_block *block;

    if (pool->total + want > POOL_LIMIT)
        return NULL;
    block = malloc(sizeof(*block) + want);
    if (!block)
        return NULL;
    *block = (struct pool_block){ .next = pool->blocks, .size = want };
    pool->blocks = block;
    pool->total += want;
    return block;
}

void *pool_take(struct pool *pool, size_t size)
{
    size_t need = (size + 15) & ~(size_t)15;
    struct pool_block *block = pool->blocks;
    void *out;

    if (need < size || need > POOL_LIMIT) {
        pool->failed = true;
        return NULL;
    }
    if (!block || block->size - block->used < need)
        block = add_block(pool, need);
    if (!block) {
        pool->failed = true;
        return NULL;
    }
    out = block->data + block->used;
    block->used += need;
    return out;
}

struct match_text pool_text(struct pool *pool, const char *text, size_t size)
{
    char *copy = pool_take(pool, size + 1);

    if (!copy)
        return (struct match_text){ "", 0 };
    if (size)
        memcpy(copy, text, size);
    copy[size] = 0;
    return (struct match_text){ copy, (uint32_t)size };
}

struct match_text pool_copy(struct pool *pool, struct match_text text)
{
    return pool_text(pool, text.data, text.size);
}

struct match_text pool_utf16(struct pool *pool, const uint8_t *data, size_t size)
{
    size_t units = utf16_length(data, size / 2), need = utf16_to_utf8(NULL, data, units);
    char *out = pool_take(pool, need + 1);

    if (!out)
        return (struct match_text){ "", 0 };
    utf16_to_utf8(out, data, units);
    out[need] = 0;
    return (struct match_text){ out, (uint32_t)need };
}

static void free_blocks(struct pool_block *block)
{
    while (block) {
        struct pool_block *next = block->next;

        free(block);
        block = next;
    }
}

void pool_reset(struct pool *pool)
{
    struct pool_block *keep = pool->blocks;

    pool->failed = false;
    if (!keep)
        return;
    free_blocks(keep->next);
    keep->next = NULL;
    if (keep->size > BLOCK_SIZE) {
        free(keep);
        keep = NULL;
    } else {
        keep->used = 0;
    }
    pool->blocks = keep;
    pool->total = keep ? keep->size : 0;
}

void pool_free(struct pool *pool)
{
    free_blocks(pool->blocks);
    memset(pool, 0, sizeof(*pool));
}
