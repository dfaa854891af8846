/* SPDX-License-Identifier: MIT */
/* Digests through libcrypto's EVP interface. */
#include "port/digest.h"

#include <openssl/evp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct digest {
    EVP_MD_CTX *context[DIGEST_COUNT]; /* NULL: not asked for */
};

unsigned digest_size(enum digest_algorithm algorithm)
{
    static const unsigned size[DIGEST_COUNT] = { 20, 16, 32 };
    return size[algorithm];
}

static const EVP_MD *method(enum digest_algorithm algorithm)
{
    switch (algorithm) {
    case DIGEST_SHA1: return EVP_sha1();
    case DIGEST_MD5: return EVP_md5();
    case DIGEST_SHA256: return EVP_sha256();
    default: return NULL;
    }
}

int digest_restart(struct digest *digest)
{
    for (int i = 0; i < DIGEST_COUNT; i++)
        if (digest->context[i] && EVP_DigestInit_ex(digest->context[i], method(i), NULL) != 1)
            return -ENOTSUP;
    return 0;
}

int digest_open(struct digest **out, uint32_t mask)
{
    struct digest *digest;
    int error = -ENOMEM;

    if (!mask || (mask & ~DIGEST_ALL))
        return -EINVAL;
    digest = calloc(1, sizeof *digest);
    if (!digest)
        return -ENOMEM;
    for (int i = 0; i < DIGEST_COUNT; i++)
        if ((mask & DIGEST_BIT(i)) && !(digest->context[i] = EVP_MD_CTX_new()))
            goto fail;
    error = digest_restart(digest);
    if (error)
        goto fail;
    *out = digest;
    return 0;
fail:
    digest_close(digest);
    return error;
}

int digest_update(struct digest *digest, const void *data, size_t size)
{
    for (int i = 0; i < DIGEST_COUNT; i++)
        if (digest->context[i] && EVP_DigestUpdate(digest->context[i], data, size) != 1)
            return -EIO;
    return 0;
}

int digest_finish(struct digest *digest, struct digest_values *out)
{
    struct digest_values values = { 0 };
    int error;

    for (int i = 0; i < DIGEST_COUNT; i++)
        if (digest->context[i] && EVP_DigestFinal_ex(digest->context[i], values.value[i], NULL) != 1)
            return -EIO;
    error = digest_restart(digest);
    if (!error)
        memcpy(out, &values, sizeof values);
    return error;
}

void digest_close(struct digest *digest)
{
    if (!digest)
        return;
    for (int i = 0; i < DIGEST_COUNT; i++)
        EVP_MD_CTX_free(digest->context[i]);
    free(digest);
}
