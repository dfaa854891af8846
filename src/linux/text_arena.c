/* SPDX-License-Identifier: MIT */
#include "linux/text_arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct text_block {
    struct text_block *below;
    size_t size;
    char data[];
};

static int add_block(struct text_arena *arena, size_t size)
{
    struct text_block *block;

    if (size < ARENA_FIRST_BLOCK)
        size = ARENA_FIRST_BLOCK;
    block = malloc(sizeof *block + size);
    if (!block)
        return -ENOMEM;
    block->below = arena->newest;
    block->size = size;
    arena->newest = block;
    arena->used = 0;
    return 0;
}

int text_ready(struct text_arena *arena)
{
    return arena->newest ? 0 : add_block(arena, ARENA_FIRST_BLOCK);
}

char *text_take(struct text_arena *arena, size_t size)
{
    char *taken;

    size = (size + 7) & ~(size_t)7;
    if ((!arena->newest || size > arena->newest->size - arena->used) && add_block(arena, size))
        return NULL;
    taken = arena->newest->data + arena->used;
    arena->used += size;
    return taken;
}

char *text_string(struct text_arena *arena, const char *text, size_t size)
{
    char *copy = text_take(arena, size + 1);

    if (!copy)
        return NULL;
    memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

void text_reset(struct text_arena *arena)
{
    while (arena->newest && arena->newest->below) {
        struct text_block *block = arena->newest;

        arena->newest = block->below;
        free(block);
    }
    arena->used = 0;
}

void text_free(struct text_arena *arena)
{
    text_reset(arena);
    free(arena->newest);
    arena->newest = NULL;
}
