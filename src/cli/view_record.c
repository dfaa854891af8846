/* SPDX-License-Identifier: MIT */
#include "view_record.h"

#include "engine/json_read.h"
#include "port/xml.h"
#include "sysmon/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOINED_MAX (8u << 20)

/* memmem(), which not every C library has. */
static const char *find(const char *text, size_t size, const char *word)
{
    size_t length = strlen(word);
    const char *end = text + size, *at = text;

    while (size >= length && (at = memchr(at, word[0], (size_t)(end - at))) && (size_t)(end - at) >= length) {
        if (!memcmp(at, word, length))
            return at;
        at++;
    }
    return NULL;
}

static bool reserve(char **buffer, size_t *capacity, size_t size)
{
    char *grown;

    if (size <= *capacity)
        return true;
    grown = realloc(*buffer, size);
    if (!grown)
        return false;
    *buffer = grown;
    *capacity = size;
    return true;
}

/* A terminated copy in the storage, which is large enough for everything in the line. */
static char *keep(struct view_record *record, const char *text, size_t size)
{
    char *copy = record->storage + record->used;

    if (record->capacity - record->used <= size)
        return NULL;
    memcpy(copy, text, size);
    copy[size] = '\0';
    record->used += size + 1;
    return copy;
}

static void set_time(struct view_record *record, const char *text, size_t size)
{
    char *separator;

    snprintf(record->time, sizeof(record->time), "%.*s", (int)(size < sizeof(record->time) ? size : sizeof(record->time)), text);
    separator = strchr(record->time, 'T');
    if (separator)
        *separator = ' ';
}

/* ---- XML ---- */

static int on_start(void *context, const char *name, const struct xml_attribute *attributes, size_t offset)
{
    struct view_record *record = context;
    struct view_field *field = &record->field[record->field_count];

    snprintf(record->element, sizeof(record->element), "%s", name);
    for (; attributes->name; attributes++) {
        if (!strcmp(name, "TimeCreated") && !strcmp(attributes->name, "SystemTime"))
            set_time(record, attributes->value, strlen(attributes->value));
        if (strcmp(name, "Data") || strcmp(attributes->name, "Name") || record->field_count == VIEW_MAX_FIELDS)
            continue;
        field->name = keep(record, attributes->value, strlen(attributes->value));
        if (!field->name)
            return -1;
        field->text.data = record->storage + record->used;
        field->text.size = 0;
        record->field_count++;
        record->depth_data = 1;
    }
    return 0;
}

static int on_text(void *context, const char *text, size_t size, size_t offset)
{
    struct view_record *record = context;
    struct view_field *field;
    char number[24];

    snprintf(number, sizeof(number), "%.*s", (int)(size < sizeof(number) ? size : sizeof(number)), text);
    if (!strcmp(record->element, "EventID"))
        record->event_id = (uint32_t)strtoul(number, NULL, 10);
    else if (!strcmp(record->element, "EventRecordID"))
        record->record_id = strtoull(number, NULL, 10);
    if (!record->depth_data)
        return 0;
    field = &record->field[record->field_count - 1];
    if (record->capacity - record->used < size)
        return -1;
    memcpy(record->storage + record->used, text, size);
    record->used += size;
    field->text.size += (uint32_t)size;
    return 0;
}

static int on_end(void *context)
{
    struct view_record *record = context;

    record->depth_data = 0;
    record->element[0] = '\0';
    return 0;
}

static enum view_result read_xml(struct view_record *record, const char *text, size_t size)
{
    const struct xml_handler handler = { on_start, on_end, on_text, record };
    struct xml_failure failure;

    return xml_parse(text, size, &handler, &failure) ? VIEW_BAD : VIEW_EVENT;
}

/* ---- JSON ---- */

static bool is(const struct json_text *text, const char *word)
{
    return text->size == strlen(word) && !memcmp(text->data, word, text->size);
}

static bool take_member(struct view_record *record, const struct json_member *member)
{
    struct view_field *field = &record->field[record->field_count];

    if (is(&member->name, "EventID"))
        record->event_id = (uint32_t)strtoul(member->value.data, NULL, 10);
    else if (is(&member->name, "EventRecordID"))
        record->record_id = strtoull(member->value.data, NULL, 10);
    else if (is(&member->name, "SystemTime"))
        set_time(record, member->value.data, member->value.size);
    else if (!is(&member->name, "Provider") && !is(&member->name, "Computer") && record->field_count < VIEW_MAX_FIELDS) {
        field->name = keep(record, member->name.data, member->name.size);
        field->text.data = keep(record, member->value.data, member->value.size);
        field->text.size = (uint32_t)member->value.size;
        record->field_count++;
        return field->name && field->text.data;
    }
    return true;
}

static enum view_result read_json(struct view_record *record, const char *text, size_t size)
{
    struct json_reader reader;
    struct json_member member;
    char *decoded = malloc(size + 1);
    int more = -1;
    bool taken = true;

    if (!decoded)
        return VIEW_BAD;
    json_open(&reader, text, size, decoded);
    while (taken && (more = json_next(&reader, &member)) > 0)
        taken = take_member(record, &member);
    free(decoded);
    return taken && !more && record->event_id ? VIEW_EVENT : VIEW_BAD;
}

/* ---- parts of a long event, as our syslog output numbers them ---- */

struct part {
    unsigned number, count;
    unsigned long long record;
    const char *text;
};

static bool find_part(const char *line, size_t size, struct part *part)
{
    const char *mark = find(line, size, "[part@32473 record=\"");
    char head[128];
    int used = 0;

    if (mark) {
        snprintf(head, sizeof(head), "%.*s", (int)(line + size - mark < 127 ? line + size - mark : 127), mark);
        if (sscanf(head, "[part@32473 record=\"%llu\" number=\"%u\" count=\"%u\"] %n", &part->record, &part->number, &part->count, &used) != 3)
            return false;
    } else {
        mark = find(line, size, ": part ");
        if (!mark)
            return false;
        snprintf(head, sizeof(head), "%.*s", (int)(line + size - mark < 127 ? line + size - mark : 127), mark);
        if (sscanf(head, ": part %u/%u of %llu: %n", &part->number, &part->count, &part->record, &used) != 3)
            return false;
    }
    part->text = mark + used;
    return used && part->number && part->number <= part->count;
}

/* True when the last part is there. */
static bool join(struct view_record *record, const struct part *part, size_t size)
{
    if (part->number == 1) {
        record->joined_size = 0;
        record->joined_parts = 0;
        record->joined_record = part->record;
    }
    if (part->record != record->joined_record || part->number != record->joined_parts + 1 || record->joined_size + size > JOINED_MAX ||
        !reserve(&record->joined, &record->joined_capacity, record->joined_size + size + 1)) {
        record->joined_parts = 0;
        record->joined_record = 0;
        return false;
    }
    memcpy(record->joined + record->joined_size, part->text, size);
    record->joined_size += size;
    record->joined_parts = part->number;
    return part->number == part->count;
}

/* ---- all of it ---- */

static void unescape_fields(struct view_record *record)
{
    for (unsigned i = 0; i < record->field_count; i++) {
        struct match_text *text = &record->field[i].text;
        text->size = (uint32_t)render_unescape((char *)(uintptr_t)text->data, text->data, text->size);
    }
}

static enum view_result read_event(struct view_record *record, const char *text, size_t size)
{
    const char *xml = find(text, size, "<Event"), *end = NULL, *json;
    enum view_result result = VIEW_NONE;

    record->event_id = 0;
    record->record_id = 0;
    record->time[0] = record->element[0] = '\0';
    record->field_count = record->depth_data = 0;
    record->used = 0;
    if (!reserve(&record->storage, &record->capacity, 2 * size + 256))
        return VIEW_BAD;
    if (xml) {
        for (const char *at = xml; (at = find(at, (size_t)(text + size - at), "</Event>")); at += 8)
            end = at + 8;
        result = end ? read_xml(record, xml, (size_t)(end - xml)) : VIEW_BAD;
    } else if (size && text[0] == '{') {
        result = read_json(record, text, size);
    } else if ((json = find(text, size, "{\"EventID\":"))) {
        result = read_json(record, json, (size_t)(text + size - json));
    }
    if (result == VIEW_EVENT)
        unescape_fields(record);
    return result;
}

enum view_result view_record_read(struct view_record *record, const char *line, size_t size)
{
    struct part part;

    if (!find_part(line, size, &part))
        return read_event(record, line, size);
    if (!join(record, &part, (size_t)(line + size - part.text)))
        return VIEW_NONE;
    return read_event(record, record->joined, record->joined_size);
}

void view_record_free(struct view_record *record)
{
    free(record->storage);
    free(record->joined);
}

const struct view_field *view_record_field(const struct view_record *record, const char *name, size_t size)
{
    for (unsigned i = 0; i < record->field_count; i++)
        if (strlen(record->field[i].name) == size && !memcmp(record->field[i].name, name, size))
            return &record->field[i];
    return NULL;
}
