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

/* `alloc` returns NULL on failure; `free` gets the size that was asked for. */
struct ruleset_memory {
    void *(*alloc)(void *context, size_t size);
    void (*free)(void *context, void *memory, size_t size);
    void *context;
};

enum ruleset_flag {
    RULESET_KERNEL = 1,      /* fields without text answer FAILED and so do environment filters: result MATCH_UNDECIDED */
    RULESET_ENVIRONMENT = 2, /* Windows: values with `%` are expanded before comparing */
    RULESET_SLASH_IMAGE = 4, /* `image` also splits at `/` (live Linux events; the published semantics know `\` only) */
    RULESET_EXPLAIN = 8,     /* keep the values as written, for ruleset_explain() */
};

struct ruleset_options {
    uint32_t flags; /* enum ruleset_flag */
    /* Expands environment variables for a session; returns bytes written, or negative on failure. May be NULL. */
    int (*expand)(void *context, uint32_t session, const char *value, size_t size, char *out, size_t capacity);
    void *expand_context;
};

enum match_decision { MATCH_DROP, MATCH_LOG, MATCH_UNDECIDED /* kernel only: user mode must decide */ };

struct match_result {
    enum match_decision decision;
    const char *rule_name; /* UTF-8 inside the rule set, NULL when none (RuleName is then `-`) */
    uint32_t rule_name_size;
    int32_t block;  /* index, in evaluation order of the tag, of the block that decided; -1: a default decided */
};

enum ruleset_error {
    RULESET_OK = 0,
    RULESET_E_MEMORY = -1,
    RULESET_E_INVALID = -2, /* not a rules blob, or damaged */
    RULESET_E_VERSION = -3, /* another major binary version */
    RULESET_E_LIMIT = -4,   /* more than RULESET_MAX_… of something */
};

/* `blob` may be NULL with size 0: no rule set, manifest defaults decide. `*out` is untouched on failure. */
int ruleset_create(struct ruleset **out, const void *blob, size_t size, const struct ruleset_options *options,
                   const struct ruleset_memory *memory);
void ruleset_destroy(struct ruleset *rules);
/* Bytes held by the rule set. */
size_t ruleset_size(const struct ruleset *rules);
/* Bytes of scratch that one ruleset_match() needs (0 is possible). */
size_t ruleset_scratch_size(const struct ruleset *rules);

/*
 * Decides about one event. `fields` has the event's catalogue field count entries. `scratch` is private to the call.
 * Never fails; never reads beyond a field's size. `session` selects the environment for RULESET_ENVIRONMENT.
 */
void ruleset_match(const struct ruleset *rules, const struct catalogue_event *event, const struct match_text *fields,
                   uint32_t session, void *scratch, struct match_result *result);

/* Is there any rule that could log this event? False lets a source stay detached. */
bool ruleset_wants(const struct ruleset *rules, uint32_t event_id);

#ifdef __cplusplus
}
#endif
