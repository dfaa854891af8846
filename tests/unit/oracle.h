/* SPDX-License-Identifier: MIT */
/*
 * The plain, obvious evaluator: spec 03 section 7 and 8 as they are worded, filter by filter. What the compiled matcher must agree with.
 *
 * Shares with the engine the blob reader, the catalogue and the upper-case table; nothing of how rules are matched.
 */
#pragma once

#include "sysmon/ruleset.h"

struct oracle;

struct oracle_result {
    enum match_decision decision; /* UNDECIDED: a kernel met FAILED before it could decide */
    char name[3 * 256];           /* empty: none */
    uint32_t name_size;
    int block;                    /* position in the evaluation list, -1 = a default */
};

/* NULL when the blob is refused. `flags` as for ruleset_create(). */
struct oracle *oracle_create(const void *blob, size_t size, uint32_t flags);
void oracle_destroy(struct oracle *oracle);
void oracle_expand_with(struct oracle *oracle, const struct ruleset_options *options);
void oracle_match(const struct oracle *oracle, const struct catalogue_event *event, const struct match_text *fields,
                  uint32_t session, struct oracle_result *result);
