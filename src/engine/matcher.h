/* SPDX-License-Identifier: MIT */
/* One event meeting one tag's rules: state and steps shared by matcher.c (fast), sequence.c (in order) and explain.c. */
#pragma once

#include "compiled.h"

struct match {
    const struct ruleset *rules;
    const struct tag *tag;
    uint32_t member; /* position of the event among those of the tag */
    const struct match_text *fields;
    uint32_t session;
    struct literal_sink sink;
    uint32_t lanes_read[(32 * LANE_PARTS + 31) / 32];
    uint8_t *expanded; /* EXPANDED_SIZE + EXPANDED_FOLDED_SIZE bytes, when the tag has such filters */
};

/* Prepares a match in the caller's scratch. */
void match_begin(struct match *match, const struct ruleset *rules, const struct tag *tag, const struct catalogue_event *event,
                 const struct match_text *fields, uint32_t session, void *scratch);
/* What filters see of a field of the event; `data` is NULL when it has no text (kernel only). */
struct match_text match_field(const struct match *match, uint32_t field);
enum state match_filter(struct match *match, const struct block *block, const struct filter *filter);

/* expand.c: a value with environment variables against the text. */
enum state expand_test(const struct match *match, const struct filter *filter, const struct match_text *text);

/* sequence.c: the evaluation as spec 03 section 7.4 words it, filter by filter, for names and explanations. */
struct sequence {
    struct match *match;
    struct bytes name; /* RuleName so far, size 0 = none */
    bool frozen;       /* the field RuleName was compared: it stays `-` (spec 03 section 10) */
    /* Called for every filter that was compared; may be NULL. */
    void (*compared)(struct sequence *sequence, const struct block *block, const struct filter *filter, enum state result);
    void *context;
};

enum state sequence_block(struct sequence *sequence, const struct block *block);
/* The name left by `block` (an AND block that matched, or one whose item `item` matched) and the blocks before it. */
struct bytes sequence_name(struct match *match, const struct block *block, uint32_t item);
/* The whole decision in sequence; returns the index of the block that decided, or NONE. */
uint32_t sequence_decide(struct sequence *sequence);
