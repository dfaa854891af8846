/* SPDX-License-Identifier: MIT */
/* Reading text with the automata that automaton_build.c makes. */
#include "automaton.h"

#include "automaton_layout.h"
#include "fold.h"

static void consider(struct literal_sink *sink, uint32_t item)
{
    uint32_t word = item / 32, bit = 1u << word % 32;

    if (!(sink->summary[word / 32] & bit)) {
        sink->summary[word / 32] |= bit;
        sink->candidates[word] = 0;
    }
    sink->candidates[word] |= 1u << item % 32;
}

bool literal_found(struct literal_sink *sink, uint32_t number)
{
    const struct literal *literal = &sink->literals[number];
    uint32_t bit = 1u << number % 32;

    if (sink->hits[number / 32] & bit)
        return false;
    sink->hits[number / 32] |= bit;
    for (uint32_t i = 0; i < literal->posting_count; i++)
        consider(sink, sink->postings[literal->first_posting + i]);
    return true;
}

static inline uint32_t child(const struct automaton *a, uint32_t state, uint32_t class)
{
    uint32_t slot = (a->node[state].base & ~AUTOMATON_OUTPUT) + class;

    return a->node[slot].owner == state ? slot : 0;
}

/*
 * Reports every literal that ends in this state. Where one is already known, so are all shorter ones behind it, which bounds
 * the work of a whole scan by text and literals together.
 */
static void report(const struct automaton *a, uint32_t state, struct literal_sink *sink)
{
    for (; state; state = a->shorter[state])
        if (a->literal[state] && !literal_found(sink, a->literal[state] - 1))
            return;
}

static inline bool starts(const struct automaton *a, uint32_t before, uint32_t class)
{
    return a->pairs[before * a->words + class / 32] >> class % 32 & 1;
}

/* The pair is in the table: the state of depth 2 it leads to, or 0 when only the literal of one byte was meant. */
static uint32_t enter(const struct automaton *a, uint32_t before, uint32_t class, struct literal_sink *sink)
{
    uint32_t first = child(a, AUTOMATON_ROOT, before), state = first ? child(a, first, class) : 0;

    if (!state)
        report(a, child(a, AUTOMATON_ROOT, class), sink);
    else if (a->node[state].base & AUTOMATON_OUTPUT)
        report(a, state, sink);
    return state;
}

/* One step with a byte of class `class`, the byte before having been of class `before`. */
static inline uint32_t step(const struct automaton *a, uint32_t state, uint32_t before, uint32_t class,
                            struct literal_sink *sink)
{
    while (state) {
        uint32_t next = child(a, state, class);

        if (next) {
            if (a->node[next].base & AUTOMATON_OUTPUT)
                report(a, next, sink);
            return next;
        }
        state = a->fail[state];
    }
    return starts(a, before, class) ? enter(a, before, class, sink) : 0;
}

/* From depth 0 or 1: passes over bytes that start nothing. Leaves `*before` up to date. */
static const uint8_t *skip(const struct automaton *a, const uint8_t *text, const uint8_t *end, uint32_t *before)
{
    uint32_t last = *before;

    for (; text < end && *text < 0x80; text++) {
        uint32_t class = a->map[*text];

        if (starts(a, last, class))
            break;
        last = class;
    }
    *before = last;
    return text;
}

void automaton_find(const struct automaton *a, const uint8_t *text, uint32_t size, struct literal_sink *sink)
{
    const uint8_t *end = text + size;
    uint32_t state = 0, before = 0;

    while (text < end) {
        if (!state) {
            text = skip(a, text, end, &before);
            if (text == end)
                return;
        }
        if (*text < 0x80) {
            uint32_t class = a->map[*text++];

            state = step(a, state, before, class, sink);
            before = class;
        } else {
            struct fold_unit unit;

            text += fold_forward(text, end, &unit);
            for (uint32_t k = 0; k < unit.size; k++) {
                uint32_t class = a->map[unit.byte[k]];

                state = step(a, state, before, class, sink);
                before = class;
            }
        }
    }
}

/* The bytes of one unit, in the direction of reading; 0 when they lead out of the trie. */
static uint32_t walk_unit(const struct automaton *a, uint32_t state, const struct fold_unit *unit, bool backward)
{
    for (uint32_t k = 0; k < unit->size && state; k++)
        state = child(a, state, a->map[unit->byte[backward ? unit->size - 1 - k : k]]);
    return state;
}

void automaton_prefix(const struct automaton *a, const uint8_t *text, uint32_t size, struct literal_sink *sink)
{
    const uint8_t *end = text + size;
    uint32_t state = AUTOMATON_ROOT;
    struct fold_unit unit;

    for (;;) {
        if (a->node[state].base & AUTOMATON_OUTPUT)
            literal_found(sink, a->literal[state] - 1);
        if (text == end)
            return;
        if (*text < 0x80) {
            state = child(a, state, a->map[*text++]);
        } else {
            text += fold_forward(text, end, &unit);
            state = walk_unit(a, state, &unit, false);
        }
        if (!state)
            return;
    }
}

/* Literals of one byte string, read backwards down to `text`. */
static void report_suffix(uint32_t number, const uint8_t *start, const uint8_t *text, struct literal_sink *sink)
{
    bool whole = text == start;
    bool name = whole || text[-1] == '\\' || (sink->slash && text[-1] == '/');

    for (;; number++) {
        const struct literal *literal = &sink->literals[number];

        if (literal->kind == LITERAL_END || (literal->kind == LITERAL_WHOLE && whole) ||
            (literal->kind == LITERAL_NAME && name))
            literal_found(sink, number);
        if (!literal->more)
            return;
    }
}

void automaton_suffix(const struct automaton *a, const uint8_t *start, uint32_t size, struct literal_sink *sink)
{
    const uint8_t *text = start + size;
    uint32_t state = AUTOMATON_ROOT;
    struct fold_unit unit;

    for (;;) {
        if (a->node[state].base & AUTOMATON_OUTPUT)
            report_suffix(a->literal[state] - 1, start, text, sink);
        if (text == start)
            return;
        if (text[-1] < 0x80) {
            state = child(a, state, a->map[*--text]);
        } else {
            text -= fold_backward(start, text, &unit);
            state = walk_unit(a, state, &unit, true);
        }
        if (!state)
            return;
    }
}
