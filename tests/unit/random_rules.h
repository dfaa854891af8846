/* SPDX-License-Identifier: MIT */
/* Random rules blobs and events whose few letters make everything meet everything. */
#pragma once

#include "sysmon/event.h"

struct random {
    uint64_t state;
};

uint32_t random_below(struct random *random, uint32_t limit);

#define RANDOM_BLOB_SIZE (2u << 20) /* 5 blocks, 120 Rules of 3 filters and 1 kB each */
#define RANDOM_TEXT_SIZE 64

/* A valid blob of a few blocks about one tag, whose first event is `*first`; returns its size. */
uint32_t random_blob(struct random *random, uint8_t *blob, const struct catalogue_event **first);
/* Texts for every field of `event`, some of them no UTF-8. `missing`: some have none. */
void random_fields(struct random *random, const struct catalogue_event *event, bool missing,
                   char storage[CATALOGUE_MAX_FIELDS][RANDOM_TEXT_SIZE], struct match_text fields[CATALOGUE_MAX_FIELDS]);
