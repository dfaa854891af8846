/* SPDX-License-Identifier: MIT */
#include "recorded.h"

#include "engine/json_read.h"
#include "sysmon/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a record says about itself beside its fields. */
struct header {
    uint64_t event_id, record_id;
    bool has_id, on_linux, other;
    unsigned ours; /* members that together only our own output has */
};

static bool is(struct json_text text, const char *word)
{
    return text.size == strlen(word) && !memcmp(text.data, word, text.size);
}

static bool begins(struct json_text text, const char *word)
{
    return text.size >= strlen(word) && !memcmp(text.data, word, strlen(word));
}

/* Decimal or `0x…`; false when it is something else or too large. */
static bool parse_number(struct json_text text, uint64_t *number)
{
    unsigned base = text.size > 2 && text.data[0] == '0' && (text.data[1] | 32) == 'x' ? 16 : 10;
    uint64_t value = 0;

    if (text.size == 0)
        return false;
    for (size_t i = base == 16 ? 2 : 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i] | 32;
        unsigned digit = c >= 'a' ? c - 'a' + 10u : (unsigned char)text.data[i] - (unsigned)'0';

        if (digit >= base || value > (UINT64_MAX - digit) / base)
            return false;
        value = value * base + digit;
    }
    *number = value;
    return true;
}

/* ---- first pass: which event ---- */

static void read_header_member(struct header *h, const struct json_member *m)
{
    if (is(m->name, "EventID")) {
        h->has_id = (m->type == JSON_NUMBER || m->type == JSON_STRING) && parse_number(m->value, &h->event_id);
        return;
    }
    if (is(m->name, "EventRecordID") || is(m->name, "Computer") || is(m->name, "Provider") || is(m->name, "SystemTime"))
        h->ours++;
    if (is(m->name, "EventRecordID") && !parse_number(m->value, &h->record_id))
        h->record_id = 0;
    if (m->type != JSON_STRING)
        return;
    if (is(m->name, "Provider") || is(m->name, "SourceName")) {
        h->on_linux |= is(m->value, "Linux-Sysmon");
        h->other |= !is(m->value, "Linux-Sysmon") && !is(m->value, "Microsoft-Windows-Sysmon");
    } else if (is(m->name, "Channel")) {
        h->other |= !begins(m->value, "Microsoft-Windows-Sysmon") && !begins(m->value, "Linux-Sysmon");
    }
}

static int fail(struct recorded *r, const struct json_reader *reader)
{
    snprintf(r->error, sizeof(r->error), "not a JSON object: %s, at byte %zu", reader->error,
             (size_t)(reader->at - reader->start) + 1);
    return RECORDED_BAD;
}

static int read_header(struct recorded *r, const char *line, size_t size, struct header *h)
{
    struct json_reader reader;
    struct json_member member;
    int rc;

    *h = (struct header){ 0 };
    json_open(&reader, line, size, r->strings);
    while ((rc = json_next(&reader, &member)) > 0)
        read_header_member(h, &member);
    if (rc < 0)
        return fail(r, &reader);
    if (h->other)
        return RECORDED_OTHER;
    if (h->has_id)
        return RECORDED_EVENT;
    snprintf(r->error, sizeof(r->error), "no `EventID` that is a number");
    return RECORDED_BAD;
}

/* ---- second pass: its fields ---- */

static bool same_word(struct json_text text, const char *word)
{
    if (text.size != strlen(word))
        return false;
    for (size_t i = 0; i < text.size; i++)
        if ((text.data[i] | 32) != word[i])
            return false;
    return true;
}

static bool is_numeric(uint16_t type)
{
    return type != CATALOGUE_STRING && type != CATALOGUE_GUID && type != CATALOGUE_BOOL;
}

static void set_field(struct event *event, unsigned field, const struct json_member *m)
{
    uint16_t type = event->type->fields[field].type;
    uint64_t number;

    if (type == CATALOGUE_BOOL && (same_word(m->value, "true") || same_word(m->value, "false")))
        event_set_number(event, field, same_word(m->value, "true"));
    else if (is_numeric(type) && parse_number(m->value, &number))
        event_set_number(event, field, number);
    else
        event_set_text(event, field, m->value.data, m->value.size);
}

static void read_computer(struct recorded *r, struct json_text name)
{
    size_t size = name.size < sizeof(r->computer) ? name.size : sizeof(r->computer) - 1;

    memcpy(r->computer, name.data, size);
    r->computer[size] = '\0';
}

static void read_member(struct recorded *r, struct json_member *m, bool ours)
{
    struct event *event = &r->event;
    int field = catalogue_field_index(event->type, m->name.data, m->name.size);

    if (m->type == JSON_STRING && ours)
        m->value.size = render_unescape((char *)(uintptr_t)m->value.data, m->value.data, m->value.size);
    if (m->type == JSON_STRING && (is(m->name, "Computer") || is(m->name, "Hostname")))
        read_computer(r, m->value);
    if (field < 0 || m->type == JSON_NULL || m->type == JSON_OBJECT || m->type == JSON_ARRAY || is(m->name, "RuleName"))
        return;
    set_field(event, (unsigned)field, m);
}

/* ---- time ---- */

static bool digits(const char *text, unsigned count, uint32_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *value = *value * 10 + (uint32_t)(text[i] - '0');
    }
    return true;
}

/* Days from 1601-01-01 to a date of the Gregorian calendar. */
static uint64_t days_since_1601(uint32_t year, uint32_t month, uint32_t day)
{
    static const uint16_t before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    uint32_t years = year - 1601, leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return 365ull * years + years / 4 - years / 100 + years / 400 + before[month - 1] + (month > 2 && leap) + day - 1;
}

/* `YYYY-MM-DD HH:MM:SS.mmm` to 100-ns units since 1601, 0 when it is none. */
static uint64_t parse_time(const struct match_text *text)
{
    uint32_t year, month, day, hour, minute, second, milliseconds;
    const char *t = text->data;

    if (text->size != 23 || !digits(t, 4, &year) || !digits(t + 5, 2, &month) || !digits(t + 8, 2, &day) ||
        !digits(t + 11, 2, &hour) || !digits(t + 14, 2, &minute) || !digits(t + 17, 2, &second) ||
        !digits(t + 20, 3, &milliseconds) || year < 1601 || month < 1 || month > 12 || day < 1 || day > 31)
        return 0;
    return (((days_since_1601(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 10000000 + milliseconds * 10000ull;
}

static void set_time(struct event *event)
{
    int field = catalogue_field_index(event->type, "UtcTime", 7);

    if (field >= 0)
        event->time = event->write_time = parse_time(&event->text[field]);
}

/* ---- all of it ---- */

static int reserve(struct recorded *r, size_t size)
{
    char *strings;

    if (size <= r->capacity)
        return 0;
    strings = realloc(r->strings, size);
    if (!strings) {
        snprintf(r->error, sizeof(r->error), "out of memory");
        return -1;
    }
    r->strings = strings;
    r->capacity = size;
    return 0;
}

static bool is_blank(const char *line, size_t size)
{
    while (size && (line[size - 1] == ' ' || line[size - 1] == '\t' || line[size - 1] == '\r'))
        size--;
    return size == 0;
}

static void read_fields(struct recorded *r, const char *line, size_t size, bool ours)
{
    struct json_reader reader;
    struct json_member member;

    json_open(&reader, line, size, r->strings);
    while (json_next(&reader, &member) > 0)
        read_member(r, &member, ours);
    set_time(&r->event);
}

enum recorded_result recorded_read(struct recorded *r, const char *line, size_t size, enum catalogue_system system)
{
    const struct catalogue_event *type;
    struct header header;
    int rc;

    if (size >= 3 && !memcmp(line, "\xef\xbb\xbf", 3))
        line += 3, size -= 3;
    if (is_blank(line, size))
        return RECORDED_BLANK;
    if (reserve(r, size))
        return RECORDED_BAD;
    rc = read_header(r, line, size, &header);
    if (rc != RECORDED_EVENT)
        return (enum recorded_result)rc;
    type = header.event_id <= UINT32_MAX ? catalogue_find((uint32_t)header.event_id) : NULL;
    if (!type) {
        snprintf(r->error, sizeof(r->error), "no event has the EventID %llu", (unsigned long long)header.event_id);
        return RECORDED_BAD;
    }
    if (!system)
        system = header.on_linux ? CATALOGUE_LINUX : CATALOGUE_WINDOWS;
    event_init(&r->event, type, system);
    r->computer[0] = '\0';
    r->event.record_id = header.record_id;
    read_fields(r, line, size, header.ours >= 4);
    return RECORDED_EVENT;
}

void recorded_free(struct recorded *r)
{
    free(r->strings);
    *r = (struct recorded){ .strings = NULL };
}
