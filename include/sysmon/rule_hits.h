/* SPDX-License-Identifier: MIT */
/* How often each named rule, or each block for its unnamed ones, decided to log or to drop. Reset with the rules. */
#pragma once

#include "sysmon/ruleset.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RULE_HITS_MAX 16384u /* different rules that are told apart */

struct rule_hit {
    const struct catalogue_event *type;
    int32_t block;             /* evaluation order within the tag; -1: a default decided */
    const char *name;          /* inside the rule set; NULL: unnamed */
    uint32_t name_size;
    uint64_t logged, dropped;
};

struct rule_hits; /* belongs to one rule set and must be freed before it */

int rule_hits_create(struct rule_hits **out);
void rule_hits_destroy(struct rule_hits *hits);
/* Cheap: one look-up by the name's address. Beyond RULE_HITS_MAX hits go to the block without a name. */
void rule_hits_count(struct rule_hits *hits, const struct catalogue_event *type, const struct match_result *result);
/* In order of first hit. */
unsigned rule_hits_size(const struct rule_hits *hits);
const struct rule_hit *rule_hits_get(const struct rule_hits *hits, unsigned index);

#ifdef __cplusplus
}
#endif
