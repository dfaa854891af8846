/* SPDX-License-Identifier: MIT */
#include "oracle.h"

#include "sysmon/blob.h"
#include "../../src/engine/fold.h" /* fold_upper only */

#include <stdlib.h>
#include <string.h>

/* Text as units: upper-cased code points, or 0x110000 + a byte that is part of no character. */
#define STRAY 0x110000u

struct text {
    uint32_t *unit;
    uint32_t count;
};

struct filter {
    uint32_t field, condition, aggregation, relation;
    bool environment;
    struct text value;
    char *raw; /* UTF-8, for expanding */
    uint32_t raw_size;
    char name[3 * 256];
    uint32_t name_size;
};

struct block {
    uint32_t event_id, default_action, relation, filter_count;
    struct filter *filters;
};

struct oracle {
    uint32_t flags, block_count;
    struct block *blocks; /* document order */
    const struct ruleset_options *options;
};

/* ---- text ---- */

static uint32_t sequence_length(const uint8_t *p, uint32_t left)
{
    static const struct { uint8_t first, last, low, high, length; } forms[] = {
        { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
        { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };

    for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (p[0] >= forms[i].first && p[0] <= forms[i].last) {
            if (left < forms[i].length || p[1] < forms[i].low || p[1] > forms[i].high)
                return 0;
            for (unsigned k = 2; k < forms[i].length; k++)
                if (p[k] < 0x80 || p[k] > 0xbf)
                    return 0;
            return forms[i].length;
        }
    return 0;
}

static struct text text_of_utf8(const uint8_t *p, uint32_t size)
{
    struct text text = { malloc(sizeof(uint32_t) * (size + 1)), 0 };

    for (uint32_t i = 0; i < size;) {
        uint32_t length = p[i] < 0x80 ? 1 : sequence_length(p + i, size - i);
        uint32_t c = length == 1 ? p[i] : length == 2 ? p[i] & 31u : length == 3 ? p[i] & 15u : p[i] & 7u;

        for (uint32_t k = 1; k < length; k++)
            c = c << 6 | (p[i + k] & 63u);
        text.unit[text.count++] = length ? fold_upper(c) : STRAY + p[i];
        i += length ? length : 1;
    }
    return text;
}

static struct text text_of_utf16(const struct blob_text *from)
{
    struct text text = { malloc(sizeof(uint32_t) * (3 * from->units + 1)), 0 };

    for (uint32_t i = 0; i < from->units; i++) {
        uint32_t c = blob_unit(from, i), next = i + 1 < from->units ? blob_unit(from, i + 1) : 0;

        if (c >= 0xd800 && c < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
            text.unit[text.count++] = fold_upper(0x10000 + ((c - 0xd800) << 10 | (next - 0xdc00)));
            i++;
        } else if (c >= 0xd800 && c < 0xe000) {
            text.unit[text.count++] = STRAY + (0xe0 | c >> 12);
            text.unit[text.count++] = STRAY + (0x80 | (c >> 6 & 63));
            text.unit[text.count++] = STRAY + (0x80 | (c & 63));
        } else {
            text.unit[text.count++] = fold_upper(c);
        }
    }
    return text;
}

static struct text part(struct text text, uint32_t from, uint32_t to)
{
    return (struct text){ text.unit + from, to - from };
}

/* ---- conditions ---- */

static bool equal(struct text f, struct text v)
{
    return f.count == v.count && !memcmp(f.unit, v.unit, sizeof(uint32_t) * v.count);
}

static bool begins(struct text f, struct text v)
{
    return f.count >= v.count && equal(part(f, 0, v.count), v);
}

static bool ends(struct text f, struct text v)
{
    return f.count >= v.count && equal(part(f, f.count - v.count, f.count), v);
}

static bool occurs(struct text f, struct text v)
{
    for (uint32_t i = 0; i < f.count; i++)
        if (i + v.count <= f.count && (v.count == 0 || f.unit[i] == v.unit[0]) && equal(part(f, i, i + v.count), v))
            return true;
    return false;
}

/* The order of the bytes the units are written with. */
static uint32_t encoded(uint32_t unit, uint8_t out[4])
{
    if (unit >= STRAY) {
        out[0] = (uint8_t)(unit - STRAY);
        return 1;
    }
    if (unit < 0x80) {
        out[0] = (uint8_t)unit;
        return 1;
    }
    if (unit < 0x800) {
        out[0] = (uint8_t)(0xc0 | unit >> 6);
        out[1] = (uint8_t)(0x80 | (unit & 63));
        return 2;
    }
    if (unit < 0x10000) {
        out[0] = (uint8_t)(0xe0 | unit >> 12);
        out[1] = (uint8_t)(0x80 | (unit >> 6 & 63));
        out[2] = (uint8_t)(0x80 | (unit & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | unit >> 18);
    out[1] = (uint8_t)(0x80 | (unit >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (unit >> 6 & 63));
    out[3] = (uint8_t)(0x80 | (unit & 63));
    return 4;
}

static uint32_t encode_all(struct text text, uint8_t *out)
{
    uint32_t size = 0;

    for (uint32_t i = 0; i < text.count; i++)
        size += encoded(text.unit[i], out + size);
    return size;
}

static int order(struct text f, struct text v)
{
    uint8_t *a = malloc(4 * f.count + 1), *b = malloc(4 * v.count + 1);
    uint32_t a_size = encode_all(f, a), b_size = encode_all(v, b);
    int result = memcmp(a, b, a_size < b_size ? a_size : b_size);

    free(a);
    free(b);
    return result ? result : (a_size > b_size) - (a_size < b_size);
}

static bool image(struct text f, struct text v, bool slash)
{
    uint32_t name = 0;

    for (uint32_t i = 0; i < v.count; i++)
        if (v.unit[i] == '\\' || (slash && v.unit[i] == '/'))
            return equal(f, v);
    for (uint32_t i = 0; i < f.count; i++)
        if (f.unit[i] == '\\' || (slash && f.unit[i] == '/'))
            name = i + 1;
    return equal(part(f, name, f.count), v);
}

/* Counts the tokens that hold, and all of them. */
static void count_tokens(struct text f, struct text v, bool is, uint32_t *holding, uint32_t *all)
{
    uint32_t start = 0;

    *holding = *all = 0;
    for (uint32_t i = 0; i <= v.count; i++) {
        struct text token = part(v, start, i);

        if (i < v.count && v.unit[i] != ';')
            continue;
        if (token.count == 0 && !is)
            token = part(v, start, v.count); /* no limit */
        *all += 1;
        *holding += is ? equal(f, token) : occurs(f, token);
        start = i + 1;
    }
}

static bool compare(uint32_t condition, struct text f, struct text v, bool slash)
{
    uint32_t holding = 0, all = 0;

    switch (condition) {
    case BLOB_CONTAINS_ANY:
    case BLOB_CONTAINS_ALL:
    case BLOB_EXCLUDES_ANY:
    case BLOB_EXCLUDES_ALL:
    case BLOB_IS_ANY: count_tokens(f, v, condition == BLOB_IS_ANY, &holding, &all);
    }
    switch (condition) {
    case BLOB_IS: return equal(f, v);
    case BLOB_IS_NOT: return !equal(f, v);
    case BLOB_CONTAINS: return occurs(f, v);
    case BLOB_CONTAINS_ANY:
    case BLOB_IS_ANY: return holding > 0;
    case BLOB_CONTAINS_ALL: return holding == all;
    case BLOB_EXCLUDES: return !occurs(f, v);
    case BLOB_EXCLUDES_ANY: return holding == 0;
    case BLOB_EXCLUDES_ALL: return holding < all;
    case BLOB_BEGIN_WITH: return begins(f, v);
    case BLOB_END_WITH: return ends(f, v);
    case BLOB_LESS_THAN: return order(f, v) < 0;
    case BLOB_MORE_THAN: return order(f, v) > 0;
    case BLOB_IMAGE: return image(f, v, slash);
    case BLOB_NOT_BEGIN_WITH: return !begins(f, v);
    case BLOB_NOT_END_WITH: return !ends(f, v);
    }
    abort();
}

/* ---- evaluation ---- */

enum outcome { NOMATCH, MATCH, FAILED };

struct evaluation {
    const struct oracle *oracle;
    const struct catalogue_event *event;
    const struct match_text *fields;
    uint32_t session;
    struct text text[CATALOGUE_MAX_FIELDS]; /* cached string forms */
    const struct filter *named;             /* the filter whose name is the RuleName so far */
    bool frozen;
};

static const struct text *string_form(struct evaluation *e, uint32_t i)
{
    const struct match_text *field = &e->fields[i];
    bool rule_name = !strcmp(e->event->fields[i].name, "RuleName");

    e->frozen |= rule_name;
    if (!rule_name && !field->data && (e->oracle->flags & RULESET_KERNEL))
        return NULL;
    if (!e->text[i].unit)
        e->text[i] = rule_name || !field->data ? text_of_utf8((const uint8_t *)"-", 1)
                                               : text_of_utf8((const uint8_t *)field->data, field->size);
    return &e->text[i];
}

static enum outcome compare_expanded(struct evaluation *e, const struct filter *f, const struct text *text)
{
    const struct ruleset_options *options = e->oracle->options;
    char value[780];
    int size;
    struct text v;
    bool match;

    if (e->oracle->flags & RULESET_KERNEL)
        return FAILED;
    size = options && options->expand
               ? options->expand(options->expand_context, e->session, f->raw, f->raw_size, value, sizeof(value)) : -1;
    if (size < 0)
        return NOMATCH;
    v = text_of_utf8((const uint8_t *)value, (uint32_t)size);
    match = compare(f->condition, *text, v, e->oracle->flags & RULESET_SLASH_IMAGE);
    free(v.unit);
    return match ? MATCH : NOMATCH;
}

static bool later_same_field(const struct block *block, uint32_t i)
{
    for (uint32_t k = i + 1; k < block->filter_count; k++)
        if (block->filters[k].field == block->filters[i].field && block->filters[k].aggregation == 0)
            return true;
    return false;
}

static const char *name_of_field(const struct catalogue_event *event, uint32_t i)
{
    return i < event->field_count ? event->fields[i].name : "";
}

/* MatchGroup of spec 03 section 7.4; `rule` 0 = the whole block. `*next`: first filter after the Rule. */
static enum outcome match_group(struct evaluation *e, const struct block *block, uint32_t start, uint32_t rule,
                                uint32_t *next)
{
    const struct catalogue_event *own = catalogue_find(block->event_id);
    uint32_t relation = rule ? block->filters[start].relation : block->relation;
    uint64_t matched = 0;
    uint32_t i = start;

    if (block->filter_count == 0)
        return NOMATCH;
    if (rule)
        for (*next = start; *next < block->filter_count && block->filters[*next].aggregation == rule;)
            ++*next;
    while (i < block->filter_count) {
        const struct filter *f = &block->filters[i];
        enum outcome r;

        if (!rule && f->aggregation) {
            r = match_group(e, block, i, f->aggregation, &i);
            if (r == FAILED || (r == MATCH && relation == BLOB_OR) || (r == NOMATCH && relation == BLOB_AND))
                return r;
            continue;
        }
        if (rule && f->aggregation != rule)
            break;
        if (f->field >= e->event->field_count) {
            r = NOMATCH;
        } else if (own != e->event && strcmp(name_of_field(own, f->field), e->event->fields[f->field].name)) {
            r = NOMATCH;
        } else if (!rule && matched >> f->field & 1) {
            i++;
            continue;
        } else {
            const struct text *text = string_form(e, f->field);

            if (!text)
                return FAILED;
            r = f->environment ? compare_expanded(e, f, text)
                               : (enum outcome)compare(f->condition, *text, f->value,
                                                       e->oracle->flags & RULESET_SLASH_IMAGE);
            if (r == FAILED)
                return FAILED;
            if (r == MATCH) {
                if (f->name_size)
                    e->named = f;
                matched |= 1ull << f->field;
            }
        }
        if (r == MATCH && relation == BLOB_OR)
            return MATCH;
        if (r == NOMATCH && relation == BLOB_AND && (rule || !later_same_field(block, i)))
            return NOMATCH;
        i++;
    }
    return relation == BLOB_AND ? MATCH : NOMATCH;
}

static bool same_tag(const struct block *block, const struct catalogue_event *event)
{
    const char *tag = catalogue_find(block->event_id)->tag;

    return tag && !strcmp(tag, event->tag);
}

/* One kind of the evaluation list, last of the document first. `*position` counts. Returns whether it decided. */
static bool match_kind(struct evaluation *e, uint32_t kind, int *position, bool *failed, struct oracle_result *result)
{
    for (uint32_t i = e->oracle->block_count; i-- > 0;) {
        const struct block *block = &e->oracle->blocks[i];
        uint32_t next;
        enum outcome r;

        if (block->default_action != kind || !same_tag(block, e->event))
            continue;
        r = match_group(e, block, 0, 0, &next);
        if (r == MATCH) {
            result->decision = kind == BLOB_DEFAULT_EXCLUDE ? MATCH_LOG : MATCH_DROP;
            result->block = *position;
            return true;
        }
        *failed |= r == FAILED;
        ++*position;
    }
    return false;
}

static void default_decision(const struct evaluation *e, int blocks, struct oracle_result *result)
{
    result->decision = MATCH_DROP;
    for (uint32_t i = 0; i < e->oracle->block_count; i++)
        if (blocks == 1 && same_tag(&e->oracle->blocks[i], e->event) &&
            e->oracle->blocks[i].default_action == BLOB_DEFAULT_INCLUDE)
            result->decision = MATCH_LOG;
    if (blocks == 0 && e->event->default_action == CATALOGUE_DEFAULT_INCLUDE)
        result->decision = MATCH_LOG;
}

void oracle_match(const struct oracle *oracle, const struct catalogue_event *event, const struct match_text *fields,
                  uint32_t session, struct oracle_result *result)
{
    struct evaluation e = { .oracle = oracle, .event = event, .fields = fields, .session = session };
    bool failed = false;
    int position = 0;

    *result = (struct oracle_result){ .block = -1 };
    if (!event->tag) {
        result->decision = MATCH_LOG;
        return;
    }
    if (!match_kind(&e, BLOB_DEFAULT_INCLUDE, &position, &failed, result) &&
        !match_kind(&e, BLOB_DEFAULT_EXCLUDE, &position, &failed, result)) {
        e.named = NULL;
        default_decision(&e, position, result);
    }
    if (result->decision == MATCH_LOG && e.named && !e.frozen) {
        result->name_size = e.named->name_size;
        memcpy(result->name, e.named->name, e.named->name_size);
    }
    if (failed)
        result->decision = MATCH_UNDECIDED;
    for (uint32_t i = 0; i < CATALOGUE_MAX_FIELDS; i++)
        free(e.text[i].unit);
}

/* ---- reading the blob ---- */

static int read_filter(const struct oracle *o, const struct blob *blob, const struct blob_filter *from, struct filter *f)
{
    struct blob_aggregation aggregation;

    f->field = from->field;
    f->condition = from->condition;
    f->aggregation = from->aggregation_id;
    if (f->aggregation && blob_aggregation(blob, from, &aggregation) != BLOB_ITEM)
        return -1;
    f->relation = f->aggregation ? aggregation.relation : 0;
    f->value = text_of_utf16(&from->value);
    f->raw = malloc(3 * from->value.units + 1);
    f->raw_size = blob_text_utf8(&from->value, f->raw, 3 * from->value.units);
    f->environment = (o->flags & RULESET_ENVIRONMENT) && memchr(f->raw, '%', f->raw_size);
    f->name_size = blob_text_utf8(&from->name, f->name, sizeof(f->name));
    return 0;
}

static int read_blocks(struct oracle *o, const struct blob *blob)
{
    struct blob_block block;
    struct blob_filter filter;
    int rc = blob_first_block(blob, &block);

    for (; rc == BLOB_ITEM; rc = blob_next_block(blob, &block)) {
        struct block *b = &o->blocks[o->block_count++];

        *b = (struct block){ block.event_id, block.default_action, block.relation, 0, NULL };
        b->filters = calloc(block.filter_count + 1, sizeof(*b->filters));
        for (rc = blob_first_filter(blob, &block, &filter); rc == BLOB_ITEM; rc = blob_next_filter(blob, &filter))
            if (read_filter(o, blob, &filter, &b->filters[b->filter_count++]))
                return -1;
        if (rc < 0)
            return rc;
    }
    return rc;
}

struct oracle *oracle_create(const void *data, size_t size, uint32_t flags)
{
    struct oracle *o = calloc(1, sizeof(*o));
    struct blob blob;

    o->flags = flags;
    if (size == 0)
        return o;
    if (blob_open(&blob, data, size) || blob_check(&blob)) {
        free(o);
        return NULL;
    }
    o->blocks = calloc(blob.block_count, sizeof(*o->blocks));
    if (read_blocks(o, &blob)) {
        oracle_destroy(o);
        return NULL;
    }
    return o;
}

void oracle_expand_with(struct oracle *oracle, const struct ruleset_options *options)
{
    oracle->options = options;
}

void oracle_destroy(struct oracle *o)
{
    for (uint32_t i = 0; o && i < o->block_count; i++) {
        for (uint32_t k = 0; k < o->blocks[i].filter_count; k++) {
            free(o->blocks[i].filters[k].value.unit);
            free(o->blocks[i].filters[k].raw);
        }
        free(o->blocks[i].filters);
    }
    if (o)
        free(o->blocks);
    free(o);
}
