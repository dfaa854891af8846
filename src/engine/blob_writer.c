/* SPDX-License-Identifier: MIT */
/* Rules blobs, byte for byte (spec 04 sections 2 to 6). */
#include "blob_writer.h"

#include "sysmon/config.h"
#include "utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Offsets of the links inside records. */
enum {
    HEADER_COUNT = 4,
    HEADER_FIRST_AGGREGATION = 20,
    BLOCK_NEXT = 12,
    BLOCK_COUNT = 16,
    BLOCK_FIRST = 20,
    FILTER_NEXT = 520,
    AGGREGATION_ROOT = 268,
    AGGREGATION_NEXT = 272,
    AGGREGATION_COUNT = 276,
};

static void put32(struct blob_writer *w, uint32_t offset, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        w->data[offset + (uint32_t)i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get32(const struct blob_writer *w, uint32_t offset)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++)
        value |= (uint32_t)w->data[offset + (uint32_t)i] << 8 * i;
    return value;
}

static void increment(struct blob_writer *w, uint32_t offset)
{
    put32(w, offset, get32(w, offset) + 1);
}

/* Zeroed room for a record at the present end, which is rounded up to 8 afterwards. 0 when there is none. */
static int append(struct blob_writer *w, size_t size, uint32_t *offset)
{
    size_t end = (w->used + size + 7) & ~(size_t)7;

    if (end > CONFIG_MAX_BLOB_SIZE)
        return -E2BIG;
    if (end > w->capacity) {
        size_t wanted = end * 2 < 4096 ? 4096 : end * 2;
        uint8_t *grown = realloc(w->data, wanted);

        if (!grown)
            return -ENOMEM;
        w->data = grown;
        w->capacity = wanted;
    }
    memset(w->data + w->used, 0, end - w->used);
    *offset = w->used;
    w->used = (uint32_t)end;
    return 0;
}

/* UTF-16LE units of UTF-8 text, at most `limit`; `out` NULL only counts. */
static size_t to_units(uint8_t *out, size_t limit, const char *text, size_t size)
{
    const char *end = text + size;
    size_t used = 0;

    while (text < end && used < limit) {
        unsigned length = utf8_sequence(text, (size_t)(end - text));
        uint32_t c = length ? utf8_code_point(text, length) : 0xfffd, unit[2] = { c, 0 };
        int count = 1;

        if (c >= 0x10000) {
            unit[0] = 0xd800 + ((c - 0x10000) >> 10);
            unit[1] = 0xdc00 + ((c - 0x10000) & 0x3ff);
            count = 2;
        }
        text += length ? length : 1;
        for (int i = 0; i < count && used < limit; i++, used++)
            if (out) {
                out[2 * used] = (uint8_t)unit[i];
                out[2 * used + 1] = (uint8_t)(unit[i] >> 8);
            }
    }
    return used;
}

void blob_writer_init(struct blob_writer *w, uint32_t schema_version)
{
    *w = (struct blob_writer){ .schema_version = schema_version };
}

void blob_writer_free(struct blob_writer *w)
{
    free(w->data);
    w->data = NULL;
}

static int write_header(struct blob_writer *w)
{
    uint32_t offset;
    int rc = append(w, BLOB_HEADER_SIZE, &offset);

    if (rc)
        return rc;
    put32(w, 0, CATALOGUE_BINARY_VERSION);
    put32(w, 8, BLOB_HEADER_SIZE);
    put32(w, 12, w->schema_version);
    put32(w, 16, BLOB_HEADER_SIZE);
    return 0;
}

int blob_writer_block(struct blob_writer *w, uint32_t event_id, enum blob_default default_action, enum blob_relation relation)
{
    uint32_t offset;
    int rc = w->used ? 0 : write_header(w);

    if (!rc)
        rc = append(w, BLOB_BLOCK_SIZE, &offset);
    if (rc)
        return rc;
    put32(w, offset, event_id);
    put32(w, offset + 4, default_action);
    put32(w, offset + 8, relation);
    if (w->last_block)
        put32(w, w->last_block + BLOCK_NEXT, offset);
    w->previous_block = w->last_block;
    w->last_block = w->block_start = offset;
    w->last_filter = w->open_aggregation = 0;
    put32(w, HEADER_COUNT, ++w->block_count);
    return 0;
}

/*
 * The chain of aggregations is global and survives undo, so its last link can lie in a block that was taken back: then the
 * link is written into what now stands there (after an undone first Rule: into the new record itself), or, when that place is
 * not used again yet, into nothing; and a header written anew never learns of its first aggregation.
 */
static void chain_aggregation(struct blob_writer *w, uint32_t offset)
{
    if (!w->last_aggregation)
        put32(w, HEADER_FIRST_AGGREGATION, offset);
    else if (w->last_aggregation + BLOB_AGGREGATION_SIZE <= w->used)
        put32(w, w->last_aggregation + AGGREGATION_NEXT, offset);
    w->last_aggregation = offset;
}

int blob_writer_aggregation(struct blob_writer *w, enum blob_relation relation, const char *name)
{
    uint32_t offset;
    int rc = append(w, BLOB_AGGREGATION_SIZE, &offset);

    if (rc)
        return rc;
    if (name)
        to_units(w->data + offset, BLOB_RULE_NAME_UNITS - 1, name, strlen(name));
    put32(w, offset + 264, ++w->aggregation_id);
    put32(w, offset + 280, relation);
    chain_aggregation(w, offset);
    w->open_aggregation = offset;
    return 0;
}

void blob_writer_end_aggregation(struct blob_writer *w)
{
    w->open_aggregation = 0;
}

static void chain_filter(struct blob_writer *w, uint32_t offset)
{
    if (w->last_filter)
        put32(w, w->last_filter + FILTER_NEXT, offset);
    else
        put32(w, w->last_block + BLOCK_FIRST, offset);
    w->last_filter = offset;
    increment(w, w->last_block + BLOCK_COUNT);
    if (!w->open_aggregation)
        return;
    if (!get32(w, w->open_aggregation + AGGREGATION_ROOT))
        put32(w, w->open_aggregation + AGGREGATION_ROOT, offset);
    increment(w, w->open_aggregation + AGGREGATION_COUNT);
}

int blob_writer_filter(struct blob_writer *w, uint32_t field, enum blob_condition condition, const char *name,
                       const char *value, size_t value_size)
{
    size_t units = to_units(NULL, SIZE_MAX, value, value_size);
    uint32_t offset;
    int rc = append(w, BLOB_FILTER_SIZE + 1 + (units + 1) * 2, &offset);

    if (rc)
        return rc;
    put32(w, offset, field);
    if (name)
        to_units(w->data + offset + 4, BLOB_NAME_UNITS - 1, name, strlen(name));
    put32(w, offset + 516, condition);
    put32(w, offset + 524, (uint32_t)(units + 1) * 2);
    if (w->open_aggregation) {
        put32(w, offset + 528, w->aggregation_id);
        put32(w, offset + 532, w->open_aggregation);
    }
    to_units(w->data + offset + BLOB_FILTER_SIZE, units, value, value_size);
    chain_filter(w, offset);
    return 0;
}

void blob_writer_undo(struct blob_writer *w)
{
    w->used = w->block_start;
    w->block_count--;
    w->last_block = w->previous_block;
    w->last_filter = w->open_aggregation = 0;
    if (w->block_count == 0)
        w->used = 0;
    else
        put32(w, HEADER_COUNT, w->block_count);
}

uint8_t *blob_writer_finish(struct blob_writer *w, size_t *size)
{
    uint8_t *data = w->block_count ? w->data : NULL;

    *size = data ? w->used : 0;
    if (!data)
        free(w->data);
    w->data = NULL;
    return data;
}
