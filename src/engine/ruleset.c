/* SPDX-License-Identifier: MIT */
/* A rule set as a whole: made from a blob, asked about, freed. */
#include "ruleset_build.h"

#include <string.h>

static int build_tag(struct ruleset *rules, const struct blob *blob, const struct catalogue_event *first)
{
    struct arena temporary = { .memory = rules->arena.memory };
    struct tag *tag = arena_alloc(&rules->arena, 1, sizeof(*tag));
    struct tag_build build = { .tag = tag, .blob = blob, .flags = rules->options.flags, .arena = &rules->arena,
                               .temporary = &temporary };
    int rc = tag ? 0 : RULESET_E_MEMORY;

    if (!rc) {
        tag->first = first;
        tag->member_count = catalogue_tag_members(first);
        rc = ruleset_read_tag(&build);
    }
    if (!rc && tag->block_count) {
        rc = ruleset_build_lanes(&build);
        if (!rc)
            rc = ruleset_build_items(&build);
        for (uint32_t i = 0; !rc && i < tag->member_count; i++)
            rules->tag[first - catalogue_events + i] = tag;
    }
    arena_free(&temporary);
    return rc;
}

static int build_tags(struct ruleset *rules, const struct blob *blob)
{
    int rc = 0;

    for (uint32_t i = 0; i < CATALOGUE_EVENT_COUNT && !rc;) {
        const struct catalogue_event *event = &catalogue_events[i];

        if (event->tag)
            rc = build_tag(rules, blob, event);
        i += event->tag ? catalogue_tag_members(event) : 1;
    }
    return rc;
}

static int open_blob(struct blob *blob, const void *data, size_t size)
{
    int rc = blob_open(blob, data, size);

    if (rc)
        return rc == BLOB_E_VERSION ? RULESET_E_VERSION : RULESET_E_INVALID;
    if (blob->version >> 16 != CATALOGUE_BINARY_VERSION >> 16)
        return RULESET_E_VERSION;
    return blob_check(blob) ? RULESET_E_INVALID : 0;
}

static void find_scratch_size(struct ruleset *rules)
{
    for (uint32_t i = 0; i < CATALOGUE_EVENT_COUNT; i++) {
        size_t size = rules->tag[i] ? match_scratch_size(rules->tag[i]) : 0;

        if (size > rules->scratch_size)
            rules->scratch_size = size;
    }
}

int ruleset_create(struct ruleset **out, const void *data, size_t size, const struct ruleset_options *options,
                   const struct ruleset_memory *memory)
{
    struct ruleset *rules;
    struct blob blob;
    int rc = size ? open_blob(&blob, data, size) : 0;

    if (rc)
        return rc;
    rules = memory->alloc(memory->context, sizeof(*rules));
    if (!rules)
        return RULESET_E_MEMORY;
    memset(rules, 0, sizeof(*rules));
    rules->arena.memory = *memory;
    if (options)
        rules->options = *options;
    if (size)
        rc = build_tags(rules, &blob);
    if (rc) {
        ruleset_destroy(rules);
        return rc;
    }
    find_scratch_size(rules);
    *out = rules;
    return 0;
}

void ruleset_destroy(struct ruleset *rules)
{
    struct ruleset_memory memory;

    if (!rules)
        return;
    memory = rules->arena.memory;
    arena_free(&rules->arena);
    memory.free(memory.context, rules, sizeof(*rules));
}

size_t ruleset_size(const struct ruleset *rules)
{
    return sizeof(*rules) + rules->arena.total;
}

size_t ruleset_scratch_size(const struct ruleset *rules)
{
    return rules->scratch_size;
}

/* ---- could a rule log this event? ---- */

/* Some filter of the Rule (OR), or each of them (AND), has a field of this event. */
static bool rule_possible(const struct tag *tag, const struct block *block, const struct rule *rule, uint32_t member)
{
    for (uint32_t i = 0; i < rule->count; i++)
        if (applies(block, member, tag->filters[rule->first + i].field) != (rule->relation == BLOB_AND))
            return rule->relation != BLOB_AND;
    return rule->relation == BLOB_AND;
}

static bool block_possible(const struct tag *tag, const struct block *block, uint32_t member)
{
    bool and = block->relation == BLOB_AND;

    for (uint32_t i = block->first_filter; i < block->first_filter + block->filter_count; i++) {
        uint32_t rule = tag->filters[i].rule;
        bool possible = rule == NONE ? applies(block, member, tag->filters[i].field)
                                     : rule_possible(tag, block, &tag->rules[rule], member);

        if (possible != and)
            return !and;
    }
    return and && block->filter_count;
}

bool ruleset_wants(const struct ruleset *rules, uint32_t event_id)
{
    const struct catalogue_event *event = catalogue_find(event_id);
    const struct tag *tag = event ? rules->tag[event - catalogue_events] : NULL;

    if (!event || !event->tag)
        return event != NULL;
    if (!tag)
        return default_included(rules, event);
    if (tag->block_count == 1 && tag->blocks[0].default_action == BLOB_DEFAULT_INCLUDE)
        return true;
    for (uint32_t i = 0; i < tag->block_count; i++)
        if (tag->blocks[i].default_action == BLOB_DEFAULT_EXCLUDE &&
            block_possible(tag, &tag->blocks[i], (uint32_t)(event - tag->first)))
            return true;
    return false;
}
