/* SPDX-License-Identifier: MIT */
#include "arena.h"

#include <string.h>

/* 16 or 8 bytes: what follows stays aligned to 8. */
struct arena_piece {
    struct arena_piece *next;
    size_t size;
};

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
    struct arena_piece *piece;
    size_t bytes;

    if (count == 0)
        count = 1;
    if (count > (SIZE_MAX / 2 - sizeof(*piece)) / size)
        return NULL;
    bytes = sizeof(*piece) + count * size;
    piece = arena->memory.alloc(arena->memory.context, bytes);
    if (!piece)
        return NULL;
    memset(piece, 0, bytes);
    piece->next = arena->first;
    piece->size = bytes;
    arena->first = piece;
    arena->total += bytes;
    return piece + 1;
}

void arena_free(struct arena *arena)
{
    while (arena->first) {
        struct arena_piece *piece = arena->first;

        arena->first = piece->next;
        arena->memory.free(arena->memory.context, piece, piece->size);
    }
    arena->total = 0;
}
