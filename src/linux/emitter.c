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
    return emitter_set_rules(out, NULL, 0);
}

void emitter_destroy(struct emitter *emitter)
{
    if (emitter->rules)
        ruleset_destroy(emitter->rules);
    free(emitter->scratch);
    memset(emitter, 0, sizeof *emitter);
}

int emitter_set_rules(struct emitter *emitter, const void *blob, size_t size)
{
    struct ruleset_options options = { .flags = RULESET_SLASH_IMAGE };
    struct ruleset *rules;
    void *scratch;

    if (ruleset_create(&rules, blob, size, &options, &memory))
        return -EINVAL;
    scratch = malloc(ruleset_scratch_size(rules) + 1);
    if (!scratch) {
        ruleset_destroy(rules);
        return -ENOMEM;
    }
    if (emitter->rules)
        ruleset_destroy(emitter->rules);
    free(emitter->scratch);
    emitter->rules = rules;
    emitter->scratch = scratch;
    return 0;
}

bool emitter_wants(struct emitter *emitter, const struct event *event, struct match_result *result)
{
    struct match_result unused;

    if (!result)
        result = &unused;
    ruleset_match(emitter->rules, event->type, event->text, 0, emitter->scratch, result);
    return result->decision == MATCH_LOG;
}

bool emitter_emit(struct emitter *emitter, struct event *event)
{
    struct emitter_counters *count = &emitter->counters[event->type - catalogue_events];
    struct match_result result;

    if (event->type->tag) {
        if (!emitter_wants(emitter, event, &result)) {
            count->filtered++;
            return false;
        }
        event_set_text(event, RULE_NAME_FIELD, result.rule_name, result.rule_name_size);
    }
    count->delivered++;
    emitter->write(emitter->context, event);
    return true;
}
