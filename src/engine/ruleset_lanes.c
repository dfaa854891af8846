/* SPDX-License-Identifier: MIT */
/* Second stage of building a tag: equal literals are merged, literals of one field and place get a lane and its automaton. */
#include "ruleset_build.h"

#include <string.h>

void ruleset_sort(uint32_t *index, uint32_t *buffer, uint32_t count, bool (*less)(const void *context, uint32_t a, uint32_t b),
                  const void *context)
{
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t start = 0; start < count; start += 2 * width) {
            uint32_t a = start, a_end = start + width < count ? start + width : count;
            uint32_t b = a_end, b_end = b + width < count ? b + width : count;

            for (uint32_t to = start; to < b_end; to++)
                buffer[to] = b == b_end || (a < a_end && !less(context, index[b], index[a])) ? index[a++] : index[b++];
        }
        memcpy(index, buffer, count * sizeof(*index));
    }
}

static int compare_bytes(const struct use *a, const struct use *b)
{
    uint32_t size = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->bytes, b->bytes, size);

    return order ? order : a->size < b->size ? -1 : a->size > b->size;
}

static bool same_lane(const struct use *a, const struct use *b)
{
    return a->field == b->field && a->part == b->part;
}

static bool use_less(const void *context, uint32_t a, uint32_t b)
{
    const struct use *uses = context, *x = &uses[a], *y = &uses[b];
    int order;

    if (x->field != y->field)
        return x->field < y->field;
    if (x->part != y->part)
        return x->part < y->part;
    order = compare_bytes(x, y);
    return order ? order < 0 : x->kind < y->kind;
}

struct lane_build {
    struct tag_build *b;
    const uint32_t *order;               /* uses, sorted */
    struct automaton_literal *literals;  /* of the lane being made: each byte string once */
    uint32_t literal_count;
};

static void begin_lane(struct tag *tag, const struct use *use)
{
    struct lane *lane = &tag->lanes[tag->lane_count++];

    tag->literal_count = (tag->literal_count + 31) & ~31u;
    lane->field = use->field;
    lane->part = use->part;
    lane->first_literal = tag->literal_count;
}

static void begin_literal(struct lane_build *l, struct lane *lane, const struct use *use, const struct use *before)
{
    struct tag *tag = l->b->tag;
    uint32_t number = tag->literal_count++;
    bool new_bytes = !before || compare_bytes(before, use) != 0;

    tag->literals[number].kind = use->kind;
    lane->literal_count = number + 1 - lane->first_literal;
    if (!new_bytes)
        tag->literals[number - 1].more = true;
    else if (lane->part == LANE_SUBSTRING && use->size == 0)
        lane->empty = number + 1;
    else
        l->literals[l->literal_count++] = (struct automaton_literal){ use->bytes, use->size, number };
}

static int end_lane(struct lane_build *l, struct lane *lane)
{
    struct arena temporary = { .memory = l->b->temporary->memory };
    int rc = automaton_build(&lane->automaton, l->literals, l->literal_count, lane->part == LANE_SUBSTRING, l->b->arena,
                             &temporary);

    arena_free(&temporary);
    l->literal_count = 0;
    return rc;
}

static int make_lanes(struct lane_build *l)
{
    struct tag *tag = l->b->tag;
    const struct use *before = NULL;
    int rc = 0;

    for (uint32_t i = 0; i < tag->use_count && !rc; i++) {
        const struct use *use = &l->b->uses[l->order[i]];

        if (!before || !same_lane(before, use)) {
            if (before)
                rc = end_lane(l, &tag->lanes[tag->lane_count - 1]);
            begin_lane(tag, use);
            before = NULL;
        }
        if (!before || compare_bytes(before, use) != 0 || before->kind != use->kind)
            begin_literal(l, &tag->lanes[tag->lane_count - 1], use, before);
        tag->uses[use->place] = tag->literal_count - 1;
        before = use;
    }
    return rc || !before ? rc : end_lane(l, &tag->lanes[tag->lane_count - 1]);
}

static uint32_t count_lanes(const struct lane_build *l)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < l->b->tag->use_count; i++)
        count += i == 0 || !same_lane(&l->b->uses[l->order[i - 1]], &l->b->uses[l->order[i]]);
    return count;
}

static void name_lanes(struct tag *tag)
{
    for (uint32_t i = 0; i < tag->filter_count; i++)
        for (uint32_t k = 0; tag->filters[i].use_count && k < tag->lane_count; k++)
            if (tag->uses[tag->filters[i].first_use] - tag->lanes[k].first_literal < tag->lanes[k].literal_count)
                tag->filters[i].lane = (uint8_t)k;
}

int ruleset_build_lanes(struct tag_build *b)
{
    struct tag *tag = b->tag;
    struct lane_build l = { .b = b };
    uint32_t *order = arena_alloc(b->temporary, tag->use_count, sizeof(*order));
    uint32_t *buffer = arena_alloc(b->temporary, tag->use_count, sizeof(*buffer)), lanes;
    int rc;

    l.order = order;
    l.literals = arena_alloc(b->temporary, tag->use_count, sizeof(*l.literals));
    if (!order || !buffer || !l.literals)
        return RULESET_E_MEMORY;
    for (uint32_t i = 0; i < tag->use_count; i++)
        order[i] = i;
    ruleset_sort(order, buffer, tag->use_count, use_less, b->uses);
    lanes = count_lanes(&l);
    tag->lanes = arena_alloc(b->arena, lanes, sizeof(*tag->lanes));
    tag->literals = arena_alloc(b->arena, (size_t)tag->use_count + 32 * (size_t)lanes, sizeof(*tag->literals));
    if (!tag->lanes || !tag->literals)
        return RULESET_E_MEMORY;
    rc = make_lanes(&l);
    if (!rc)
        name_lanes(tag);
    return rc;
}
