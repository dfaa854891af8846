/* SPDX-License-Identifier: MIT */
/* Filling an event: every field gets the text that rules compare and outputs print, numbers keep their value beside it. */
#include "sysmon/event.h"

#include <string.h>

#define LITERAL(text) { (text), sizeof(text) - 1 }

/* Text of a field that nobody set, by catalogue type (spec 02 section 3.7). */
static const struct match_text unset[] = {
    [CATALOGUE_STRING] = LITERAL("-"),
    [CATALOGUE_GUID] = LITERAL("{00000000-0000-0000-0000-000000000000}"),
    [CATALOGUE_BOOL] = LITERAL("false"),
    [CATALOGUE_UINT16] = LITERAL("0"),
    [CATALOGUE_UINT32] = LITERAL("0"),
    [CATALOGUE_PID] = LITERAL("0"),
    [CATALOGUE_HEX32] = LITERAL("0x0"),
    [CATALOGUE_HEX64] = LITERAL("0x0"),
};
static const struct match_text bool_true = LITERAL("true");

void event_init(struct event *event, const struct catalogue_event *type, enum catalogue_system system)
{
    event->type = type;
    event->time = 0;
    event->record_id = 0;
    event->write_time = 0;
    event->cut = 0;
    event->writer_pid = event->writer_tid = 0;
    event->system = (uint8_t)system;
    event->extra_count = 0;
    for (uint32_t i = 0; i < type->field_count; i++) {
        event->text[i] = unset[type->fields[i].type];
        event->number[i] = 0;
        if (type->fields[i].type == CATALOGUE_HEX64 && system == CATALOGUE_LINUX)
            event->text[i] = unset[CATALOGUE_UINT32];
    }
}

void event_set_text(struct event *event, unsigned field, const char *text, size_t size)
{
    if (!text || !size) {
        event->text[field] = unset[CATALOGUE_STRING];
        return;
    }
    event->text[field].data = text;
    event->text[field].size = (uint32_t)size;
}

void event_set_string(struct event *event, unsigned field, const char *terminated)
{
    event_set_text(event, field, terminated, terminated ? strlen(terminated) : 0);
}

static void set_slot(struct event *event, unsigned field, unsigned size)
{
    event->text[field].data = event->slot[field];
    event->text[field].size = size;
}

void event_set_number(struct event *event, unsigned field, uint64_t value)
{
    char *slot = event->slot[field];

    event->number[field] = value;
    switch (event->type->fields[field].type) {
    case CATALOGUE_BOOL:
        event->text[field] = value ? bool_true : unset[CATALOGUE_BOOL];
        break;
    case CATALOGUE_HEX64:
        if (event->system == CATALOGUE_LINUX)
            set_slot(event, field, format_decimal(slot, (uint32_t)value));
        else
            set_slot(event, field, format_hex(slot, value));
        break;
    case CATALOGUE_HEX32:
        set_slot(event, field, format_hex(slot, value));
        break;
    default:
        set_slot(event, field, format_decimal(slot, value));
    }
}

void event_set_guid(struct event *event, unsigned field, const struct sysmon_guid *guid)
{
    set_slot(event, field, format_guid(event->slot[field], guid));
}

void event_set_time(struct event *event, unsigned field, uint64_t filetime)
{
    const struct catalogue_field *type = &event->type->fields[field];

    set_slot(event, field, format_time(event->slot[field], filetime));
    if (type->name_size == 7 && !memcmp(type->name, "UtcTime", 7))
        event->time = filetime;
}

void event_add_extra(struct event *event, const char *name, const char *text, size_t size, bool is_number)
{
    struct event_extra *extra = &event->extra[event->extra_count];

    if (event->extra_count == EVENT_MAX_EXTRAS)
        return;
    extra->name = name;
    extra->text.data = text;
    extra->text.size = (uint32_t)size;
    extra->is_number = is_number;
    event->extra_count++;
}

struct sysmon_guid guid_compose(uint32_t machine_id, uint64_t filetime, uint64_t key)
{
    uint32_t seconds = filetime ? (uint32_t)((int64_t)(filetime - FILETIME_UNIX_EPOCH) / 10000000) : 0;
    struct sysmon_guid guid;

    for (unsigned i = 0; i < 4; i++) {
        guid.bytes[i] = (uint8_t)(machine_id >> 8 * i);
        guid.bytes[4 + i] = (uint8_t)(seconds >> 8 * i);
    }
    for (unsigned i = 0; i < 8; i++)
        guid.bytes[8 + i] = (uint8_t)(key >> 8 * i);
    return guid;
}
