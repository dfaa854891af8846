/* SPDX-License-Identifier: MIT */
/* Rule hits: rows in order of first hit, found through open addressing. */
#include "sysmon/rule_hits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>


struct rule_hits {
    unsigned count, capacity;
    struct rule_hit *row;
    uint16_t *slot; /* row + 1, 0 = free; grows with the rows */
    unsigned slots;
};

int rule_hits_create(struct rule_hits **out)
{
    struct rule_hits *hits = calloc(1, sizeof *hits);

    if (!hits)
        return -ENOMEM;
    *out = hits;
    return 0;
}

void rule_hits_destroy(struct rule_hits *hits)
{
    if (!hits)
        return;
    free(hits->row);
    free(hits->slot);
    free(hits);
}

static unsigned slot_of(const struct rule_hits *hits, const struct rule_hit *key)
{
    uint64_t hash = ((uintptr_t)key->name ^ (uint64_t)key->type->id << 40 ^ (uint64_t)(uint32_t)key->block << 48) * 0x9e3779b97f4a7c15ull;
    unsigned at = (unsigned)(hash >> 40) & (hits->slots - 1);

    for (; hits->slot[at]; at = (at + 1) & (hits->slots - 1)) {
        const struct rule_hit *row = &hits->row[hits->slot[at] - 1];

        if (row->name == key->name && row->type == key->type && row->block == key->block)
            break;
    }
    return at;
}

static bool grow(struct rule_hits *hits)
{
    unsigned capacity = hits->capacity ? hits->capacity * 2 : 64;
    struct rule_hit *row;
    uint16_t *slot = calloc(capacity * 4, sizeof *slot);

    if (!slot)
        return false;
    row = realloc(hits->row, capacity * sizeof *row);
    if (!row) {
        free(slot);
        return false;
    }
    free(hits->slot);
    hits->row = row;
    hits->slot = slot;
    hits->capacity = capacity;
    hits->slots = capacity * 4;
    for (unsigned i = 0; i < hits->count; i++)
        hits->slot[slot_of(hits, &hits->row[i])] = (uint16_t)(i + 1);
    return true;
}

static struct rule_hit *row_of(struct rule_hits *hits, struct rule_hit key)
{
    unsigned at;

    for (int attempt = 0; attempt < 2; attempt++) {
        if (!hits->slots && !grow(hits))
            return NULL;
        at = slot_of(hits, &key);
        if (hits->slot[at])
            return &hits->row[hits->slot[at] - 1];
        /* The last rows are kept for blocks without a name. */
        if (hits->count < RULE_HITS_MAX - (key.name ? 1024u : 0u) && (hits->count < hits->capacity || grow(hits))) {
            at = slot_of(hits, &key);
            hits->row[hits->count] = key;
            hits->slot[at] = (uint16_t)++hits->count;
            return &hits->row[hits->count - 1];
        }
        key.name = NULL;
        key.name_size = 0;
    }
    return NULL;
}

void rule_hits_count(struct rule_hits *hits, const struct catalogue_event *type, const struct match_result *result)
{
    struct rule_hit *row = row_of(hits, (struct rule_hit){ .type = type, .block = result->block, .name = result->rule_name,
                                                           .name_size = result->rule_name ? result->rule_name_size : 0 });

    if (!row)
        return;
    row->logged += result->decision == MATCH_LOG;
    row->dropped += result->decision != MATCH_LOG;
}

unsigned rule_hits_size(const struct rule_hits *hits)
{
    return hits->count;
}

const struct rule_hit *rule_hits_get(const struct rule_hits *hits, unsigned index)
{
    return &hits->row[index];
}
