/* SPDX-License-Identifier: MIT */
#include "linux/emitter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RULE_NAME_FIELD 0

static void *take(void *context, size_t size)
{
    return malloc(size);
}

static void give_back(void *context, void *memory, size_t size)
{
    free(memory);
}

static const struct ruleset_memory memory = { take, give_back, NULL };

int emitter_create(struct emitter *out, emitter_write_function *write, void *context)
{
    memset(out, 0, sizeof *out);
    out->write = write;
    out->context = context;
    return emitter_set_rules(out, NULL, 0, NULL);
}

static void forget_rules(struct emitter *emitter)
{
    rule_hits_destroy(emitter->hits);
    if (emitter->rules)
        ruleset_destroy(emitter->rules);
    free(emitter->scratch);
    free(emitter->field_sizes);
}

void emitter_destroy(struct emitter *emitter)
{
    forget_rules(emitter);
    memset(emitter, 0, sizeof *emitter);
}

static int copy_sizes(struct emitter *emitter, const uint32_t *sizes)
{
    if (!sizes)
        return 0;
    emitter->field_sizes = calloc(CATALOGUE_EVENT_COUNT, sizeof *emitter->field_sizes);
    if (!emitter->field_sizes)
        return -ENOMEM;
    for (int i = 0; i < CATALOGUE_EVENT_COUNT; i++)
        for (int j = 0; j < CATALOGUE_MAX_FIELDS; j++) {
            uint32_t size = sizes[i * CATALOGUE_MAX_FIELDS + j];

            emitter->field_sizes[i][j] = size > UINT16_MAX ? UINT16_MAX : (uint16_t)size;
        }
    return 0;
}

int emitter_set_rules(struct emitter *emitter, const void *blob, size_t size, const uint32_t *field_sizes)
{
    struct ruleset_options options = { .flags = RULESET_SLASH_IMAGE };
    struct emitter fresh = { 0 };
    int result = -ENOMEM;

    if (ruleset_create(&fresh.rules, blob, size, &options, &memory))
        return -EINVAL;
    fresh.scratch = malloc(ruleset_scratch_size(fresh.rules) + 1);
    if (!fresh.scratch || (result = rule_hits_create(&fresh.hits)) || (result = copy_sizes(&fresh, field_sizes))) {
        forget_rules(&fresh);
        return result;
    }
    forget_rules(emitter);
    emitter->rules = fresh.rules;
    emitter->scratch = fresh.scratch;
    emitter->hits = fresh.hits;
    emitter->field_sizes = fresh.field_sizes;
    return 0;
}

void emitter_saw(struct emitter *emitter, enum catalogue_event_id id)
{
    accounting_of(&emitter->accounting, catalogue_find(id))->seen++;
}

void emitter_lost(struct emitter *emitter, enum catalogue_event_id id, enum loss_cause cause, uint64_t count)
{
    accounting_of(&emitter->accounting, catalogue_find(id))->lost[cause] += count;
}

static void match(struct emitter *emitter, const struct event *event, struct match_result *result)
{
    ruleset_match(emitter->rules, event->type, event->text, 0, emitter->scratch, result);
}

bool emitter_wants(struct emitter *emitter, const struct event *event)
{
    struct match_result result;

    match(emitter, event, &result);
    return result.decision == MATCH_LOG;
}

/* Without FieldSizes nothing is shortened: this system's outputs carry any length. */
static void trim(struct emitter *emitter, struct event *event)
{
    const uint16_t *sizes = emitter->field_sizes ? emitter->field_sizes[event->type - catalogue_events] : NULL;

    for (unsigned i = 0; sizes && i < event->type->field_count; i++)
        if (sizes[i]) {
            event_trim(event, sizes);
            return;
        }
}

bool emitter_emit(struct emitter *emitter, struct event *event)
{
    struct accounting_row *row = accounting_of(&emitter->accounting, event->type);
    struct match_result result;

    if (event->type->tag) {
        match(emitter, event, &result);
        rule_hits_count(emitter->hits, event->type, &result);
        if (result.decision != MATCH_LOG) {
            row->filtered++;
            return false;
        }
        event_set_text(event, RULE_NAME_FIELD, result.rule_name, result.rule_name_size);
        trim(emitter, event);
    }
    row->logged++;
    emitter->write(emitter->context, event);
    return true;
}
