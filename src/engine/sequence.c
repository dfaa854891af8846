/* SPDX-License-Identifier: MIT */
/*
 * Rules in the order in which the configuration states them (spec 03 section 7.4).
 *
 * Only this order tells which name an event gets: every filter that matches leaves its name, even in a block or Rule that
 * fails afterwards. The fast path asks here when a match has no name of its own, and for explanations.
 */
#include "matcher.h"

static enum state compare(struct sequence *s, const struct block *block, const struct filter *filter)
{
    enum state result = match_filter(s->match, block, filter);

    if (filter->field == 0 && s->match->tag->frozen_names && applies(block, s->match->member, 0))
        s->frozen = true;
    if (result == STATE_MATCH && filter->name.size)
        s->name = filter->name;
    if (s->compared)
        s->compared(s, block, filter, result);
    return result;
}

static enum state sequence_rule(struct sequence *s, const struct block *block, const struct rule *rule)
{
    enum state decisive = rule->relation == BLOB_AND ? STATE_NOMATCH : STATE_MATCH;

    for (uint32_t i = 0; i < rule->count; i++) {
        enum state state = compare(s, block, &s->match->tag->filters[rule->first + i]);

        if (state == STATE_FAILED || state == decisive)
            return state;
    }
    return decisive == STATE_MATCH ? STATE_NOMATCH : STATE_MATCH;
}

/* A filter outside Rules: of one field, in an AND block, one match is enough. */
static enum state sequence_direct(struct sequence *s, const struct block *block, const struct filter *filter,
                                  uint32_t *matched)
{
    enum state state;

    if (applies(block, s->match->member, filter->field) && *matched >> filter->field & 1)
        return STATE_MATCH;
    state = compare(s, block, filter);
    if (state == STATE_MATCH)
        *matched |= 1u << filter->field;
    else if (state == STATE_NOMATCH && block->relation == BLOB_AND && filter->repeated)
        return STATE_MATCH; /* forgiven: a later one may match */
    return state;
}

enum state sequence_block(struct sequence *s, const struct block *block)
{
    const struct tag *tag = s->match->tag;
    enum state decisive = block->relation == BLOB_AND ? STATE_NOMATCH : STATE_MATCH, state;
    uint32_t i = block->first_filter, end = i + block->filter_count, matched = 0;

    if (i == end)
        return STATE_NOMATCH;
    while (i < end) {
        const struct filter *filter = &tag->filters[i];

        if (filter->rule != NONE) {
            state = sequence_rule(s, block, &tag->rules[filter->rule]);
            i += tag->rules[filter->rule].count;
        } else {
            state = sequence_direct(s, block, filter, &matched);
            i++;
        }
        if (state == STATE_FAILED || state == decisive)
            return state;
    }
    return decisive == STATE_MATCH ? STATE_NOMATCH : STATE_MATCH;
}

uint32_t sequence_decide(struct sequence *s)
{
    const struct tag *tag = s->match->tag;

    for (uint32_t i = 0; i < tag->block_count; i++)
        if (sequence_block(s, &tag->blocks[i]) == STATE_MATCH)
            return i;
    return NONE;
}

/* ---- names for the fast path ---- */

/* Name of an item that matched, of its own. */
static struct bytes item_name(struct match *m, const struct block *block, uint32_t item)
{
    struct sequence s = { .match = m };
    uint32_t target = m->tag->items[item];

    if (!(target & ITEM_RULE))
        return m->tag->filters[target].name;
    sequence_rule(&s, block, &m->tag->rules[target & ~ITEM_RULE]);
    return s.name;
}

/* Name left by the Rules of an OR block that failed before `item` was reached: the last one that left any. */
static struct bytes name_before(struct match *m, const struct block *block, uint32_t item)
{
    struct sequence s = { .match = m };
    uint32_t target = m->tag->items[item];
    uint32_t limit = target & ITEM_RULE ? m->tag->rules[target & ~ITEM_RULE].first : target;

    for (uint32_t i = block->rule_count; i-- > 0 && !s.name.size;) {
        const struct rule *rule = &m->tag->rules[block->first_rule + i];

        if (rule->first < limit)
            sequence_rule(&s, block, rule);
    }
    return s.name;
}

/* The same of whole blocks that failed before this one. */
static struct bytes name_before_block(struct match *m, const struct block *block)
{
    struct sequence s = { .match = m };

    while (block->stale_before && !s.name.size)
        if ((--block)->stale)
            sequence_block(&s, block);
    return s.name;
}

struct bytes sequence_name(struct match *m, const struct block *block, uint32_t item)
{
    struct sequence s = { .match = m };

    if (block->relation == BLOB_AND) {
        if (block->stale)
            sequence_block(&s, block);
    } else {
        s.name = item_name(m, block, item);
        if (!s.name.size && block->stale)
            s.name = name_before(m, block, item);
    }
    return s.name.size ? s.name : name_before_block(m, block);
}
