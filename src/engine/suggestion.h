/* SPDX-License-Identifier: MIT */
/* "Did you mean …?": the candidate nearest to a misspelt word. */
#pragma once

#include <stddef.h>

struct suggestion {
    const char *word;  /* what was written */
    const char *best;  /* NULL: nothing near enough yet */
    unsigned distance; /* of `best` */
};

struct suggestion suggestion_start(const char *word);
/* Candidates offered earlier win ties. Texts are borrowed. */
void suggestion_offer(struct suggestion *suggestion, const char *candidate);
/* Edits (insert, delete, replace, swap of neighbours) between two words, ASCII case ignored; at most `limit` + 1. */
unsigned suggestion_distance(const char *a, const char *b, unsigned limit);
