/* SPDX-License-Identifier: MIT */
/* SipHash-2-4 (Aumasson and Bernstein): a keyed 64-bit hash for tables that outsiders fill. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct siphash {
    uint64_t v[4];
    uint64_t tail;  /* bytes not yet mixed in, low first */
    uint64_t total;
};

void siphash_begin(struct siphash *state, const uint8_t key[16]);
void siphash_add(struct siphash *state, const void *data, size_t size);
uint64_t siphash_end(struct siphash *state);
