/* SPDX-License-Identifier: MIT */
/* First stage of building a tag: blocks, Rules and filters out of the blob, values split into literals. */
#include "ruleset_build.h"

#include "fold.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static bool belongs(const struct tag *tag, uint32_t event_id)
{
    for (uint32_t i = 0; i < tag->member_count; i++)
        if (tag->first[i].id == event_id)
            return true;
    return false;
}

/* ---- bytes ---- */

static int reserve_bytes(struct tag_build *b, uint32_t size)
{
    uint32_t capacity = b->bytes_capacity ? b->bytes_capacity : 1024;
    uint8_t *bytes;

    if (size > UINT32_MAX / 4 - b->bytes_used)
        return RULESET_E_LIMIT;
    while (capacity < b->bytes_used + size)
        capacity *= 2;
    if (capacity == b->bytes_capacity)
        return 0;
    bytes = arena_alloc(b->temporary, capacity, 1);
    if (!bytes)
        return RULESET_E_MEMORY;
    if (b->bytes_used)
        memcpy(bytes, b->bytes, b->bytes_used);
    b->bytes = bytes;
    b->bytes_capacity = capacity;
    return 0;
}

/* The text as UTF-8 at the end of the bytes, not yet counted as used. */
static int append_text(struct tag_build *b, const struct blob_text *text, struct bytes *out)
{
    int rc = reserve_bytes(b, 3 * text->units);

    if (rc)
        return rc;
    out->offset = b->bytes_used;
    out->size = blob_text_utf8(text, (char *)b->bytes + b->bytes_used, 3 * text->units);
    return 0;
}

static uint32_t hash_bytes(const uint8_t *bytes, uint32_t size)
{
    uint32_t hash = 2166136261u;

    for (uint32_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

/* Names repeat: every filter of a RuleGroup carries its name. */
static int intern_name(struct tag_build *b, const struct blob_text *text, struct bytes *out)
{
    struct bytes name;
    uint32_t slot;
    int rc;

    if (text->units == 0)
        return 0;
    rc = append_text(b, text, &name);
    if (rc)
        return rc;
    slot = hash_bytes(b->bytes + name.offset, name.size) & (b->name_slots - 1);
    for (; b->names[slot].size; slot = (slot + 1) & (b->name_slots - 1))
        if (b->names[slot].size == name.size &&
            !memcmp(b->bytes + b->names[slot].offset, b->bytes + name.offset, name.size)) {
            *out = b->names[slot];
            return 0;
        }
    b->bytes_used += name.size;
    *out = b->names[slot] = name;
    return 0;
}

/* ---- literals ---- */

struct place {
    uint8_t part, kind;
};

static bool contains_unit(const struct blob_text *text, uint16_t unit)
{
    for (uint32_t i = 0; i < text->units; i++)
        if (blob_unit(text, i) == unit)
            return true;
    return false;
}

static struct place place_of(const struct tag_build *b, const struct blob_filter *stored)
{
    static const struct place places[BLOB_CONDITION_COUNT] = {
        [BLOB_IS] = { LANE_SUFFIX, LITERAL_WHOLE },
        [BLOB_IS_NOT] = { LANE_SUFFIX, LITERAL_WHOLE },
        [BLOB_IS_ANY] = { LANE_SUFFIX, LITERAL_WHOLE },
        [BLOB_CONTAINS] = { LANE_SUBSTRING, LITERAL_ANYWHERE },
        [BLOB_CONTAINS_ANY] = { LANE_SUBSTRING, LITERAL_ANYWHERE },
        [BLOB_CONTAINS_ALL] = { LANE_SUBSTRING, LITERAL_ANYWHERE },
        [BLOB_EXCLUDES] = { LANE_SUBSTRING, LITERAL_ANYWHERE },
        [BLOB_EXCLUDES_ANY] = { LANE_SUBSTRING, LITERAL_ANYWHERE },
        [BLOB_EXCLUDES_ALL] = { LANE_SUBSTRING, LITERAL_ANYWHERE },
        [BLOB_BEGIN_WITH] = { LANE_PREFIX, LITERAL_BEGIN },
        [BLOB_NOT_BEGIN_WITH] = { LANE_PREFIX, LITERAL_BEGIN },
        [BLOB_END_WITH] = { LANE_SUFFIX, LITERAL_END },
        [BLOB_NOT_END_WITH] = { LANE_SUFFIX, LITERAL_END },
        [BLOB_IMAGE] = { LANE_SUFFIX, LITERAL_NAME },
    };
    struct place place = places[stored->condition];

    if (place.kind == LITERAL_NAME && (contains_unit(&stored->value, '\\') ||
        ((b->flags & RULESET_SLASH_IMAGE) && contains_unit(&stored->value, '/'))))
        place.kind = LITERAL_WHOLE;
    return place;
}

static bool has_tokens(uint32_t condition)
{
    return condition == BLOB_CONTAINS_ANY || condition == BLOB_CONTAINS_ALL || condition == BLOB_IS_ANY ||
           condition == BLOB_EXCLUDES_ANY || condition == BLOB_EXCLUDES_ALL;
}

static void reverse(uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size / 2; i++) {
        uint8_t byte = bytes[i];

        bytes[i] = bytes[size - 1 - i];
        bytes[size - 1 - i] = byte;
    }
}

static int add_use(struct tag_build *b, const struct filter *filter, const struct blob_text *value, uint32_t first,
                   uint32_t last, struct place place)
{
    uint8_t *bytes = arena_alloc(b->temporary, 3 * (size_t)(last - first), 1);
    struct use *use = &b->uses[b->tag->use_count];

    if (!bytes)
        return RULESET_E_MEMORY;
    use->bytes = bytes;
    use->size = fold_utf16(value, first, last, bytes);
    use->place = b->tag->use_count++;
    use->field = (uint8_t)filter->field;
    use->part = place.part;
    use->kind = place.kind;
    if (place.part == LANE_SUFFIX)
        reverse(bytes, use->size);
    return 0;
}

/*
 * An empty token searches for the rest of the value from where it stands, separators included (spec 03 section 8); in
 * `is any` it is just empty.
 */
static int split_value(struct tag_build *b, struct filter *filter, const struct blob_filter *stored)
{
    struct place place = place_of(b, stored);
    const struct blob_text *value = &stored->value;
    uint32_t first = 0, last;
    int rc = 0;

    filter->first_use = b->tag->use_count;
    if (!has_tokens(stored->condition)) {
        rc = add_use(b, filter, value, 0, value->units, place);
        first = value->units + 1;
    }
    for (; !rc && first <= value->units; first = last + 1) {
        for (last = first; last < value->units && blob_unit(value, last) != ';';)
            last++;
        rc = add_use(b, filter, value, first,
                     last == first && stored->condition != BLOB_IS_ANY ? value->units : last, place);
    }
    filter->use_count = b->tag->use_count - filter->first_use;
    return rc;
}

/* ---- filters ---- */

static int keep_folded(struct tag_build *b, const struct blob_text *value, struct bytes *out)
{
    int rc = reserve_bytes(b, 3 * value->units);

    if (rc)
        return rc;
    out->offset = b->bytes_used;
    out->size = fold_utf16(value, 0, value->units, b->bytes + b->bytes_used);
    b->bytes_used += out->size;
    return 0;
}

static int keep_text(struct tag_build *b, const struct blob_text *value, struct bytes *out)
{
    int rc = append_text(b, value, out);

    if (!rc)
        b->bytes_used += out->size;
    return rc;
}

static bool is_negated(uint32_t condition)
{
    return condition == BLOB_IS_NOT || condition == BLOB_EXCLUDES || condition == BLOB_EXCLUDES_ANY ||
           condition == BLOB_EXCLUDES_ALL || condition == BLOB_NOT_BEGIN_WITH || condition == BLOB_NOT_END_WITH;
}

static enum test test_of(const struct tag_build *b, const struct blob_filter *stored)
{
    if ((b->flags & RULESET_ENVIRONMENT) && contains_unit(&stored->value, '%'))
        return TEST_EXPAND;
    switch (stored->condition) {
    case BLOB_LESS_THAN: return TEST_LESS;
    case BLOB_MORE_THAN: return TEST_MORE;
    case BLOB_CONTAINS_ALL:
    case BLOB_EXCLUDES_ALL: return TEST_ALL;
    default: return TEST_ANY;
    }
}

static bool applies_anywhere(const struct tag *tag, const struct block *block, uint32_t field)
{
    for (uint32_t i = 0; i < tag->member_count; i++)
        if (applies(block, i, field))
            return true;
    return false;
}

static int prepare_value(struct tag_build *b, struct filter *filter, const struct blob_filter *stored)
{
    switch (filter->test) {
    case TEST_LESS:
    case TEST_MORE: return keep_folded(b, &stored->value, &filter->value);
    case TEST_EXPAND: b->tag->expands = true; return keep_text(b, &stored->value, &filter->value);
    default: return split_value(b, filter, stored);
    }
}

static int read_filter(struct tag_build *b, const struct block *block, const struct blob_filter *stored)
{
    struct filter *filter = &b->tag->filters[b->tag->filter_count++];
    int rc;

    filter->field = stored->field;
    filter->rule = NONE;
    filter->condition = (uint8_t)stored->condition;
    filter->negated = is_negated(stored->condition);
    filter->test = (uint8_t)test_of(b, stored);
    rc = intern_name(b, &stored->name, &filter->name);
    if (!rc && (b->flags & RULESET_EXPLAIN))
        rc = keep_text(b, &stored->value, &filter->text);
    if (!rc && applies_anywhere(b->tag, block, filter->field)) {
        rc = prepare_value(b, filter, stored);
        b->tag->frozen_names |= filter->field == 0 && b->tag->has_rule_name;
    }
    return rc;
}

/* ---- blocks ---- */

/* Consecutive filters with one aggregation id are one Rule. `id` is that of the filter before, 0 at the start. */
static int join_rule(struct tag_build *b, struct block *block, const struct blob_filter *stored, uint32_t id)
{
    struct tag *tag = b->tag;
    struct blob_aggregation aggregation;

    if (stored->aggregation_id == 0)
        return 0;
    if (stored->aggregation_id != id) {
        if (blob_aggregation(b->blob, stored, &aggregation) != BLOB_ITEM)
            return RULESET_E_INVALID;
        tag->rules[tag->rule_count].first = tag->filter_count - 1;
        tag->rules[tag->rule_count++].relation = (uint8_t)aggregation.relation;
        block->rule_count++;
    }
    tag->rules[tag->rule_count - 1].count++;
    tag->filters[tag->filter_count - 1].rule = tag->rule_count - 1;
    return 0;
}

static bool field_less(const void *context, uint32_t a, uint32_t b)
{
    const struct filter *filters = context;

    return filters[a].field != filters[b].field ? filters[a].field < filters[b].field : a < b;
}

/* Has a later filter of the block, outside Rules, the same field? */
static int mark_repeated(struct tag_build *b, const struct block *block)
{
    struct filter *filters = b->tag->filters + block->first_filter;
    uint32_t *index = arena_alloc(b->temporary, 2 * (size_t)block->filter_count, sizeof(*index)), count = 0;

    if (!index)
        return RULESET_E_MEMORY;
    for (uint32_t i = 0; i < block->filter_count; i++)
        if (filters[i].rule == NONE)
            index[count++] = i;
    ruleset_sort(index, index + count, count, field_less, filters);
    for (uint32_t i = 0; i + 1 < count; i++)
        filters[index[i]].repeated = filters[index[i]].field == filters[index[i + 1]].field;
    return 0;
}

static int read_filters(struct tag_build *b, struct block *block, const struct blob_block *stored)
{
    struct blob_filter filter;
    uint32_t id = 0;
    int rc = blob_first_filter(b->blob, stored, &filter), failed = 0;

    for (; rc == BLOB_ITEM && !failed; rc = blob_next_filter(b->blob, &filter)) {
        failed = read_filter(b, block, &filter);
        if (!failed)
            failed = join_rule(b, block, &filter, id);
        id = filter.aggregation_id;
    }
    if (failed || rc < 0)
        return failed ? failed : RULESET_E_INVALID;
    block->filter_count = b->tag->filter_count - block->first_filter;
    return mark_repeated(b, block);
}

static void find_valid_fields(const struct tag *tag, struct block *block)
{
    const struct catalogue_event *own = catalogue_find(block->event_id);

    for (uint32_t m = 0; m < tag->member_count; m++) {
        const struct catalogue_event *member = &tag->first[m];

        for (uint32_t i = 0; i < member->field_count && i < own->field_count && i < 32; i++)
            if (member == own || same_text(member->fields[i].name, own->fields[i].name))
                block->valid[m] |= 1u << i;
    }
}

static int read_block(struct tag_build *b, const struct blob_block *stored)
{
    struct block *block = &b->tag->blocks[b->tag->block_count++];

    block->event_id = stored->event_id;
    block->default_action = (uint8_t)stored->default_action;
    block->relation = (uint8_t)stored->relation;
    block->first_filter = b->tag->filter_count;
    block->first_rule = b->tag->rule_count;
    find_valid_fields(b->tag, block);
    for (uint32_t m = 0; m < b->tag->member_count; m++)
        b->tag->fields[m] |= block->valid[m];
    return read_filters(b, block, stored);
}

struct sizes {
    uint32_t blocks, filters, uses;
};

static uint32_t count_uses(const struct blob_filter *filter)
{
    uint32_t uses = 1;

    for (uint32_t i = 0; has_tokens(filter->condition) && i < filter->value.units; i++)
        uses += blob_unit(&filter->value, i) == ';';
    return uses;
}

/* Counts the tag's part of the blob; remembers its blocks, in document order, when `list` is given. */
static int survey(const struct tag_build *b, struct sizes *sizes, struct blob_block *list)
{
    struct blob_block block;
    struct blob_filter filter;
    int rc;

    *sizes = (struct sizes){ 0 };
    for (rc = blob_first_block(b->blob, &block); rc == BLOB_ITEM; rc = blob_next_block(b->blob, &block)) {
        if (!belongs(b->tag, block.event_id))
            continue;
        if (list)
            list[sizes->blocks] = block;
        sizes->blocks++;
        sizes->filters += block.filter_count;
        if (list)
            continue;
        for (rc = blob_first_filter(b->blob, &block, &filter); rc == BLOB_ITEM; rc = blob_next_filter(b->blob, &filter))
            sizes->uses += count_uses(&filter);
        if (rc < 0)
            return RULESET_E_INVALID;
    }
    return rc < 0 ? RULESET_E_INVALID : 0;
}

static int allocate(struct tag_build *b, const struct sizes *sizes)
{
    struct tag *tag = b->tag;

    for (b->name_slots = 16; b->name_slots < 2 * sizes->filters;)
        b->name_slots *= 2;
    tag->blocks = arena_alloc(b->arena, sizes->blocks, sizeof(*tag->blocks));
    tag->filters = arena_alloc(b->arena, sizes->filters, sizeof(*tag->filters));
    tag->rules = arena_alloc(b->arena, sizes->filters, sizeof(*tag->rules));
    tag->uses = arena_alloc(b->arena, sizes->uses, sizeof(*tag->uses));
    b->uses = arena_alloc(b->temporary, sizes->uses, sizeof(*b->uses));
    b->names = arena_alloc(b->temporary, b->name_slots, sizeof(*b->names));
    return tag->blocks && tag->filters && tag->rules && tag->uses && b->uses && b->names ? 0 : RULESET_E_MEMORY;
}

static int read_kind(struct tag_build *b, const struct blob_block *list, uint32_t count, uint32_t default_action)
{
    int rc = 0;

    while (count-- > 0 && !rc)
        if (list[count].default_action == default_action)
            rc = read_block(b, &list[count]);
    return rc;
}

/* Evaluation order (spec 03 section 7.2): onmatch="exclude" first; within each kind the last of the document first. */
static int read_blocks(struct tag_build *b, const struct sizes *sizes)
{
    struct blob_block *list = arena_alloc(b->temporary, sizes->blocks, sizeof(*list));
    struct sizes again;
    int rc = list ? survey(b, &again, list) : RULESET_E_MEMORY;

    if (!rc)
        rc = read_kind(b, list, sizes->blocks, BLOB_DEFAULT_INCLUDE);
    if (!rc)
        rc = read_kind(b, list, sizes->blocks, BLOB_DEFAULT_EXCLUDE);
    return rc;
}

int ruleset_read_tag(struct tag_build *b)
{
    struct sizes sizes;
    uint8_t *bytes;
    int rc = survey(b, &sizes, NULL);

    if (rc || sizes.blocks == 0)
        return rc;
    b->tag->has_rule_name = same_text(b->tag->first->fields[0].name, "RuleName");
    if (sizes.blocks > RULESET_MAX_BLOCKS)
        return RULESET_E_LIMIT;
    rc = allocate(b, &sizes);
    if (!rc)
        rc = read_blocks(b, &sizes);
    if (rc)
        return rc;
    bytes = arena_alloc(b->arena, b->bytes_used, 1);
    if (!bytes)
        return RULESET_E_MEMORY;
    if (b->bytes_used)
        memcpy(bytes, b->bytes, b->bytes_used);
    b->tag->bytes = bytes;
    return 0;
}
