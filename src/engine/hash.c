/* SPDX-License-Identifier: MIT */
/* File hashes: algorithm lists, one pass over a file, and the text of the Hashes fields. */
#include "sysmon/hash.h"

#include "port/digest.h"
#include "sysmon/pe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (64u << 10)

static const struct {
    const char *name, *accepted[2];
    uint32_t bit;
    unsigned size;
} algorithms[] = {
    { "SHA1", { "sha1", "sha-1" }, HASH_SHA1, 20 },
    { "MD5", { "md5", "md-5" }, HASH_MD5, 16 },
    { "SHA256", { "sha256", "sha-256" }, HASH_SHA256, 32 },
    { "IMPHASH", { "imphash", "imp-hash" }, HASH_IMPHASH, 16 },
};
#define ALGORITHM_COUNT (sizeof algorithms / sizeof *algorithms)

uint32_t hash_mask(uint32_t registry)
{
    if (registry & HASH_REGISTRY_SEVERAL)
        return registry & HASH_ALL;
    return registry >= 1 && registry <= ALGORITHM_COUNT ? 1u << (registry - 1) : 0;
}

uint32_t hash_registry(uint32_t mask)
{
    for (uint32_t i = 0; i < ALGORITHM_COUNT; i++)
        if (mask == 1u << i)
            return i + 1;
    return mask & HASH_ALL ? HASH_REGISTRY_SEVERAL | (mask & HASH_ALL) : 0;
}

/* ASCII only: the names are, and a locale must not change what a configuration means. */
static bool same_word(const char *word, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];

        if (!word[i] || word[i] != c)
            return false;
    }
    return !word[size];
}

static uint32_t algorithm_bit(const char *name, size_t size)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++)
        for (int spelling = 0; spelling < 2; spelling++)
            if (same_word(algorithms[i].accepted[spelling], name, size))
                return algorithms[i].bit;
    return 0;
}

int hash_parse(uint32_t *registry, const char *text, size_t size, const char **bad, size_t *bad_size)
{
    const char *end = text + size;
    uint32_t mask = 0;
    unsigned count = 0;

    if (same_word("*", text, size) || same_word("all", text, size)) {
        *registry = HASH_REGISTRY_SEVERAL | HASH_ALL;
        return 0;
    }
    for (const char *name = text;; name++) {
        const char *stop = memchr(name, ',', (size_t)(end - name));
        uint32_t bit;

        if (!stop)
            stop = end;
        bit = algorithm_bit(name, (size_t)(stop - name));
        if (!bit) {
            if (bad)
                *bad = name;
            if (bad_size)
                *bad_size = (size_t)(stop - name);
            return -EINVAL;
        }
        mask |= bit;
        count++;
        if (stop == end)
            break;
        name = stop;
    }
    /* A name given twice makes the choice "several" of one, as the original stores it. */
    *registry = count == 1 ? hash_registry(mask) : HASH_REGISTRY_SEVERAL | mask;
    return 0;
}

static int digest_source(struct digest *digest, const struct byte_source *source)
{
    uint8_t *block = malloc(BLOCK_SIZE);
    uint64_t offset = 0;
    int64_t got;
    int error = 0;

    if (!block)
        return -ENOMEM;
    while (!error && (got = source->read(source->context, offset, block, BLOCK_SIZE)) != 0) {
        if (got < 0)
            error = (int)got;
        else
            error = digest_update(digest, block, (size_t)got);
        offset += got > 0 ? (uint64_t)got : 0;
    }
    free(block);
    return error;
}

/* The mask bits of SHA1, MD5 and SHA256 are the digest's own: 1 << DIGEST_… */
static int digests(struct hash_values *values, uint32_t mask, const struct byte_source *source)
{
    struct digest *digest;
    struct digest_values result;
    int error = digest_open(&digest, mask);

    if (error)
        return error;
    error = digest_source(digest, source);
    if (!error)
        error = digest_finish(digest, &result);
    if (!error) {
        memcpy(values->sha1, result.value[DIGEST_SHA1], sizeof values->sha1);
        memcpy(values->md5, result.value[DIGEST_MD5], sizeof values->md5);
        memcpy(values->sha256, result.value[DIGEST_SHA256], sizeof values->sha256);
    }
    digest_close(digest);
    return error;
}

int hash_compute(struct hash_values *out, uint32_t mask, const struct byte_source *source)
{
    struct hash_values values = { .mask = mask & HASH_ALL };
    int error = 0;

    _Static_assert(HASH_SHA1 == DIGEST_BIT(DIGEST_SHA1) && HASH_MD5 == DIGEST_BIT(DIGEST_MD5)
                   && HASH_SHA256 == DIGEST_BIT(DIGEST_SHA256), "one numbering");
    if (mask & DIGEST_ALL)
        error = digests(&values, mask & DIGEST_ALL, source);
    if (!error && (mask & HASH_IMPHASH)) {
        error = pe_imphash(source, values.imphash);
        if (error == -EINVAL || error == -ENOENT)
            error = 0;
    }
    if (!error)
        *out = values;
    return error;
}

unsigned hash_format(char out[HASH_TEXT_SIZE], const struct hash_values *values, bool upper)
{
    const uint8_t *const bytes[] = { values->sha1, values->md5, values->sha256, values->imphash };
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned used = 0;

    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        if (!(values->mask & algorithms[i].bit))
            continue;
        if (used)
            out[used++] = ',';
        for (const char *c = algorithms[i].name; *c; c++)
            out[used++] = *c;
        out[used++] = '=';
        for (unsigned b = 0; b < algorithms[i].size; b++) {
            out[used++] = digits[bytes[i][b] >> 4];
            out[used++] = digits[bytes[i][b] & 15];
        }
    }
    out[used] = '\0';
    return used;
}
