/* SPDX-License-Identifier: MIT */
/*
 * The last stage: an event is matched against the rules and, when wanted, given to the outputs. Everything is counted, so
 * that for every event type seen = logged + filtered + lost + held.
 */
#pragma once

#include "sysmon/accounting.h"
#include "sysmon/rule_hits.h"
#include "sysmon/ruleset.h"

/* Takes an event that is wanted. Borrowed texts are copied or written before it returns. */
typedef void emitter_write_function(void *context, struct event *event);

struct emitter {
    struct ruleset *rules;
    struct rule_hits *hits;
    void *scratch;
    uint16_t (*field_sizes)[CATALOGUE_MAX_FIELDS]; /* by event; NULL: none */
    emitter_write_function *write;
    void *context;
    struct accounting accounting;
};

int emitter_create(struct emitter *out, emitter_write_function *write, void *context);
void emitter_destroy(struct emitter *emitter);
/*
 * Replaces the rules; `blob` NULL: manifest defaults decide. `field_sizes` as in struct config, may be NULL. Negative errno
 * on failure: the old ones stay.
 */
int emitter_set_rules(struct emitter *emitter, const void *blob, size_t size, const uint32_t *field_sizes);

/* Counts an event as seen. Each event once: before it is emitted, held or lost. */
void emitter_saw(struct emitter *emitter, enum catalogue_event_id id);
/* Counts an event, seen before, as lost. */
void emitter_lost(struct emitter *emitter, enum catalogue_event_id id, enum loss_cause cause, uint64_t count);
/* Decides, sets RuleName, writes. Events without a rule tag (4, 16, 255) are always written. True: written. */
bool emitter_emit(struct emitter *emitter, struct event *event);
/* Only decides; nothing is counted. */
bool emitter_wants(struct emitter *emitter, const struct event *event);
