/* SPDX-License-Identifier: MIT */
/* File hashes: which algorithms, computing them, and the text of the Hashes fields (spec 02 section 3.5, 09 section 11). */
#pragma once

#include "sysmon/source.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Mask bits; ascending order is the order of the text. */
enum hash_algorithm { HASH_SHA1 = 1, HASH_MD5 = 2, HASH_SHA256 = 4, HASH_IMPHASH = 8, HASH_ALL = 15 };

/* Without a configured algorithm (spec 01 section 2.3). */
#define HASH_DEFAULT HASH_SHA256

/*
 * Registry form (value HashingAlgorithm): one algorithm is its ordinal 1..4, several are HASH_REGISTRY_SEVERAL | mask.
 * Both directions; hash_mask() returns 0 for 0 and for values that no version writes.
 */
#define HASH_REGISTRY_SEVERAL 0x80000000u
uint32_t hash_mask(uint32_t registry);
uint32_t hash_registry(uint32_t mask);

/*
 * Reads a list as given to HashAlgorithms and -h: `*`, `all`, or names separated by commas, without regard to case and
 * without blanks. Gives the registry form. On -EINVAL `bad` and `bad_size` (each may be NULL) point at the unknown name.
 */
int hash_parse(uint32_t *registry, const char *text, size_t size, const char **bad, size_t *bad_size);

struct hash_values {
    uint32_t mask; /* which members are valid */
    uint8_t sha1[20], md5[16], sha256[32];
    uint8_t imphash[16]; /* zero: not a PE file, or one without imports */
};

/*
 * Reads `source` once from the start, in blocks, and computes the algorithms of `mask`. -EIO and other negative values
 * of the source's read, -ENOMEM, -ENOTSUP.
 */
int hash_compute(struct hash_values *out, uint32_t mask, const struct byte_source *source);

#define HASH_TEXT_SIZE 200 /* all four take 195 bytes, and a terminator */

/*
 * `ALG=HEX` joined by commas for the valid algorithms; returns the size without terminator, 0 (an empty text) when none
 * is valid. Upper case on Windows, lower case on Linux.
 */
unsigned hash_format(char out[HASH_TEXT_SIZE], const struct hash_values *values, bool upper);

#ifdef __cplusplus
}
#endif
