/* SPDX-License-Identifier: MIT */
/* The DNS results one process has had. */
#include "dns_set.h"

#include "sysmon/process_table.h"

#include <stdlib.h>
#include <string.h>

static uint16_t *slots_of(const struct dns_set *set)
{
    return (uint16_t *)(set->ring + set->capacity);
}

size_t dns_set_bytes(const struct dns_set *set)
{
    return set->capacity * sizeof(uint64_t) + set->slots * sizeof(uint16_t);
}

void dns_set_free(struct dns_set *set)
{
    free(set->ring);
    memset(set, 0, sizeof *set);
}

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t slot_of(const struct dns_set *set, uint64_t key)
{
    const uint16_t *slot = slots_of(set);
    uint32_t at = (uint32_t)key & (set->slots - 1);

    while (slot[at] && set->ring[slot[at] - 1] != key)
        at = (at + 1) & (set->slots - 1);
    return at;
}

/* Frees a slot and moves later ones of its run up, so that no search stops short. */
static void release(struct dns_set *set, uint32_t at)
{
    uint16_t *slot = slots_of(set);
    uint32_t mask = set->slots - 1, next = at;

    for (;;) {
        uint32_t home;

        slot[at] = 0;
        do {
            next = (next + 1) & mask;
            if (!slot[next])
                return;
            home = (uint32_t)set->ring[slot[next] - 1] & mask;
        } while (((next - home) & mask) < ((next - at) & mask));
        slot[at] = slot[next];
        at = next;
    }
}

/* Only a set that is not yet at its greatest size grows, and such a ring has never turned. */
static bool grow(struct dns_set *set)
{
    struct dns_set larger = { .count = set->count };
    uint32_t wanted = set->capacity ? set->capacity * 4 : 16;

    larger.capacity = wanted < PROCESS_MAX_DNS ? wanted : PROCESS_MAX_DNS;
    for (larger.slots = 32; larger.slots < 2 * larger.capacity;)
        larger.slots *= 2;
    larger.ring = calloc(1, dns_set_bytes(&larger));
    if (!larger.ring)
        return false;
    for (uint32_t i = 0; i < set->count; i++) {
        larger.ring[i] = set->ring[i];
        slots_of(&larger)[slot_of(&larger, set->ring[i])] = (uint16_t)(i + 1);
    }
    free(set->ring);
    *set = larger;
    return true;
}

enum dns_set_result dns_set_add(struct dns_set *set, uint64_t key)
{
    enum dns_set_result result = DNS_SET_NEW;
    uint32_t position = set->count;

    if (set->count && slots_of(set)[slot_of(set, key)])
        return DNS_SET_KNOWN;
    if (set->count == set->capacity && set->capacity < PROCESS_MAX_DNS && !grow(set))
        return DNS_SET_NO_MEMORY;
    if (set->count == set->capacity) {
        position = set->oldest;
        release(set, slot_of(set, set->ring[position]));
        set->oldest = (position + 1) % set->capacity;
        result = DNS_SET_NEW_FORGOT;
    } else {
        set->count++;
    }
    set->ring[position] = key;
    slots_of(set)[slot_of(set, key)] = (uint16_t)(position + 1);
    return result;
}
