/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include <stdio.h>
#include <string.h>

#include "host.h"
#include "loader.h"
#include "sched.h"
#include "verify.h"

enum { PLACES = 8192, SEEN = 65536, DEPTH = 24 };

static enum { OFF, COUNTING, ARMED } mode;
static unsigned seen, target;
static uint64_t known[PLACES];     /* open addressing; places already failed */
static uint64_t places[SEEN];      /* of this counting run, by call number */
static char fired[256];

void fault_count(void)
{
    mode = COUNTING;
    seen = 0;
    fired[0] = 0;
}

void fault_arm(unsigned number)
{
    mode = ARMED;
    seen = 0;
    target = number;
    fired[0] = 0;
}

void fault_off(void) { mode = OFF; }
unsigned fault_seen(void) { return seen; }
const char *fault_fired(void) { return fired[0] ? fired : NULL; }
void fault_forget_places(void) { memset(known, 0, sizeof known); }

/* The function and every return address of the driver above it; the test's own frames do not matter. */
static uint64_t place_hash(const struct export *entry)
{
    uintptr_t pcs[DEPTH];
    size_t count = host_backtrace(NULL, pcs, DEPTH);
    uint64_t hash = 0xcbf29ce484222325;

    for (const char *c = entry->name; *c; c++)
        hash = (hash ^ (uint8_t)*c) * 0x100000001b3;
    for (size_t i = 0; i < count; i++)
        if (loader_contains(pcs[i]))
            hash = (hash ^ loader_offset(pcs[i])) * 0x100000001b3;
    return hash ? hash : 1;
}

bool fault_hit(const struct export *entry, uintptr_t caller)
{
    if (mode == OFF)
        return false;
    seen++;
    if (mode == COUNTING) {
        if (seen <= SEEN)
            places[seen - 1] = place_hash(entry);
        return false;
    }
    if (seen != target)
        return false;
    snprintf(fired, sizeof fired, "call %u, %s from %s", seen, entry->name, place(caller));
    return true;
}

bool fault_point(const char *name)
{
    struct export entry = {name, NULL, FAILS_STATUS, 0, NULL};

    return fault_hit(&entry, self()->gate_caller);
}

static bool learn(uint64_t hash)
{
    size_t i = hash % PLACES;

    for (size_t tries = 0; known[i] && tries < PLACES; tries++, i = (i + 1) % PLACES)
        if (known[i] == hash)
            return false;
    known[i] = hash;
    return true;
}

size_t fault_new_places(unsigned *numbers, size_t room)
{
    size_t n = 0;

    for (unsigned i = 0; i < seen && i < SEEN && n < room; i++)
        if (learn(places[i]))
            numbers[n++] = i + 1;
    return n;
}
