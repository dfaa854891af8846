/* SPDX-License-Identifier: MIT */
/*
 * Files mapped for execution (event 7), told by the kernel's performance events: one record for every mapping with execute
 * permission, those of the program loader and of mprotect() included, and no cost for any other system call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping {
    uint64_t time; /* CLOCK_BOOTTIME, ns */
    uint32_t pid, tid;
    uint64_t inode;
    uint32_t major, minor;
    const char *path; /* as the process saw it; terminated */
    size_t path_size;
};

struct mappings;

/* One ring for every processor that is online. Negative errno on failure. */
int mappings_open(struct mappings **out);
void mappings_close(struct mappings *mappings);
/* Readable when there are records. */
int mappings_descriptor(const struct mappings *mappings);
/*
 * Hands over every mapping that happened before `until`; those behind it in its ring wait. Returns how many there were;
 * `*lost` is increased by those the kernel had no room for.
 */
unsigned mappings_read(struct mappings *mappings, uint64_t until, void (*tell)(void *context, const struct mapping *mapping),
                       void *context, uint64_t *lost);
/* Are there records that waited? */
bool mappings_waiting(const struct mappings *mappings);
