/* SPDX-License-Identifier: MIT */
/* Shortening of fields before output: FieldSizes and the overall limits (spec 02 section 3.20). */
#include "sysmon/event.h"

#include "utf8.h"

/* Limits of event 1 as a whole: bytes of all fields, and what remains of a command line at least. */
#define EVENT1_MAX_BYTES 62000
#define EVENT1_LEAST_CHARACTERS 260

/* UTF-16 units of a text. */
static size_t characters(const struct match_text *text)
{
    size_t count = 0;

    for (uint32_t at = 0; at < text->size; count++) {
        unsigned length = utf8_sequence(text->data + at, text->size - at);
        count += length == 4;
        at += length ? length : 1;
    }
    return count;
}

/* Bytes that hold at most `limit` UTF-16 units. */
static uint32_t bytes_of(const struct match_text *text, size_t limit)
{
    uint32_t at = 0;

    for (size_t count = 0; at < text->size;) {
        unsigned length = utf8_sequence(text->data + at, text->size - at);
        count += length == 4 ? 2 : 1;
        if (count > limit)
            break;
        at += length ? length : 1;
    }
    return at;
}

static void cut_after(struct event *event, unsigned field, size_t kept)
{
    event->text[field].size = bytes_of(&event->text[field], kept);
    event->cut |= 1u << field;
}

/* A limit of 1 or 2 has no room for the mark and gives `-`. */
static void limit_field(struct event *event, unsigned field, size_t limit)
{
    struct match_text *text = &event->text[field];

    if (text->size <= limit || characters(text) <= limit)
        return;
    if (limit >= EVENT_CUT_MARK_SIZE)
        cut_after(event, field, limit - EVENT_CUT_MARK_SIZE);
    else
        event_set_text(event, field, NULL, 0);
}

/* Bytes of a field as the original counts them: terminated strings in the system's width; natively typed on Windows. */
static size_t field_bytes(const struct event *event, unsigned field)
{
    const struct match_text *text = &event->text[field];
    size_t mark = event->cut >> field & 1 ? EVENT_CUT_MARK_SIZE : 0;

    if (event->system == CATALOGUE_LINUX)
        return text->size + mark + 1;
    switch (event->type->fields[field].type) {
    case CATALOGUE_STRING: return 2 * (characters(text) + mark + 1);
    case CATALOGUE_GUID: return 16;
    case CATALOGUE_HEX64: return 8;
    default: return 4;
    }
}

static size_t event_bytes(const struct event *event)
{
    size_t sum = 0;

    for (unsigned i = 0; i < event->type->field_count; i++)
        sum += field_bytes(event, i);
    return sum;
}

/* Takes the excess from one command line. */
static void limit_total(struct event *event, unsigned field)
{
    size_t total = event_bytes(event), had = characters(&event->text[field]), excess, kept;

    if (total <= EVENT1_MAX_BYTES)
        return;
    excess = total - EVENT1_MAX_BYTES;
    if (event->system == CATALOGUE_WINDOWS)
        excess = (excess + 1) / 2;
    if (!(event->cut >> field & 1))
        excess += EVENT_CUT_MARK_SIZE;
    kept = had > excess + EVENT1_LEAST_CHARACTERS ? had - excess : EVENT1_LEAST_CHARACTERS;
    if (kept < had)
        cut_after(event, field, kept);
}

/* No text is longer in characters than in bytes: most events need no counting. */
static bool surely_small(const struct event *event)
{
    size_t sum = 0;

    for (unsigned i = 0; i < event->type->field_count; i++)
        sum += 2 * (event->text[i].size + EVENT_CUT_MARK_SIZE + 1);
    return sum <= EVENT1_MAX_BYTES;
}

void event_trim(struct event *event, const uint16_t *field_sizes)
{
    const struct catalogue_event *type = event->type;

    for (unsigned i = 0; i < type->field_count; i++) {
        if (type->fields[i].type != CATALOGUE_STRING || !event->text[i].data)
            continue;
        if (field_sizes && field_sizes[i])
            limit_field(event, i, field_sizes[i]);
        limit_field(event, i, EVENT_MAX_CHARACTERS);
    }
    if (type->id == EVENT_CREATE_PROCESS && !surely_small(event)) {
        limit_total(event, CREATE_PROCESS_ParentCommandLine);
        limit_total(event, CREATE_PROCESS_CommandLine);
    }
}
