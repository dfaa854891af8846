/* SPDX-License-Identifier: MIT */
/*
 * Building an automaton breadth first, straight from the sorted literals: a state is the range of literals that share its
 * path, its children are the ranges of equal next bytes.
 */
#include "automaton.h"

#include "automaton_layout.h"
#include "fold.h"

#include <string.h>

/* Slots that are looked at for the children of one state before they move behind everything. */
#define PROBES 512

struct range {
    uint32_t first, last; /* literals [first, last) */
    uint32_t state, depth;
};

struct build {
    const struct automaton_literal *literals;
    struct arena *temporary;
    uint8_t class[256]; /* of a folded byte; 0 = unused */
    uint32_t classes;   /* number of them, with class 0 */
    struct range *queue;
    uint32_t queued;
    /* by slot; grown together */
    struct automaton_node *node;
    uint32_t *literal, *fail, *shorter;
    uint32_t capacity, used; /* slots that exist; highest slot in use + 1 */
    uint32_t low;            /* free slots below are given up */
    bool anywhere;
};

static void *enlarged(struct build *b, const void *old, uint32_t capacity, size_t size)
{
    void *memory = arena_alloc(b->temporary, capacity, size);

    if (memory && old)
        memcpy(memory, old, b->capacity * size);
    return memory;
}

static int reserve(struct build *b, uint32_t slots)
{
    uint32_t capacity = b->capacity ? b->capacity : 256;

    if (slots > AUTOMATON_OUTPUT / 2)
        return RULESET_E_LIMIT;
    while (capacity < slots)
        capacity *= 2;
    if (capacity == b->capacity)
        return 0;
    b->node = enlarged(b, b->node, capacity, sizeof(*b->node));
    b->literal = enlarged(b, b->literal, capacity, sizeof(*b->literal));
    b->fail = enlarged(b, b->fail, capacity, sizeof(*b->fail));
    b->shorter = enlarged(b, b->shorter, capacity, sizeof(*b->shorter));
    if (!b->node || !b->literal || !b->fail || !b->shorter)
        return RULESET_E_MEMORY;
    b->capacity = capacity;
    return 0;
}

static bool is_free(const struct build *b, uint32_t slot)
{
    return slot >= b->capacity || b->node[slot].owner == 0;
}

static bool all_free(const struct build *b, uint32_t base, const uint8_t *classes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!is_free(b, base + classes[i]))
            return false;
    return true;
}

/*
 * A base under which every child finds a free slot. `classes` ascend. A search in vain moves the start of the next ones, so
 * that all searches together are linear in the slots.
 */
static uint32_t find_base(struct build *b, const uint8_t *classes, uint32_t count)
{
    uint32_t slot, end;

    while (!is_free(b, b->low))
        b->low++;
    end = b->used - b->low > PROBES ? b->low + PROBES : b->used;
    for (slot = b->low; slot < end; slot++)
        if (slot >= classes[0] && is_free(b, slot) && all_free(b, slot - classes[0], classes, count))
            return slot - classes[0];
    b->low = end;
    return b->used > classes[0] ? b->used - classes[0] : 0;
}

static uint32_t child(const struct build *b, uint32_t state, uint32_t class)
{
    uint32_t slot = (b->node[state].base & ~AUTOMATON_OUTPUT) + class;

    return b->node[slot].owner == state ? slot : 0;
}

/* Suffix links of the state that `class` leads to from `parent`. All shorter states exist with their children. */
static void link_suffix(struct build *b, uint32_t parent, uint32_t class, uint32_t state)
{
    uint32_t from = b->fail[parent], to = 0;

    while (from && !(to = child(b, from, class)))
        from = b->fail[from];
    b->fail[state] = to ? to : AUTOMATON_ROOT;
    b->shorter[state] = b->literal[b->fail[state]] ? b->fail[state] : b->shorter[b->fail[state]];
}

/* Next bytes of a range of literals: fills ascending classes and where each of them starts; returns how many. */
static uint32_t split(const struct build *b, const struct range *range, uint8_t classes[256], uint32_t starts[257])
{
    uint32_t count = 0, i = range->first;

    while (i < range->last && b->literals[i].size == range->depth)
        i++;
    for (; i < range->last; i++) {
        uint8_t class = b->class[b->literals[i].bytes[range->depth]];

        if (count == 0 || classes[count - 1] != class) {
            classes[count] = class;
            starts[count++] = i;
        }
    }
    starts[count] = range->last;
    return count;
}

/* A literal that ends in the state of this range is the first of it. */
static void note_literal(struct build *b, const struct range *range)
{
    if (range->first < range->last && b->literals[range->first].size == range->depth)
        b->literal[range->state] = b->literals[range->first].number + 1;
}

struct split_buffer {
    uint8_t classes[256];
    uint32_t starts[257];
};

static int expand(struct build *b, struct range range, struct split_buffer *buffer)
{
    uint32_t count = split(b, &range, buffer->classes, buffer->starts), base;
    int rc;

    if (count == 0)
        return 0;
    base = find_base(b, buffer->classes, count);
    rc = reserve(b, base + b->classes);
    if (rc)
        return rc;
    b->node[range.state].base = base;
    for (uint32_t i = 0; i < count; i++) {
        struct range next = { buffer->starts[i], buffer->starts[i + 1], base + buffer->classes[i], range.depth + 1 };

        b->node[next.state].owner = range.state;
        if (next.state >= b->used)
            b->used = next.state + 1;
        note_literal(b, &next);
        if (b->anywhere)
            link_suffix(b, range.state, buffer->classes[i], next.state);
        b->queue[b->queued++] = next;
    }
    return 0;
}

static int grow_trie(struct build *b, uint32_t count)
{
    struct split_buffer *buffer = arena_alloc(b->temporary, 1, sizeof(*buffer));
    struct range root = { 0, count, AUTOMATON_ROOT, 0 };
    int rc = buffer ? reserve(b, 2) : RULESET_E_MEMORY;

    if (rc)
        return rc;
    b->node[0].owner = b->node[AUTOMATON_ROOT].owner = UINT32_MAX;
    b->used = 2;
    b->low = 2;
    note_literal(b, &root);
    b->queue[b->queued++] = root;
    for (uint32_t i = 0; i < b->queued && !rc; i++)
        rc = expand(b, b->queue[i], buffer);
    return rc;
}

/* Classes in byte order, so that sorted literals have sorted classes. Returns the number of states at most. */
static uint32_t assign_classes(struct build *b, uint32_t count)
{
    uint32_t states = 1;

    for (uint32_t i = 0; i < count; i++) {
        states += b->literals[i].size;
        for (uint32_t k = 0; k < b->literals[i].size; k++)
            b->class[b->literals[i].bytes[k]] = 1;
    }
    b->classes = 1;
    for (uint32_t byte = 0; byte < 256; byte++)
        if (b->class[byte])
            b->class[byte] = (uint8_t)b->classes++;
    return states;
}

static bool is_shallow(const struct build *b, uint32_t state)
{
    return state == AUTOMATON_ROOT || b->node[state].owner == AUTOMATON_ROOT;
}

/* Suffix links into depth 0 and 1 go: the table of pairs does their work. */
static void finish_links(struct build *b)
{
    for (uint32_t s = 0; s < b->used; s++) {
        if (b->literal[s] || b->shorter[s])
            b->node[s].base |= AUTOMATON_OUTPUT;
        if (b->fail[s] && is_shallow(b, b->fail[s]))
            b->fail[s] = 0;
    }
}

static void fill_pairs(const struct build *b, uint32_t *pairs, uint32_t words)
{
    for (uint32_t c = 1; c < b->classes; c++) {
        uint32_t first = child(b, AUTOMATON_ROOT, c);

        if (!first)
            continue;
        for (uint32_t d = 1; d < b->classes; d++)
            if (child(b, first, d))
                pairs[c * words + d / 32] |= 1u << d % 32;
        for (uint32_t before = 0; b->literal[first] && before < b->classes; before++)
            pairs[before * words + c / 32] |= 1u << c % 32;
    }
}

static const void *kept(struct arena *arena, const void *from, uint32_t count, uint32_t padding, size_t size)
{
    void *to = arena_alloc(arena, (size_t)count + padding, size);

    if (to)
        memcpy(to, from, count * size);
    return to;
}

static int keep(const struct build *b, struct automaton *a, struct arena *arena)
{
    uint32_t *pairs;

    a->node_count = b->used + b->classes; /* any base plus any class stays inside */
    a->words = (b->classes + 31) / 32;
    a->node = kept(arena, b->node, b->used, b->classes, sizeof(*b->node));
    a->literal = kept(arena, b->literal, b->used, 0, sizeof(*b->literal));
    if (!a->node || !a->literal)
        return RULESET_E_MEMORY;
    for (uint32_t byte = 0; byte < 256; byte++)
        a->map[byte] = b->class[byte < 0x80 ? fold_upper(byte) : byte];
    if (!b->anywhere)
        return 0;
    a->fail = kept(arena, b->fail, b->used, 0, sizeof(*b->fail));
    a->shorter = kept(arena, b->shorter, b->used, 0, sizeof(*b->shorter));
    a->pairs = pairs = arena_alloc(arena, (size_t)b->classes * a->words, sizeof(*pairs));
    if (!a->fail || !a->shorter || !pairs)
        return RULESET_E_MEMORY;
    fill_pairs(b, pairs, a->words);
    return 0;
}

int automaton_build(struct automaton *automaton, const struct automaton_literal *literals, uint32_t count, bool anywhere,
                    struct arena *arena, struct arena *temporary)
{
    struct build *b = arena_alloc(temporary, 1, sizeof(*b));
    struct automaton result = { .node = NULL };
    int rc;

    if (!b)
        return RULESET_E_MEMORY;
    b->literals = literals;
    b->temporary = temporary;
    b->anywhere = anywhere;
    b->queue = arena_alloc(temporary, assign_classes(b, count), sizeof(*b->queue));
    rc = b->queue ? grow_trie(b, count) : RULESET_E_MEMORY;
    if (!rc) {
        finish_links(b);
        rc = keep(b, &result, arena);
    }
    if (!rc)
        *automaton = result;
    return rc;
}
