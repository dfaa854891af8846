/* SPDX-License-Identifier: MIT */
/*
 * Message digests from the system's library (libcrypto on Linux, CNG or CryptoAPI on Windows), several over one pass.
 *
 *   digest_open(&d, DIGEST_BIT(DIGEST_SHA1) | DIGEST_BIT(DIGEST_SHA256));
 *   while (more) digest_update(d, block, size);
 *   digest_finish(d, &values);          and the next message may begin
 *   digest_close(d);
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum digest_algorithm { DIGEST_SHA1, DIGEST_MD5, DIGEST_SHA256, DIGEST_COUNT };

#define DIGEST_BIT(algorithm) (1u << (algorithm))
#define DIGEST_ALL (DIGEST_BIT(DIGEST_COUNT) - 1)
#define DIGEST_MAX_SIZE 32

struct digest; /* one thread at a time */

struct digest_values {
    uint8_t value[DIGEST_COUNT][DIGEST_MAX_SIZE]; /* digest_size() bytes count; those not asked for are zero */
};

/* Bytes of a value: 20, 16, 32. */
unsigned digest_size(enum digest_algorithm algorithm);

/* `mask`: DIGEST_BITs, at least one. -ENOMEM, -EINVAL, or -ENOTSUP when the system refuses an algorithm (FIPS mode and MD5). */
int digest_open(struct digest **out, uint32_t mask);
int digest_update(struct digest *digest, const void *data, size_t size);
/* Fills `out` and starts afresh. On failure `out` is untouched and the digest may only be closed. */
int digest_finish(struct digest *digest, struct digest_values *out);
/* Forgets what was fed since the start. */
int digest_restart(struct digest *digest);
/* NULL is allowed. */
void digest_close(struct digest *digest);
