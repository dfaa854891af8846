/* SPDX-License-Identifier: MIT */
/*
 * Finding many literals in one text, ignoring case, in a time that does not depend on how many there are.
 *
 * Three readers share one compact trie (a "double array": the child of state s for class c is slot base[s] + c, if that slot
 * says it is owned by s):
 *
 *   automaton_find    literals anywhere: Aho-Corasick. States of depth 0 and 1 are not walked: a bit per pair of byte classes
 *                     says whether some literal starts with that pair, so most text is passed over at a few instructions a
 *                     byte. Linear in the text whatever the literals are.
 *   automaton_prefix  literals the text begins with: walks from the start and stops at the first byte that fits nothing.
 *   automaton_suffix  literals the text ends with, reading backwards; also whole texts and file names (`image`).
 *
 * Text is raw bytes, folded on the way in (fold.h). Freestanding: also compiled into the Windows driver.
 */
#pragma once

#include "arena.h"

/* Where a literal must stand. */
enum literal_kind {
    LITERAL_ANYWHERE, /* automaton_find */
    LITERAL_BEGIN,    /* automaton_prefix */
    LITERAL_END,      /* automaton_suffix: the text ends with it, */
    LITERAL_WHOLE,    /* is equal to it, */
    LITERAL_NAME,     /* or is equal to it after its last separator */
};

struct literal {
    uint32_t first_posting, posting_count; /* items to consider when it is found */
    uint8_t kind;                          /* enum literal_kind */
    bool more;                             /* the next literal has the same bytes and another kind */
};

/* Found literals: one bit each, and the items they bring into play. */
struct literal_sink {
    const struct literal *literals;
    const uint32_t *postings;
    uint32_t *hits;       /* bit per literal */
    uint32_t *candidates; /* bit per item; a word counts only when its bit in `summary` is set */
    uint32_t *summary;
    bool slash; /* `/` separates file names, too */
};

struct automaton_node {
    uint32_t base; /* top bit: AUTOMATON_OUTPUT */
    uint32_t owner;
};

struct automaton {
    const struct automaton_node *node;
    const uint32_t *literal; /* of a slot: number + 1, 0 = none */
    const uint32_t *fail;    /* longest proper suffix of depth 2 or more, 0 = none; NULL in a prefix or suffix trie */
    const uint32_t *shorter; /* longest proper suffix that is a literal, 0 = none */
    const uint32_t *pairs;   /* [class of the byte before][words]: bit per class */
    uint32_t node_count, words;
    uint8_t map[256];        /* byte of text to class, upper and lower case alike; 0 = in no literal */
};

struct automaton_literal {
    const uint8_t *bytes; /* folded; reversed for a suffix trie */
    uint32_t size;
    uint32_t number;
};

/*
 * Builds from literals sorted by bytes, each byte string once. `anywhere` chooses the Aho-Corasick form, in which no literal may
 * be empty. What stays is taken from `arena`, the rest from `temporary`. 0 or RULESET_E_MEMORY, RULESET_E_LIMIT.
 */
int automaton_build(struct automaton *automaton, const struct automaton_literal *literals, uint32_t count, bool anywhere,
                    struct arena *arena, struct arena *temporary);

void automaton_find(const struct automaton *automaton, const uint8_t *text, uint32_t size, struct literal_sink *sink);
void automaton_prefix(const struct automaton *automaton, const uint8_t *text, uint32_t size, struct literal_sink *sink);
void automaton_suffix(const struct automaton *automaton, const uint8_t *text, uint32_t size, struct literal_sink *sink);

/* Notes a literal; false when it was known. */
bool literal_found(struct literal_sink *sink, uint32_t number);
