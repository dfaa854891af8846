/* SPDX-License-Identifier: MIT */
#include "random_rules.h"

#include "sysmon/blob.h"

#include <string.h>

uint32_t random_below(struct random *random, uint32_t limit)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return (uint32_t)((random->state * 2685821657736338717ull) >> 33) % limit;
}

static bool one_in(struct random *random, uint32_t n)
{
    return random_below(random, n) == 0;
}

/* ---- blob (spec 04) ---- */

struct writer {
    uint8_t *blob;
    uint32_t used;
};

static void put32(struct writer *w, uint32_t offset, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        w->blob[offset + i] = (uint8_t)(value >> 8 * i);
}

static uint32_t new_record(struct writer *w, uint32_t size)
{
    uint32_t offset = w->used;

    memset(w->blob + offset, 0, size + 8);
    w->used = (offset + size + 7) & ~7u;
    return offset;
}

static void put_unit(struct writer *w, uint32_t offset, uint16_t unit)
{
    w->blob[offset] = (uint8_t)unit;
    w->blob[offset + 1] = (uint8_t)(unit >> 8);
}

/* Letters of both cases, separators, pairs that fold across lengths, a half surrogate, a letter beyond the BMP. */
static uint32_t random_units(struct random *r, uint16_t *out, uint32_t longest)
{
    static const uint16_t units[] = { 'a', 'A', 'b', 'B', '%', 'b', 'c', '\\', '/', ';', ';', '.', '-', 'C', '0', '9', '_', 'i', 'I',
                                      0xe9, 0xc9, 0x131, 0x250, 0x2c6f, 0xdf, 0xd800, 0xdc28, 0xd801, 0xff41, 0x3c2 };
    uint32_t count = random_below(r, longest + 1), letters = one_in(r, 3) ? 30 : one_in(r, 2) ? 12 : 4;

    for (uint32_t i = 0; i < count; i++)
        out[i] = units[random_below(r, letters)];
    if (count + 2 <= longest && one_in(r, 20)) {
        out[count++] = 0xd801;
        out[count++] = one_in(r, 2) ? 0xdc00 : 0xdc28;
    }
    return count;
}

struct chain {
    uint32_t block, last, count, rule, rule_offset, rule_id; /* rule_offset 0: not in a Rule */
};

static void add_filter(struct random *r, struct writer *w, struct chain *c, uint32_t field, const char *name)
{
    uint16_t value[32];
    uint32_t units = random_units(r, value, one_in(r, 4) ? 20 : 5);
    uint32_t offset = new_record(w, BLOB_FILTER_SIZE + 2 * units + 2 + 1);

    put32(w, offset, field);
    for (uint32_t i = 0; name[i]; i++)
        put_unit(w, offset + 4 + 2 * i, (uint16_t)name[i]);
    put32(w, offset + 516, random_below(r, BLOB_CONDITION_COUNT));
    put32(w, offset + 524, 2 * units + 2);
    put32(w, offset + 528, c->rule_offset ? c->rule_id : 0);
    put32(w, offset + 532, c->rule_offset);
    for (uint32_t i = 0; i < units; i++)
        put_unit(w, offset + BLOB_FILTER_SIZE + 2 * i, value[i]);
    put32(w, c->last ? c->last + 520 : c->block + 20, offset);
    c->last = offset;
    put32(w, c->block + 16, ++c->count);
}

static void begin_rule(struct random *r, struct writer *w, struct chain *c, uint32_t id)
{
    c->rule_offset = new_record(w, BLOB_AGGREGATION_SIZE);
    c->rule_id = id;
    put32(w, c->rule_offset + 264, id);
    put32(w, c->rule_offset + 280, random_below(r, 3) > 0);
}

static const char *random_name(struct random *r)
{
    static const char *const names[] = { "", "", "one", "two", "three", "four" };

    return names[random_below(r, 6)];
}

static void fill_block(struct random *r, struct writer *w, struct chain *c, const uint32_t fields[3], uint32_t *rule_id)
{
    uint32_t children = random_below(r, one_in(r, 12) ? 120 : 7);

    while (children-- > 0) {
        bool rule = one_in(r, 3);
        uint32_t filters = rule ? 1 + random_below(r, 3) : 1;

        c->rule_offset = 0;
        if (rule)
            begin_rule(r, w, c, ++*rule_id);
        while (filters-- > 0)
            add_filter(r, w, c, one_in(r, 40) ? random_below(r, 40) : fields[random_below(r, 3)], random_name(r));
    }
}

uint32_t random_blob(struct random *r, uint8_t *blob, const struct catalogue_event **first)
{
    static const uint32_t tags[] = { 1, 3, 11, 12, 12, 17, 19, 22 };
    const struct catalogue_event *event = catalogue_find(tags[random_below(r, 8)]);
    uint32_t blocks = 1 + random_below(r, 5), members = catalogue_tag_members(event), rule_id = 0, before = 0;
    uint32_t fields[3] = { random_below(r, 9) + !one_in(r, 30), 4 + random_below(r, 4), 5 };
    struct writer w = { blob, 0 };

    *first = event;
    new_record(&w, BLOB_HEADER_SIZE);
    put32(&w, 0, CATALOGUE_BINARY_VERSION);
    put32(&w, 4, blocks);
    put32(&w, 8, BLOB_HEADER_SIZE);
    put32(&w, 12, CATALOGUE_SCHEMA_VERSION);
    put32(&w, 16, BLOB_HEADER_SIZE);
    for (uint32_t i = 0; i < blocks; i++) {
        struct chain c = { .block = new_record(&w, BLOB_BLOCK_SIZE) };

        put32(&w, c.block, event[random_below(r, members)].id);
        put32(&w, c.block + 4, random_below(r, 3) > 0);
        put32(&w, c.block + 8, random_below(r, 2));
        if (before)
            put32(&w, before + 12, c.block);
        before = c.block;
        fill_block(r, &w, &c, fields, &rule_id);
    }
    return w.used;
}

/* ---- events ---- */

static uint32_t random_text(struct random *r, char *out)
{
    static const char *const pieces[] = { "a", "A", "b", "B", "ab", "c", "\\", "/", ";", ".", "-", "%", "0", "9", "_", "i", "I",
                                          "\xc3\xa9", "\xc3\x89", "\xc4\xb1", "\xc9\x90", "\xe2\xb1\xaf", "\xc3\x9f",
                                          "\xed\xa0\x80", "\xf0\x90\x90\xa8", "\xf0\x90\x90\x80", "\xef\xbd\x81", "\xcf\x82",
                                          "\xc3", "\x89", "\xe2\xb1", "\xff", "\xf0\x90\x90", "\xc0\x80",
                                          "\xe0\x81\x81", "\xf0\x80\x81\xa1", "\xf4\x90\x80\x80" };
    uint32_t count = random_below(r, one_in(r, 3) ? 14 : 6), size = 0;
    uint32_t variety = one_in(r, 3) ? 37 : one_in(r, 2) ? 17 : 6;

    if (count == 0 && !one_in(r, 10)) {
        out[0] = '-';
        return 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *piece = pieces[random_below(r, variety)];

        memcpy(out + size, piece, strlen(piece));
        size += (uint32_t)strlen(piece);
    }
    return size;
}

void random_fields(struct random *r, const struct catalogue_event *event, bool missing,
                   char storage[CATALOGUE_MAX_FIELDS][RANDOM_TEXT_SIZE], struct match_text fields[CATALOGUE_MAX_FIELDS])
{
    for (uint32_t i = 0; i < event->field_count; i++) {
        fields[i] = (struct match_text){ storage[i], random_text(r, storage[i]) };
        if (missing && one_in(r, 3))
            fields[i] = (struct match_text){ NULL, 0 };
    }
}
