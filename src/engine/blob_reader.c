/* SPDX-License-Identifier: MIT */
/*
 * Reading a rules blob (spec 04) that anybody may have written. Freestanding: also compiled into the Windows driver.
 *
 * A writer appends each block, then its filters, then the next block. Demanding exactly that order of a reader's input
 * makes every chain finite and keeps filters of different blocks apart, which bounds the total work as well.
 */
#include "sysmon/blob.h"

#include "utf8.h"

static uint32_t get32(const struct blob *blob, uint32_t offset)
{
    const uint8_t *p = blob->data + offset;

    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* A record of `size` bytes at `offset` lies inside [start, limit). */
static bool fits(uint32_t offset, uint32_t size, uint32_t start, uint32_t limit)
{
    return offset >= start && offset <= limit && size <= limit - offset;
}

static struct blob_text text_at(const struct blob *blob, uint32_t offset, uint32_t max_units)
{
    struct blob_text text = { blob->data + offset, 0 };

    while (text.units < max_units && blob_unit(&text, text.units))
        text.units++;
    return text;
}

int blob_open(struct blob *blob, const void *data, size_t size)
{
    struct blob b = { .data = data, .size = (uint32_t)size };

    if (size < 8 || size > UINT32_MAX || get32(&b, 4) == 0)
        return BLOB_E_INVALID;
    b.version = get32(&b, 0);
    b.block_count = get32(&b, 4);
    if (b.version < BLOB_VERSION_OLDEST)
        return BLOB_E_VERSION;
    if (size < BLOB_HEADER_SIZE || get32(&b, 8) < BLOB_HEADER_SIZE)
        return BLOB_E_INVALID;
    b.schema_version = get32(&b, 12);
    b.first_block = get32(&b, 16);
    b.first_aggregation = get32(&b, 20);
    if (!fits(b.first_block, BLOB_BLOCK_SIZE, BLOB_HEADER_SIZE, b.size))
        return BLOB_E_INVALID;
    *blob = b;
    return 0;
}

static int block_at(const struct blob *blob, uint32_t offset, uint32_t start, uint32_t index, struct blob_block *block)
{
    struct blob_block b = { .index = index, .offset = offset, .limit = blob->size };

    if (!fits(offset, BLOB_BLOCK_SIZE, start, blob->size))
        return BLOB_E_INVALID;
    b.event_id = get32(blob, offset);
    b.default_action = get32(blob, offset + 4);
    b.relation = get32(blob, offset + 8);
    b.next = get32(blob, offset + 12);
    b.filter_count = get32(blob, offset + 16);
    b.first_filter = get32(blob, offset + 20);
    if (b.default_action > BLOB_DEFAULT_EXCLUDE || b.relation > BLOB_AND || !catalogue_find(b.event_id))
        return BLOB_E_INVALID;
    if ((b.filter_count == 0) != (b.first_filter == 0))
        return BLOB_E_INVALID;
    if (index + 1 < blob->block_count) {
        if (b.next < offset + BLOB_BLOCK_SIZE || b.next > blob->size)
            return BLOB_E_INVALID;
        b.limit = b.next;
    }
    *block = b;
    return BLOB_ITEM;
}

int blob_first_block(const struct blob *blob, struct blob_block *block)
{
    return block_at(blob, blob->first_block, BLOB_HEADER_SIZE, 0, block);
}

int blob_next_block(const struct blob *blob, struct blob_block *block)
{
    if (block->index + 1 >= blob->block_count)
        return BLOB_END;
    return block_at(blob, block->next, block->offset + BLOB_BLOCK_SIZE, block->index + 1, block);
}

/* The value's size counts its terminator; embedded zeros end the text early, as they do for the original. */
static int read_value(const struct blob *blob, struct blob_filter *filter)
{
    uint32_t size = get32(blob, filter->offset + 524), data = filter->offset + BLOB_FILTER_SIZE;

    if (size < 2 || size % 2 || !fits(data, size, data, filter->limit))
        return BLOB_E_INVALID;
    if (blob->data[data + size - 2] || blob->data[data + size - 1])
        return BLOB_E_INVALID;
    filter->value = text_at(blob, data, size / 2 - 1);
    return BLOB_ITEM;
}

static bool condition_known(uint32_t type)
{
    return (type & 0xffff) < BLOB_CONDITION_COUNT && (type & ~0x4000ffffu) == 0;
}

/* `state` supplies the chain: index, start, limit, count. */
static int filter_at(const struct blob *blob, uint32_t offset, const struct blob_filter *state, uint32_t start,
                     struct blob_filter *filter)
{
    struct blob_filter f = { .index = state->index, .offset = offset, .start = state->start, .limit = state->limit,
                             .count = state->count };

    if (!fits(offset, BLOB_FILTER_SIZE, start, f.limit) || read_value(blob, &f) < 0)
        return BLOB_E_INVALID;
    if (!condition_known(get32(blob, offset + 516)))
        return BLOB_E_INVALID;
    f.field = get32(blob, offset);
    f.name = text_at(blob, offset + 4, BLOB_NAME_UNITS - 1);
    f.condition = get32(blob, offset + 516) & 0xffff;
    f.next = get32(blob, offset + 520);
    f.aggregation_id = get32(blob, offset + 528);
    f.aggregation_offset = get32(blob, offset + 532);
    if ((f.aggregation_id == 0) != (f.aggregation_offset == 0))
        return BLOB_E_INVALID;
    *filter = f;
    return BLOB_ITEM;
}

int blob_first_filter(const struct blob *blob, const struct blob_block *block, struct blob_filter *filter)
{
    struct blob_filter state = { .start = block->offset + BLOB_BLOCK_SIZE, .limit = block->limit,
                                 .count = block->filter_count };

    if (block->filter_count == 0)
        return BLOB_END;
    return filter_at(blob, block->first_filter, &state, state.start, filter);
}

int blob_next_filter(const struct blob *blob, struct blob_filter *filter)
{
    struct blob_filter state = *filter;

    if (filter->index + 1 >= filter->count)
        return BLOB_END;
    state.index++;
    return filter_at(blob, filter->next, &state, filter->offset + BLOB_FILTER_SIZE + 2, filter);
}

int blob_aggregation(const struct blob *blob, const struct blob_filter *filter, struct blob_aggregation *aggregation)
{
    uint32_t offset = filter->aggregation_offset;
    struct blob_aggregation a = { .id = filter->aggregation_id };

    if (a.id == 0)
        return BLOB_END;
    if (!fits(offset, BLOB_AGGREGATION_SIZE, filter->start, filter->offset))
        return BLOB_E_INVALID;
    a.relation = get32(blob, offset + 280);
    if (get32(blob, offset + 264) != a.id || a.relation > BLOB_AND)
        return BLOB_E_INVALID;
    a.name = text_at(blob, offset, BLOB_RULE_NAME_UNITS - 1);
    *aggregation = a;
    return BLOB_ITEM;
}

static int check_filters(const struct blob *blob, const struct blob_block *block)
{
    struct blob_aggregation aggregation;
    struct blob_filter filter;
    int rc = blob_first_filter(blob, block, &filter);

    while (rc == BLOB_ITEM) {
        if (blob_aggregation(blob, &filter, &aggregation) < 0)
            return BLOB_E_INVALID;
        rc = blob_next_filter(blob, &filter);
    }
    return rc;
}

int blob_check(const struct blob *blob)
{
    struct blob_block block;
    int rc = blob_first_block(blob, &block);

    while (rc == BLOB_ITEM) {
        rc = check_filters(blob, &block);
        if (rc == BLOB_END)
            rc = blob_next_block(blob, &block);
    }
    return rc;
}

/* One code point of UTF-16; advances `*i`. */
static uint32_t decode(const struct blob_text *text, uint32_t *i)
{
    uint32_t high = blob_unit(text, (*i)++), low;

    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || *i >= text->units)
        return 0xfffd;
    low = blob_unit(text, *i);
    if (low < 0xdc00 || low > 0xdfff)
        return 0xfffd;
    (*i)++;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

uint32_t blob_text_utf8(const struct blob_text *text, char *out, uint32_t capacity)
{
    uint32_t used = 0, i = 0;

    while (i < text->units) {
        char piece[4];
        uint32_t size = utf8_encode(piece, decode(text, &i));

        for (uint32_t k = 0; k < size && used + k < capacity; k++)
            out[used + k] = piece[k];
        used += size;
    }
    return used;
}

const char *blob_condition_name(uint32_t condition)
{
    static const char *const names[BLOB_CONDITION_COUNT] = {
        "is", "is not", "contains", "contains any", "is any", "contains all", "excludes", "excludes any", "excludes all",
        "begin with", "end with", "less than", "more than", "image", "not begin with", "not end with",
    };

    return condition < BLOB_CONDITION_COUNT ? names[condition] : NULL;
}
