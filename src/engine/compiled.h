/* SPDX-License-Identifier: MIT */
/*
 * A rule set as the matcher reads it.
 *
 * Blocks are kept per tag, in the order in which they are evaluated (spec 03 section 7.2); the events that share a tag share
 * everything here. A filter's condition is a test on literals: "any of these was found in the field" or "all of them were".
 * The literals of one field and kind of place form a lane with one automaton; a lane is read at most once for an event, and
 * only when something needs it.
 *
 * So that the time for an event does not grow with the number of filters, filters are not visited. A literal that is found
 * brings the items that it could make true into play (its postings), and only those are tested. An item is a filter, or a
 * whole Rule that is entered through the one of its filters that is cheapest to find. Items that no literal can bring into play
 * (`is not`, `less than` …) are listed and tested in turn until one matches.
 */
#pragma once

#include "automaton.h"
#include "sysmon/blob.h"

#define NONE UINT32_MAX
#define TAG_MAX_MEMBERS 3
#define RULESET_MAX_BLOCKS 65534 /* per tag, spec 03 section 7.1 */
/* Bytes of an environment value after expansion: 260 UTF-16 units (spec 03 section 8), and folded. */
#define EXPANDED_SIZE 780
#define EXPANDED_FOLDED_SIZE (3 * EXPANDED_SIZE)

/* Result of a filter, a Rule or a block. */
enum state { STATE_NOMATCH, STATE_MATCH, STATE_FAILED };

enum test {
    TEST_ANY,    /* one of the literals was found */
    TEST_ALL,    /* every one */
    TEST_LESS,   /* the text is less than the value */
    TEST_MORE,
    TEST_EXPAND, /* the value is expanded first, so nothing can be prepared */
};

/* Bytes in tag->bytes. */
struct bytes {
    uint32_t offset, size;
};

struct filter {
    uint32_t field; /* as stored: may be beyond the fields of any event */
    uint32_t rule;  /* index, NONE = directly in the block */
    uint32_t first_use, use_count; /* numbers of its literals in tag->uses */
    struct bytes value; /* folded (LESS, MORE) or as written (EXPAND) */
    struct bytes text;  /* as written; only for explaining */
    struct bytes name;
    uint8_t condition;  /* enum blob_condition */
    uint8_t test;       /* enum test */
    uint8_t lane;       /* TEST_ANY and TEST_ALL */
    bool negated;
    bool repeated;      /* a later filter of the block, outside Rules, has the same field */
};

struct rule {
    uint32_t first, count; /* filters */
    uint8_t relation;      /* enum blob_relation */
};

/* Items of which one must match: an OR block, or the filters of one field in an AND block. */
struct range {
    uint32_t first_item, item_count;
    uint32_t first_always, always_count; /* in tag->always: ascending items no literal brings into play */
    uint32_t first_lane, lane_count;     /* in tag->lane_list: lanes that bring items into play, cheap ones first */
};

struct group {
    uint32_t field;
    struct range range;
};

struct block {
    uint32_t event_id;
    uint32_t first_filter, filter_count;
    uint32_t first_rule, rule_count;
    uint32_t first_group, group_count; /* AND */
    struct range range;                /* OR */
    uint32_t valid[TAG_MAX_MEMBERS];   /* bit per field: this block's filters on it apply to that member of the tag */
    uint8_t default_action, relation;  /* enum blob_default, enum blob_relation */
    bool stale;        /* may leave a rule name behind without matching (spec 03 section 7.5) */
    bool stale_before; /* an earlier block may */
};

enum lane_part { LANE_SUFFIX, LANE_PREFIX, LANE_SUBSTRING, LANE_PARTS }; /* in order of cost */

struct lane {
    uint8_t field, part;
    uint32_t first_literal, literal_count; /* the first is a multiple of 32 */
    uint32_t empty;                        /* LANE_SUBSTRING: the empty literal (found in any text that is not) + 1, 0 = none */
    struct automaton automaton;
};

#define ITEM_RULE 0x80000000u

struct tag {
    const struct catalogue_event *first; /* of its member events */
    uint32_t member_count;
    uint32_t fields[TAG_MAX_MEMBERS]; /* bit per field of the member that some block's filters apply to */
    bool has_rule_name; /* field 0 is RuleName, as in every event that has a tag */
    bool frozen_names; /* a filter names the field RuleName: it and what it does to the name are evaluated in sequence */
    struct block *blocks;
    struct rule *rules;
    struct group *groups;
    struct filter *filters;
    struct lane *lanes;
    struct literal *literals;
    uint32_t *uses, *postings, *always;
    uint32_t *items; /* filter, or ITEM_RULE | rule */
    uint8_t *lane_list;
    const uint8_t *bytes;
    uint32_t block_count, rule_count, group_count, filter_count, lane_count, literal_count, use_count, item_count;
    bool expands;
};

struct ruleset {
    struct arena arena;
    struct ruleset_options options;
    size_t scratch_size;
    struct tag *tag[CATALOGUE_EVENT_COUNT]; /* by position in catalogue_events; NULL: no block */
};

/* Is an event logged when its tag has no block? */
bool default_included(const struct ruleset *rules, const struct catalogue_event *event);
/* Bytes of scratch for events of this tag. */
size_t match_scratch_size(const struct tag *tag);

/* Field index inside `valid`. */
static inline bool applies(const struct block *block, uint32_t member, uint32_t field)
{
    return field < 32 && block->valid[member] >> field & 1;
}
