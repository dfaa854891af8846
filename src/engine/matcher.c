/* SPDX-License-Identifier: MIT */
/*
 * Deciding about one event (spec 03 section 7.3) without visiting its filters: see compiled.h.
 *
 * In a kernel a field may have no text. What depends on it is FAILED, and only when the decision hangs on such a result is it left
 * to user mode: an item that matches for certain still decides its block, and a block that cannot change the outcome is
 * not waited for.
 */
#include "matcher.h"

#include "fold.h"

#include <string.h>

static const char unset_text[] = "-";

struct match_text match_field(const struct match *m, uint32_t field)
{
    struct match_text text = m->fields[field];

    if ((field == 0 && m->tag->has_rule_name) || (!text.data && !(m->rules->options.flags & RULESET_KERNEL)))
        return (struct match_text){ unset_text, 1 };
    return text;
}

/*
 * Makes the hits of a lane known; false when its field has no text. A lane may be about a field that only other members
 * of the tag have: it is passed over, as no filter on it applies.
 */
static bool read_lane(struct match *m, uint32_t index)
{
    const struct lane *lane = &m->tag->lanes[index];
    struct match_text text;

    if ((m->lanes_read[index / 32] >> index % 32 & 1) || !(m->tag->fields[m->member] >> lane->field & 1))
        return true;
    text = match_field(m, lane->field);
    if (!text.data)
        return false;
    m->lanes_read[index / 32] |= 1u << index % 32;
    memset(m->sink.hits + lane->first_literal / 32, 0, (lane->literal_count + 31) / 32 * sizeof(uint32_t));
    switch (lane->part) {
    case LANE_SUFFIX: automaton_suffix(&lane->automaton, (const uint8_t *)text.data, text.size, &m->sink); break;
    case LANE_PREFIX: automaton_prefix(&lane->automaton, (const uint8_t *)text.data, text.size, &m->sink); break;
    default:
        if (lane->empty && text.size)
            literal_found(&m->sink, lane->empty - 1);
        automaton_find(&lane->automaton, (const uint8_t *)text.data, text.size, &m->sink);
    }
    return true;
}

static bool found(const struct match *m, uint32_t literal)
{
    return m->sink.hits[literal / 32] >> literal % 32 & 1;
}

static bool test_literals(const struct match *m, const struct filter *filter)
{
    const uint32_t *use = m->tag->uses + filter->first_use;
    bool all = filter->test == TEST_ALL;

    for (uint32_t i = 0; i < filter->use_count; i++)
        if (found(m, use[i]) != all)
            return !all;
    return all;
}

static enum state test_order(const struct match *m, const struct filter *filter, const struct match_text *text)
{
    int order = fold_compare((const uint8_t *)text->data, text->size, m->tag->bytes + filter->value.offset, filter->value.size);

    return filter->test == TEST_LESS ? order < 0 : order > 0;
}

enum state match_filter(struct match *m, const struct block *block, const struct filter *filter)
{
    struct match_text text;

    if (!applies(block, m->member, filter->field))
        return STATE_NOMATCH;
    text = match_field(m, filter->field);
    if (!text.data)
        return STATE_FAILED;
    switch (filter->test) {
    case TEST_LESS:
    case TEST_MORE: return test_order(m, filter, &text);
    case TEST_EXPAND: return expand_test(m, filter, &text);
    default: return read_lane(m, filter->lane) && test_literals(m, filter) != filter->negated;
    }
}

/* ---- items ---- */

static enum state test_or_rule(struct match *m, const struct block *block, const struct rule *rule)
{
    enum state result = STATE_NOMATCH;

    for (uint32_t i = 0; i < rule->count; i++) {
        enum state state = match_filter(m, block, &m->tag->filters[rule->first + i]);

        if (state == STATE_MATCH)
            return STATE_MATCH;
        if (state == STATE_FAILED)
            result = STATE_FAILED;
    }
    return result;
}

static bool is_costly(const struct match *m, const struct filter *filter)
{
    return filter->use_count && m->tag->lanes[filter->lane].part == LANE_SUBSTRING;
}

/* All filters of the Rule must match: those that are cheap to test go first. */
static enum state test_and_rule(struct match *m, const struct block *block, const struct rule *rule)
{
    const struct filter *filters = m->tag->filters + rule->first;
    enum state result = STATE_MATCH;

    for (int costly = 0; costly < 2; costly++)
        for (uint32_t i = 0; i < rule->count; i++) {
            enum state state;

            if (is_costly(m, &filters[i]) != costly)
                continue;
            state = match_filter(m, block, &filters[i]);
            if (state == STATE_NOMATCH)
                return STATE_NOMATCH;
            if (state == STATE_FAILED)
                result = STATE_FAILED;
        }
    return result;
}

static enum state test_rule(struct match *m, const struct block *block, const struct rule *rule)
{
    return rule->relation == BLOB_AND ? test_and_rule(m, block, rule) : test_or_rule(m, block, rule);
}

static enum state test_item(struct match *m, const struct block *block, uint32_t item)
{
    uint32_t target = m->tag->items[item];

    if (target & ITEM_RULE)
        return test_rule(m, block, &m->tag->rules[target & ~ITEM_RULE]);
    return match_filter(m, block, &m->tag->filters[target]);
}

/* First item in [from, end) that a found literal has brought into play, NONE when there is none. */
static uint32_t next_candidate(const struct literal_sink *sink, uint32_t from, uint32_t end)
{
    while (from < end) {
        uint32_t word = from / 32, live = sink->summary[word / 32] >> word % 32, bits;

        if (!(live & 1)) {
            from = live ? (word + (uint32_t)__builtin_ctz(live)) * 32 : (word / 32 + 1) * 1024;
            continue;
        }
        bits = sink->candidates[word] >> from % 32;
        if (bits) {
            from += (uint32_t)__builtin_ctz(bits);
            return from < end ? from : NONE;
        }
        from = (word + 1) * 32;
    }
    return NONE;
}

/* ---- ranges ---- */

struct search {
    struct match *m;
    const struct block *block;
    const struct range *range;
    uint32_t item; /* the one that matched */
    bool failed;
    bool missing;  /* a lane has no text: what it would bring into play is not known */
};

static bool try_item(struct search *s, uint32_t item)
{
    enum state state = test_item(s->m, s->block, item);

    s->item = item;
    s->failed |= state == STATE_FAILED;
    return state == STATE_MATCH;
}

/* Where any match will do, candidates are tried as soon as a lane has been read. */
static bool try_candidates(struct search *s)
{
    struct literal_sink *sink = &s->m->sink;
    uint32_t end = s->range->first_item + s->range->item_count, item = s->range->first_item;

    while ((item = next_candidate(sink, item, end)) != NONE) {
        if (try_item(s, item))
            return true;
        sink->candidates[item / 32] &= ~(1u << item % 32);
        item++;
    }
    return false;
}

static bool read_lanes(struct search *s, bool any)
{
    const struct range *range = s->range;

    for (uint32_t i = 0; i < range->lane_count; i++) {
        if (!read_lane(s->m, s->m->tag->lane_list[range->first_lane + i]))
            s->missing = true;
        else if (any && try_candidates(s))
            return true;
    }
    return false;
}

/* In order: what literals brought into play, merged with what none can. */
static bool try_in_order(struct search *s)
{
    const struct range *range = s->range;
    const uint32_t *always = s->m->tag->always + range->first_always, *always_end = always + range->always_count;
    uint32_t end = range->first_item + range->item_count;
    uint32_t candidate = next_candidate(&s->m->sink, range->first_item, end);

    while (candidate != NONE || always < always_end) {
        if (always < always_end && *always < candidate) {
            if (try_item(s, *always++))
                return true;
            continue;
        }
        if (try_item(s, candidate))
            return true;
        candidate = next_candidate(&s->m->sink, candidate + 1, end);
    }
    return false;
}

/* Kernel: none matched, but items whose lane could not be read have not been tried. The first that fails is enough. */
static bool try_untried(struct search *s)
{
    for (uint32_t i = 0; i < s->range->item_count && !s->failed; i++)
        try_item(s, s->range->first_item + i);
    return s->failed;
}

/* `any`: which item matches is of no interest. Otherwise `*item` is the first in document order. */
static enum state test_range(struct match *m, const struct block *block, const struct range *range, bool any, uint32_t *item)
{
    struct search s = { m, block, range, NONE, false, false };

    if (read_lanes(&s, any) || try_in_order(&s)) {
        *item = s.item;
        return STATE_MATCH;
    }
    return s.failed || (s.missing && try_untried(&s)) ? STATE_FAILED : STATE_NOMATCH;
}

/* ---- blocks ---- */

static bool groups_apply(const struct match *m, const struct block *block)
{
    for (uint32_t i = 0; i < block->group_count; i++)
        if (!applies(block, m->member, m->tag->groups[block->first_group + i].field))
            return false;
    return true;
}

static enum state test_and_block(struct match *m, const struct block *block)
{
    enum state result = STATE_MATCH, state;
    uint32_t item;

    if (!groups_apply(m, block))
        return STATE_NOMATCH;
    for (uint32_t i = 0; i < block->group_count; i++) {
        state = test_range(m, block, &m->tag->groups[block->first_group + i].range, true, &item);
        if (state == STATE_NOMATCH)
            return state;
        if (state == STATE_FAILED)
            result = state;
    }
    for (uint32_t i = 0; i < block->rule_count; i++) {
        state = test_rule(m, block, &m->tag->rules[block->first_rule + i]);
        if (state == STATE_NOMATCH)
            return state;
        if (state == STATE_FAILED)
            result = state;
    }
    return result;
}

static enum state test_block(struct match *m, const struct block *block, uint32_t *item)
{
    if (block->filter_count == 0)
        return STATE_NOMATCH;
    if (block->relation == BLOB_AND)
        return test_and_block(m, block);
    return test_range(m, block, &block->range, block->default_action == BLOB_DEFAULT_INCLUDE, item);
}

/* ---- the decision ---- */

static void name_result(const struct match *m, struct bytes name, struct match_result *result)
{
    if (name.size) {
        result->rule_name = (const char *)m->tag->bytes + name.offset;
        result->rule_name_size = name.size;
    }
}

/* No block matched: one block leaves its default, several leave nothing (spec 03 section 7.3). */
static enum match_decision default_of(const struct tag *tag)
{
    return tag->block_count == 1 && tag->blocks[0].default_action == BLOB_DEFAULT_INCLUDE ? MATCH_LOG : MATCH_DROP;
}

static void decide(struct match *m, struct match_result *result)
{
    bool exclude_failed = false, include_failed = false;

    for (uint32_t i = 0; i < m->tag->block_count; i++) {
        const struct block *block = &m->tag->blocks[i];
        bool excludes = block->default_action == BLOB_DEFAULT_INCLUDE;
        uint32_t item = NONE;
        enum state state = test_block(m, block, &item);

        if (state == STATE_MATCH) {
            result->block = (int32_t)i;
            result->decision = excludes ? MATCH_DROP : exclude_failed ? MATCH_UNDECIDED : MATCH_LOG;
            if (result->decision == MATCH_LOG)
                name_result(m, sequence_name(m, block, item), result);
            return;
        }
        exclude_failed |= state == STATE_FAILED && excludes;
        include_failed |= state == STATE_FAILED && !excludes;
    }
    result->decision = default_of(m->tag);
    if (result->decision == MATCH_LOG ? exclude_failed : include_failed)
        result->decision = MATCH_UNDECIDED;
}

static void decide_in_sequence(struct match *m, struct match_result *result)
{
    struct sequence sequence = { .match = m };
    uint32_t block = sequence_decide(&sequence);

    if (block == NONE) {
        result->decision = default_of(m->tag);
        return;
    }
    result->block = (int32_t)block;
    result->decision = m->tag->blocks[block].default_action == BLOB_DEFAULT_INCLUDE ? MATCH_DROP : MATCH_LOG;
    if (result->decision == MATCH_LOG && !sequence.frozen)
        name_result(m, sequence.name, result);
}

void match_begin(struct match *m, const struct ruleset *rules, const struct tag *tag, const struct catalogue_event *event,
                 const struct match_text *fields, uint32_t session, void *scratch)
{
    uint32_t item_words = (tag->item_count + 31) / 32, summary_words = (item_words + 31) / 32;

    *m = (struct match){ .rules = rules, .tag = tag, .fields = fields, .session = session };
    m->member = (uint32_t)(event - tag->first);
    m->sink.literals = tag->literals;
    m->sink.postings = tag->postings;
    m->sink.summary = scratch;
    m->sink.candidates = m->sink.summary + summary_words;
    m->sink.hits = m->sink.candidates + item_words;
    m->sink.slash = rules->options.flags & RULESET_SLASH_IMAGE;
    m->expanded = (uint8_t *)(m->sink.hits + (tag->literal_count + 31) / 32);
    for (uint32_t i = 0; i < summary_words; i++)
        m->sink.summary[i] = 0;
}

size_t match_scratch_size(const struct tag *tag)
{
    uint32_t item_words = (tag->item_count + 31) / 32, summary_words = (item_words + 31) / 32;
    size_t words = (size_t)summary_words + item_words + (tag->literal_count + 31) / 32;

    return words * sizeof(uint32_t) + (tag->expands ? EXPANDED_SIZE + EXPANDED_FOLDED_SIZE : 0);
}

bool default_included(const struct ruleset *rules, const struct catalogue_event *event)
{
    if ((rules->options.flags & RULESET_WINDOWS_DEFAULTS) && (event->id == EVENT_FILE_TIME || event->id == EVENT_DRIVER_LOAD))
        return true;
    return event->default_action == CATALOGUE_DEFAULT_INCLUDE;
}

void ruleset_match(const struct ruleset *rules, const struct catalogue_event *event, const struct match_text *fields,
                   uint32_t session, void *scratch, struct match_result *result)
{
    const struct tag *tag = rules->tag[event - catalogue_events];
    struct match m;

    *result = (struct match_result){ .decision = MATCH_LOG, .block = -1 };
    if (!event->tag)
        return; /* never filtered */
    if (!tag) {
        result->decision = default_included(rules, event) ? MATCH_LOG : MATCH_DROP;
        return;
    }
    match_begin(&m, rules, tag, event, fields, session, scratch);
    if (tag->frozen_names && !(rules->options.flags & RULESET_KERNEL))
        decide_in_sequence(&m, result);
    else
        decide(&m, result);
}
