/* SPDX-License-Identifier: MIT */
/*
 * One event as some log holds it: the XML of the Linux monitor or of Windows, alone or behind the header of a syslog line, or one
 * JSON object of ours. Nothing is assumed about its fields.
 */
#pragma once

#include "sysmon/event.h"

#define VIEW_MAX_FIELDS 64

struct view_field {
    const char *name; /* terminated */
    struct match_text text; /* the very bytes: escapes of the form and of our outputs are taken back */
};

struct view_record {
    uint32_t event_id;
    uint64_t record_id;
    char time[40]; /* SystemTime with a blank instead of the T, empty when not stated */
    struct view_field field[VIEW_MAX_FIELDS];
    unsigned field_count;
    /* internal */
    char *storage;
    size_t capacity, used;
    char *joined; /* the parts of a long event that came so far */
    size_t joined_size, joined_capacity;
    uint64_t joined_record;
    unsigned joined_parts;
    int depth_data; /* reading the text of a field */
    char element[24];
};

enum view_result {
    VIEW_EVENT,
    VIEW_NONE, /* no event in this line, or a part of one that is not complete yet */
    VIEW_BAD,  /* looks like an event and cannot be read */
};

/* Zero-initialised before first use; texts live until the next call. */
enum view_result view_record_read(struct view_record *record, const char *line, size_t size);
void view_record_free(struct view_record *record);
/* The field of that name, NULL when there is none. */
const struct view_field *view_record_field(const struct view_record *record, const char *name, size_t size);
