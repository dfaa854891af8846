/* SPDX-License-Identifier: MIT */
#include "linux/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *below;
    size_t size;
    char data[];
};

static int add_block(struct arena *arena, size_t size)
{
    struct arena_block *block;

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

int arena_ready(struct arena *arena)
{
    return arena->newest ? 0 : add_block(arena, ARENA_FIRST_BLOCK);
}

char *arena_take(struct arena *arena, size_t size)
{
    char *taken;

    size = (size + 7) & ~(size_t)7;
    if ((!arena->newest || size > arena->newest->size - arena->used) && add_block(arena, size))
        return NULL;
    taken = arena->newest->data + arena->used;
    arena->used += size;
    return taken;
}

char *arena_string(struct arena *arena, const char *text, size_t size)
{
    char *copy = arena_take(arena, size + 1);

    if (!copy)
        return NULL;
    memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

void arena_reset(struct arena *arena)
{
    while (arena->newest && arena->newest->below) {
        struct arena_block *block = arena->newest;

        arena->newest = block->below;
        free(block);
    }
    arena->used = 0;
}

void arena_free(struct arena *arena)
{
    arena_reset(arena);
    free(arena->newest);
    arena->newest = NULL;
}
