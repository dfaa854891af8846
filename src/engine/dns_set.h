/* SPDX-License-Identifier: MIT */
/*
 * A set of at most PROCESS_MAX_DNS 64-bit keys that forgets the oldest: a ring of keys in order of arrival, and an
 * open-addressing index into it. Grows as needed; all memory is one block.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_set {
    uint32_t count, capacity; /* keys */
    uint32_t oldest;          /* ring position */
    uint32_t slots;           /* a power of two, at least twice the capacity */
    uint64_t *ring;           /* capacity keys, then the slots: ring position + 1, 0 = free */
};

enum dns_set_result { DNS_SET_NEW, DNS_SET_KNOWN, DNS_SET_NEW_FORGOT /* an older one gave way */, DNS_SET_NO_MEMORY };

enum dns_set_result dns_set_add(struct dns_set *set, uint64_t key);
/* Bytes held. */
size_t dns_set_bytes(const struct dns_set *set);
void dns_set_free(struct dns_set *set);
