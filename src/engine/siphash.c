/* SPDX-License-Identifier: MIT */
/* SipHash-2-4 over a stream of pieces. */
#include "siphash.h"

static uint64_t rotate(uint64_t value, unsigned by)
{
    return value << by | value >> (64 - by);
}

static uint64_t little(const uint8_t *bytes)
{
    uint64_t value = 0;

    for (unsigned i = 8; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static void rounds(uint64_t v[4], unsigned count)
{
    while (count--) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

static void mix(struct siphash *state, uint64_t word)
{
    state->v[3] ^= word;
    rounds(state->v, 2);
    state->v[0] ^= word;
}

void siphash_begin(struct siphash *state, const uint8_t key[16])
{
    uint64_t k0 = little(key), k1 = little(key + 8);

    state->v[0] = k0 ^ 0x736f6d6570736575ull;
    state->v[1] = k1 ^ 0x646f72616e646f6dull;
    state->v[2] = k0 ^ 0x6c7967656e657261ull;
    state->v[3] = k1 ^ 0x7465646279746573ull;
    state->tail = 0;
    state->total = 0;
}

void siphash_add(struct siphash *state, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++) {
        state->tail |= (uint64_t)bytes[i] << (state->total % 8 * 8);
        if (++state->total % 8 == 0) {
            mix(state, state->tail);
            state->tail = 0;
        }
    }
}

uint64_t siphash_end(struct siphash *state)
{
    mix(state, state->tail | state->total << 56);
    state->v[2] ^= 0xff;
    rounds(state->v, 4);
    return state->v[0] ^ state->v[1] ^ state->v[2] ^ state->v[3];
}
