/* SPDX-License-Identifier: MIT */
/* Stages of building one tag of a rule set. All return 0 or a negative enum ruleset_error. */
#pragma once

#include "compiled.h"

/* A literal of a filter before equal ones are merged. */
struct use {
    const uint8_t *bytes; /* folded; reversed for LANE_SUFFIX */
    uint32_t size;
    uint32_t place; /* index in tag->uses */
    uint8_t field, part, kind;
};

struct tag_build {
    struct tag *tag;
    const struct blob *blob;
    uint32_t flags; /* enum ruleset_flag */
    struct arena *arena, *temporary;
    struct use *uses;
    uint8_t *bytes; /* becomes tag->bytes */
    uint32_t bytes_used, bytes_capacity;
    struct bytes *names; /* hash table, size 0 = free */
    uint32_t name_slots; /* a power of 2, more than the names */
};

/* ruleset_read.c: blocks, Rules, filters and their literals out of the blob. */
int ruleset_read_tag(struct tag_build *build);
/* ruleset_lanes.c: merges literals, makes lanes and automata. */
int ruleset_build_lanes(struct tag_build *build);
/* ruleset_items.c: items, postings, ranges. */
int ruleset_build_items(struct tag_build *build);

/* Stable sort of indexes; `less` answers whether element a must come before b. `buffer` holds `count` more. */
void ruleset_sort(uint32_t *index, uint32_t *buffer, uint32_t count, bool (*less)(const void *context, uint32_t a, uint32_t b),
                  const void *context);
