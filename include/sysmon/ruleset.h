/* SPDX-License-Identifier: MIT */
/*
 * Compiled rules: from a rules blob (spec 04) to a decision about one event (spec 03 sections 7 and 8).
 *
 * Freestanding: no allocation, no locale and nothing beyond mem* while matching, so that the same code runs in the
 * Windows driver. Building allocates through the caller's functions.
 */
#pragma once

#include "sysmon/event.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ruleset; /* immutable once built; any number of threads may match with it */

/* `alloc` returns memory aligned to 8, NULL on failure; `free` gets the size that was asked for. */
struct ruleset_memory {
    void *(*alloc)(void *context, size_t size);
    void (*free)(void *context, void *memory, size_t size);
    void *context;
};

enum ruleset_flag {
    RULESET_KERNEL = 1,           /* fields without text answer FAILED and so do environment filters: MATCH_UNDECIDED */
    RULESET_ENVIRONMENT = 2,      /* Windows: values with `%` are expanded before comparing */
    RULESET_SLASH_IMAGE = 4,      /* `image` also splits at `/` (live Linux events; the published semantics know `\` only) */
    RULESET_EXPLAIN = 8,          /* keep the values as written, for ruleset_explain() */
    RULESET_WINDOWS_DEFAULTS = 16 /* without a block, FileCreateTime and DriverLoad are logged too (spec 03 section 9) */
};

struct ruleset_options {
    uint32_t flags; /* enum ruleset_flag */
    /*
     * Expands environment variables for a session: writes the UTF-8 result (at most 260 UTF-16 units of text) without
     * terminator and returns its bytes, or negative on failure. NULL: every expansion fails, the filter does not match.
     */
    int (*expand)(void *context, uint32_t session, const char *value, size_t size, char *out, size_t capacity);
    void *expand_context;
};

enum match_decision { MATCH_DROP, MATCH_LOG, MATCH_UNDECIDED /* kernel only: user mode must decide */ };

struct match_result {
    enum match_decision decision;
    const char *rule_name; /* MATCH_LOG: UTF-8 inside the rule set, not terminated; NULL when none (RuleName is then `-`) */
    uint32_t rule_name_size;
    int32_t block;  /* index, in evaluation order of the tag, of the block that decided; -1: a default decided */
};

enum ruleset_error {
    RULESET_OK = 0,
    RULESET_E_MEMORY = -1,
    RULESET_E_INVALID = -2, /* not a rules blob, or damaged */
    RULESET_E_VERSION = -3, /* another major binary version */
    RULESET_E_LIMIT = -4,   /* more blocks of one tag, or longer literals, than can be numbered */
};

/*
 * `blob` may be NULL with size 0: no rule set, manifest defaults decide. The blob is not needed afterwards. `options` may be
 * NULL. `*out` is untouched on failure, a negative enum ruleset_error. Uses little stack: callable in a kernel at passive level.
 */
int ruleset_create(struct ruleset **out, const void *blob, size_t size, const struct ruleset_options *options,
                   const struct ruleset_memory *memory);
/* NULL is allowed. */
void ruleset_destroy(struct ruleset *rules);
/* Bytes held by the rule set. */
size_t ruleset_size(const struct ruleset *rules);
/* Bytes of scratch that one ruleset_match() needs (0 is possible); a few kB with the largest configurations. */
size_t ruleset_scratch_size(const struct ruleset *rules);

/*
 * Decides about one event. `event` is an element of catalogue_events, `fields` has its field count of entries. The text of
 * RuleName is not looked at: filters see `-` there. A NULL text is FAILED in a kernel and reads `-` otherwise. `scratch`, of
 * ruleset_scratch_size() bytes aligned to 4, is private to the call and needs no preparation. Never fails; never reads
 * beyond a field's size; takes time linear in the texts. `session` selects the environment for RULESET_ENVIRONMENT.
 */
void ruleset_match(const struct ruleset *rules, const struct catalogue_event *event, const struct match_text *fields,
                   uint32_t session, void *scratch, struct match_result *result);

/* Could any event of this id be logged? False lets a source stay detached. True for events that are never filtered. */
bool ruleset_wants(const struct ruleset *rules, uint32_t event_id);

/* ---- why ---- */

enum explain_result { EXPLAIN_NOMATCH, EXPLAIN_MATCH, EXPLAIN_FAILED };

struct explain_filter {
    const char *field, *condition; /* terminated; field NULL: beyond the fields of the block's event */
    struct match_text value;       /* as written; data NULL without RULESET_EXPLAIN */
    struct match_text name;        /* RuleName it stands for, size 0 = none */
    struct match_text text;        /* what the event has in the field; data NULL: it is a field of another event of the tag */
    uint32_t rule;                 /* number, from 1, of its Rule in the block; 0 = directly in the block */
    enum explain_result result;
};

struct explain_block {
    uint32_t index;   /* in evaluation order, as match_result.block */
    bool exclude;     /* onmatch="exclude" */
    bool and_relation;
    uint32_t filter_count;
    enum explain_result result;
    /*
     * The filters that made the result: those that matched; in an AND block without a match those whose failure ended it; none
     * in an OR block without a match. At most EXPLAIN_MAX_FILTERS, the last ones.
     */
    const struct explain_filter *deciding;
    uint32_t deciding_count;
};

#define EXPLAIN_MAX_FILTERS 64

/*
 * As ruleset_match(), in the order of the specification and slower, reporting every block that was evaluated. Nothing is reported
 * when the tag has no block: a default decided.
 */
void ruleset_explain(const struct ruleset *rules, const struct catalogue_event *event, const struct match_text *fields,
                     uint32_t session, void *scratch, void (*report)(void *context, const struct explain_block *block),
                     void *context, struct match_result *result);

#ifdef __cplusplus
}
#endif
