/* SPDX-License-Identifier: MIT */
/* A file and its content: whoever changes the content changes one of these, unless he hides it with rights to do worse. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

struct file_identity {
    uint64_t id, size, written;
    uint32_t volume, mark; /* the owner's own: algorithms, options */
};

/* False: the handle tells nothing. Every byte is defined, so that identities compare with memcmp. */
bool file_identify(HANDLE file, uint32_t mark, struct file_identity *out);
/* Spreads well over any range. */
uint64_t file_identity_hash(const struct file_identity *identity);
