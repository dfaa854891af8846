/* SPDX-License-Identifier: MIT */
/*
 * The binary rules blob (spec 04): registry value `Rules` on Windows, rules.bin on Linux.
 *
 * Reading is freestanding (also compiled into the Windows driver), allocates nothing and expects hostile input: every
 * offset is checked before it is followed, chains only run forward and stay between their block and the next one, so
 * that a walk over a whole blob takes time linear in its size. Text stays where it is: UTF-16LE, unaligned.
 */
#pragma once

#include "sysmon/catalogue.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Record sizes in bytes (spec 04 sections 2 to 5). */
#define BLOB_HEADER_SIZE 24
#define BLOB_BLOCK_SIZE 24
#define BLOB_FILTER_SIZE 536      /* without the value */
#define BLOB_AGGREGATION_SIZE 292
#define BLOB_NAME_UNITS 256       /* of a filter, with terminator */
#define BLOB_RULE_NAME_UNITS 128  /* of an aggregation, with terminator */
/* First binary version with the layout read here; 15 to 18 are identical. */
#define BLOB_VERSION_OLDEST CATALOGUE_VERSION(15, 0)

/* Codes of the stored form: never renumber. */
enum blob_condition {
    BLOB_IS,
    BLOB_IS_NOT,
    BLOB_CONTAINS,
    BLOB_CONTAINS_ANY,
    BLOB_IS_ANY,
    BLOB_CONTAINS_ALL,
    BLOB_EXCLUDES,
    BLOB_EXCLUDES_ANY,
    BLOB_EXCLUDES_ALL,
    BLOB_BEGIN_WITH,
    BLOB_END_WITH,
    BLOB_LESS_THAN,
    BLOB_MORE_THAN,
    BLOB_IMAGE,
    BLOB_NOT_BEGIN_WITH,
    BLOB_NOT_END_WITH,
    BLOB_CONDITION_COUNT
};

/* What a block does with events that none of its filters match. */
enum blob_default { BLOB_DEFAULT_INCLUDE = 0, /* onmatch="exclude" */ BLOB_DEFAULT_EXCLUDE = 1 /* onmatch="include" */ };
enum blob_relation { BLOB_OR = 0, BLOB_AND = 1 };

enum blob_result {
    BLOB_ITEM = 1,
    BLOB_END = 0,
    BLOB_E_INVALID = -2, /* not a blob, or damaged from here on */
    BLOB_E_VERSION = -3, /* a layout older than BLOB_VERSION_OLDEST */
};

/* Borrows the bytes given to blob_open(). */
struct blob {
    const uint8_t *data;
    uint32_t size;
    uint32_t version, schema_version, block_count, first_block;
    uint32_t first_aggregation; /* informative: never follow it (spec 04 section 6) */
};

/* UTF-16LE without terminator; read it with blob_unit(). */
struct blob_text {
    const uint8_t *data;
    uint32_t units;
};

struct blob_block {
    uint32_t index, offset;
    uint32_t event_id;       /* exists in the catalogue */
    uint32_t default_action; /* enum blob_default */
    uint32_t relation;       /* enum blob_relation */
    uint32_t filter_count, first_filter;
    uint32_t next;  /* as stored; 0 or beyond the end after the last block */
    uint32_t limit; /* filters of this block end at or before this offset */
};

struct blob_filter {
    uint32_t index, offset;
    uint32_t field;     /* may be beyond the event's fields: such a filter never matches */
    uint32_t condition; /* enum blob_condition */
    struct blob_text name, value;
    uint32_t aggregation_id; /* 0: not inside a Rule */
    uint32_t aggregation_offset;
    uint32_t next, start, limit, count; /* chain state: block start, block limit, filters in the block */
};

struct blob_aggregation {
    uint32_t id;
    uint32_t relation; /* enum blob_relation */
    struct blob_text name;
};

/* Checks the header only. 0 or a negative enum blob_result; `*blob` is untouched on failure. */
int blob_open(struct blob *blob, const void *data, size_t size);

/* BLOB_ITEM: `*block` is filled; BLOB_END; or BLOB_E_INVALID. blob_next_block() moves `*block` on. */
int blob_first_block(const struct blob *blob, struct blob_block *block);
int blob_next_block(const struct blob *blob, struct blob_block *block);

/* Filters of one block in document order; filters of one Rule follow each other. Results as above. */
int blob_first_filter(const struct blob *blob, const struct blob_block *block, struct blob_filter *filter);
int blob_next_filter(const struct blob *blob, struct blob_filter *filter);

/* The Rule of a filter. BLOB_END when it has none. */
int blob_aggregation(const struct blob *blob, const struct blob_filter *filter, struct blob_aggregation *aggregation);

/* Walks everything: 0, or the first error met. */
int blob_check(const struct blob *blob);

/* One UTF-16 code unit; `i` < text->units. */
static inline uint16_t blob_unit(const struct blob_text *text, uint32_t i)
{
    return (uint16_t)(text->data[2 * i] | text->data[2 * i + 1] << 8);
}

/* Writes the text as UTF-8 without terminator, lone surrogates as U+FFFD; returns the bytes needed, whatever `capacity`. */
uint32_t blob_text_utf8(const struct blob_text *text, char *out, uint32_t capacity);

/* Name as written in a configuration (`contains any`), NULL when there is no such condition. */
const char *blob_condition_name(uint32_t condition);

#ifdef __cplusplus
}
#endif
