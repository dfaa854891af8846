/* SPDX-License-Identifier: MIT */
/*
 * The last stage: an event is matched against the rules and, when wanted, given to the outputs. Counts both ways, so that
 * for every event type seen = delivered + filtered + lost.
 */
#pragma once

#include "sysmon/ruleset.h"

struct emitter_counters {
    uint64_t filtered, delivered;
};

/* Takes an event that is wanted. Borrowed texts are copied or written before it returns. */
typedef void emitter_write_function(void *context, struct event *event);

struct emitter {
    struct ruleset *rules;
    void *scratch;
    emitter_write_function *write;
    void *context;
    struct emitter_counters counters[CATALOGUE_EVENT_COUNT];
};

int emitter_create(struct emitter *out, emitter_write_function *write, void *context);
void emitter_destroy(struct emitter *emitter);
/* Replaces the rules; `blob` NULL: manifest defaults decide. On failure the old ones stay. */
int emitter_set_rules(struct emitter *emitter, const void *blob, size_t size);

/* Decides, sets RuleName, writes. Events without a rule tag (4, 16, 255) are always written. True: written. */
bool emitter_emit(struct emitter *emitter, struct event *event);
/* Only decides; nothing is counted. `result` may be NULL. */
bool emitter_wants(struct emitter *emitter, const struct event *event, struct match_result *result);
