/* SPDX-License-Identifier: MIT */
/*
 * Third stage of building a tag: what must be tested when a literal is found.
 *
 * A filter that needs one of its literals, or all of them, is brought into play by them (by the longest one where all are
 * needed). A Rule whose filters must all match is brought into play by one of them: one whose lane the block reads
 * anyway, or a cheap one, and one whose literals do not bring many other items along.
 */
#include "ruleset_build.h"

#include <string.h>

struct posting {
    uint32_t literal, item;
};

struct items_build {
    struct tag_build *b;
    struct posting *postings;
    uint32_t posting_count, always_count, lane_list_count;
    uint32_t *popularity;       /* postings of a literal so far */
    uint32_t lanes[LANE_PARTS]; /* of the range being made: bit per field and part */
};

/* ---- what brings a filter into play ---- */

static bool positive(const struct filter *filter)
{
    return filter->use_count && !filter->negated;
}

/* Never true, whatever the event: its field belongs to no member of the tag. */
static bool impossible(const struct filter *filter)
{
    return !filter->use_count && filter->test <= TEST_ALL;
}

static void post(struct items_build *m, uint32_t literal, uint32_t item)
{
    m->postings[m->posting_count++] = (struct posting){ literal, item };
    m->popularity[literal]++;
}

static uint32_t longest_use(const struct items_build *m, const struct filter *filter)
{
    uint32_t longest = filter->first_use;

    for (uint32_t i = 1; i < filter->use_count; i++)
        if (m->b->uses[filter->first_use + i].size > m->b->uses[longest].size)
            longest = filter->first_use + i;
    return longest;
}

static void post_filter(struct items_build *m, const struct filter *filter, uint32_t item)
{
    const struct tag *tag = m->b->tag;
    const struct lane *lane = &tag->lanes[filter->lane];

    m->lanes[lane->part] |= 1u << lane->field;
    if (filter->test == TEST_ALL) {
        post(m, tag->uses[longest_use(m, filter)], item);
        return;
    }
    for (uint32_t i = 0; i < filter->use_count; i++)
        post(m, tag->uses[filter->first_use + i], item);
}

static void post_always(struct items_build *m, struct range *range, uint32_t item)
{
    m->b->tag->always[m->always_count++] = item;
    range->always_count++;
}

/* ---- items ---- */

static uint32_t new_item(struct tag *tag, struct range *range, uint32_t target)
{
    tag->items[tag->item_count] = target;
    range->item_count++;
    return tag->item_count++;
}

static void add_filter(struct items_build *m, struct range *range, uint32_t index)
{
    const struct filter *filter = &m->b->tag->filters[index];
    uint32_t item;

    if (impossible(filter))
        return;
    item = new_item(m->b->tag, range, index);
    if (positive(filter))
        post_filter(m, filter, item);
    else
        post_always(m, range, item);
}

/* Expected trouble of entering a Rule through this filter. */
static uint32_t cost(const struct items_build *m, const struct filter *filter)
{
    const struct tag *tag = m->b->tag;
    const struct lane *lane = &tag->lanes[filter->lane];
    uint32_t sum = m->lanes[lane->part] >> lane->field & 1 ? 0 : lane->part == LANE_SUBSTRING ? 64 : 4;

    if (filter->test == TEST_ALL)
        return sum + m->popularity[tag->uses[longest_use(m, filter)]];
    for (uint32_t i = 0; i < filter->use_count; i++)
        sum += 1 + m->popularity[tag->uses[filter->first_use + i]];
    return sum;
}

static void add_and_rule(struct items_build *m, struct range *range, uint32_t index)
{
    struct tag *tag = m->b->tag;
    const struct rule *rule = &tag->rules[index];
    const struct filter *best = NULL;
    uint32_t item;

    for (uint32_t i = 0; i < rule->count; i++) {
        const struct filter *filter = &tag->filters[rule->first + i];

        if (impossible(filter))
            return;
        if (positive(filter) && (!best || cost(m, filter) < cost(m, best)))
            best = filter;
    }
    item = new_item(tag, range, ITEM_RULE | index);
    if (best)
        post_filter(m, best, item);
    else
        post_always(m, range, item);
}

static void add_or_rule(struct items_build *m, struct range *range, uint32_t index)
{
    struct tag *tag = m->b->tag;
    const struct rule *rule = &tag->rules[index];
    uint32_t item = new_item(tag, range, ITEM_RULE | index);

    for (uint32_t i = 0; i < rule->count; i++) {
        const struct filter *filter = &tag->filters[rule->first + i];

        if (!impossible(filter) && !positive(filter)) {
            post_always(m, range, item);
            return;
        }
    }
    for (uint32_t i = 0; i < rule->count; i++)
        if (positive(&tag->filters[rule->first + i]))
            post_filter(m, &tag->filters[rule->first + i], item);
}

/* ---- ranges ---- */

static void begin_range(struct items_build *m, struct range *range)
{
    range->first_item = m->b->tag->item_count;
    range->first_always = m->always_count;
    memset(m->lanes, 0, sizeof(m->lanes));
}

static void end_range(struct items_build *m, struct range *range)
{
    struct tag *tag = m->b->tag;

    range->first_lane = m->lane_list_count;
    for (uint32_t part = 0; part < LANE_PARTS; part++)
        for (uint32_t i = 0; i < tag->lane_count; i++)
            if (tag->lanes[i].part == part && m->lanes[part] >> tag->lanes[i].field & 1)
                tag->lane_list[m->lane_list_count++] = (uint8_t)i;
    range->lane_count = m->lane_list_count - range->first_lane;
}

/* Lanes that direct filters need are read anyway: Rules that could enter through them should. */
static void expect_lanes(struct items_build *m, const struct block *block)
{
    const struct tag *tag = m->b->tag;

    for (uint32_t i = 0; i < block->filter_count; i++) {
        const struct filter *filter = &tag->filters[block->first_filter + i];

        if (filter->rule == NONE && positive(filter))
            m->lanes[tag->lanes[filter->lane].part] |= 1u << tag->lanes[filter->lane].field;
    }
}

static void make_or_block(struct items_build *m, struct block *block)
{
    const struct tag *tag = m->b->tag;
    uint32_t i = block->first_filter, end = i + block->filter_count;

    begin_range(m, &block->range);
    expect_lanes(m, block);
    while (i < end) {
        uint32_t rule = tag->filters[i].rule;

        if (rule == NONE) {
            add_filter(m, &block->range, i++);
            continue;
        }
        if (tag->rules[rule].relation == BLOB_AND)
            add_and_rule(m, &block->range, rule);
        else
            add_or_rule(m, &block->range, rule);
        i += tag->rules[rule].count;
    }
    end_range(m, &block->range);
}

static void make_group(struct items_build *m, const struct block *block, uint32_t first)
{
    struct tag *tag = m->b->tag;
    struct group *group = &tag->groups[tag->group_count++];

    group->field = tag->filters[first].field;
    begin_range(m, &group->range);
    for (uint32_t i = first; i < block->first_filter + block->filter_count; i++)
        if (tag->filters[i].rule == NONE && tag->filters[i].field == group->field)
            add_filter(m, &group->range, i);
    end_range(m, &group->range);
}

static bool has_group(const struct tag *tag, const struct block *block, uint32_t field)
{
    for (uint32_t i = 0; i < block->group_count; i++)
        if (tag->groups[block->first_group + i].field == field)
            return true;
    return false;
}

/* One group that can never match is enough for a block that can never match, so impossible fields share the first. */
static void make_and_block(struct items_build *m, struct block *block)
{
    struct tag *tag = m->b->tag;
    bool hopeless = false;

    block->first_group = tag->group_count;
    for (uint32_t i = block->first_filter; i < block->first_filter + block->filter_count; i++) {
        const struct filter *filter = &tag->filters[i];

        if (filter->rule != NONE || (impossible(filter) && hopeless) || has_group(tag, block, filter->field))
            continue;
        hopeless |= impossible(filter);
        make_group(m, block, i);
        block->group_count++;
    }
}

/* ---- rule names ---- */

/* A filter can match, and name the event, in a block that then does not match: in an AND block, or in an AND Rule. */
static bool leaves_names(const struct tag *tag, const struct block *block)
{
    for (uint32_t i = 0; i < block->filter_count; i++) {
        const struct filter *filter = &tag->filters[block->first_filter + i];

        if (filter->name.size && (block->relation == BLOB_AND ||
            (filter->rule != NONE && tag->rules[filter->rule].relation == BLOB_AND && tag->rules[filter->rule].count > 1)))
            return true;
    }
    return false;
}

/* ---- all of it ---- */

static int spread_postings(struct items_build *m)
{
    struct tag *tag = m->b->tag;
    uint32_t next = 0;

    tag->postings = arena_alloc(m->b->arena, m->posting_count, sizeof(*tag->postings));
    if (!tag->postings)
        return RULESET_E_MEMORY;
    for (uint32_t i = 0; i < tag->literal_count; i++) {
        tag->literals[i].first_posting = next;
        next += m->popularity[i];
    }
    for (uint32_t i = 0; i < m->posting_count; i++) {
        struct literal *literal = &tag->literals[m->postings[i].literal];

        tag->postings[literal->first_posting + literal->posting_count++] = m->postings[i].item;
    }
    return 0;
}

static int allocate(struct items_build *m)
{
    struct tag *tag = m->b->tag;
    struct arena *arena = m->b->arena;

    tag->groups = arena_alloc(arena, tag->filter_count, sizeof(*tag->groups));
    tag->items = arena_alloc(arena, tag->filter_count, sizeof(*tag->items));
    tag->always = arena_alloc(arena, tag->filter_count, sizeof(*tag->always));
    /* every range that lists a lane has a filter of that lane */
    tag->lane_list = arena_alloc(arena, tag->filter_count, sizeof(*tag->lane_list));
    m->postings = arena_alloc(m->b->temporary, tag->use_count, sizeof(*m->postings));
    m->popularity = arena_alloc(m->b->temporary, tag->literal_count, sizeof(*m->popularity));
    return tag->groups && tag->items && tag->always && tag->lane_list && m->postings && m->popularity ? 0
                                                                                                     : RULESET_E_MEMORY;
}

int ruleset_build_items(struct tag_build *b)
{
    struct tag *tag = b->tag;
    struct items_build m = { .b = b };
    bool stale = false;
    int rc = allocate(&m);

    if (rc)
        return rc;
    for (uint32_t i = 0; i < tag->block_count; i++) {
        struct block *block = &tag->blocks[i];

        if (block->relation == BLOB_AND)
            make_and_block(&m, block);
        else
            make_or_block(&m, block);
        block->stale_before = stale;
        block->stale = leaves_names(tag, block);
        stale |= block->stale;
    }
    return spread_postings(&m);
}
