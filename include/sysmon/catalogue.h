/* SPDX-License-Identifier: MIT */
/* The event catalogue: every event and field, generated from schema/events.schema. Constant data, usable in a kernel. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "catalogue_ids.h" /* generated: EVENT_…, field indexes, OPTION_… */

#ifdef __cplusplus
extern "C" {
#endif

/* Versions are major << 16 | minor: schema 4.90 is 0x0004005A. */
#define CATALOGUE_VERSION(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor))
#define CATALOGUE_SCHEMA_VERSION CATALOGUE_VERSION(4, 90)
#define CATALOGUE_BINARY_VERSION CATALOGUE_VERSION(18, 0)

enum catalogue_type {
    CATALOGUE_STRING,
    CATALOGUE_GUID,
    CATALOGUE_BOOL,
    CATALOGUE_UINT16,
    CATALOGUE_UINT32,
    CATALOGUE_PID,   /* uint32, shown as a process id */
    CATALOGUE_HEX32, /* `0x1410`: lower case, no padding */
    CATALOGUE_HEX64,
};

enum catalogue_default { CATALOGUE_DEFAULT_EXCLUDE, CATALOGUE_DEFAULT_INCLUDE, CATALOGUE_DEFAULT_NONE };

enum catalogue_system { CATALOGUE_WINDOWS = 1, CATALOGUE_LINUX = 2 };

struct catalogue_field {
    const char *name;
    uint16_t name_size; /* bytes, without terminator */
    uint16_t type;      /* enum catalogue_type */
    uint32_t since;     /* schema version */
};

struct catalogue_event {
    uint16_t id;
    uint8_t version;
    uint8_t level;           /* 4 informational, 2 error */
    uint8_t default_action;  /* enum catalogue_default; NONE behaves as EXCLUDE */
    uint8_t systems;         /* mask of enum catalogue_system */
    uint32_t since;
    const char *tag;         /* NULL: the event is never filtered */
    const char *symbol;
    const char *template_text;
    uint32_t field_count;
    const struct catalogue_field *fields;
};

enum catalogue_argument { OPTION_ARGUMENT_NONE, OPTION_ARGUMENT_OPTIONAL, OPTION_ARGUMENT_REQUIRED };

enum catalogue_option_flag {
    OPTION_FLAG_EXCLUSIVE = 1,
    OPTION_FLAG_NOCONFIG = 2,
    OPTION_FLAG_RULE = 4,
    OPTION_FLAG_INTERNAL = 8,
    OPTION_FLAG_WINDOWS = 16,
    OPTION_FLAG_LINUX = 32,
};

struct catalogue_option {
    const char *name;
    const char *switch_text; /* without the dash; NULL: configuration only */
    uint8_t argument;        /* enum catalogue_argument */
    uint8_t flags;
    uint32_t since, until;   /* 0 = no bound */
};

/* In ascending id order. */
extern const struct catalogue_event catalogue_events[CATALOGUE_EVENT_COUNT];
/* In parser order (spec of the command line: a prefix takes the first match). */
extern const struct catalogue_option catalogue_options[CATALOGUE_OPTION_COUNT];

/* NULL when there is no such event. */
const struct catalogue_event *catalogue_find(uint32_t id);
/* First event (lowest id) with this tag, NULL when unknown; the events sharing the tag follow it directly. */
const struct catalogue_event *catalogue_find_tag(const char *tag, size_t size);
/* Number of consecutive events, from `first` on, that share its tag (1 to 3). */
unsigned catalogue_tag_members(const struct catalogue_event *first);
/* Index of the field in the event, -1 when it has none of that name. Case-sensitive. */
int catalogue_field_index(const struct catalogue_event *event, const char *name, size_t size);

#ifdef __cplusplus
}
#endif
