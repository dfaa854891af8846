/* SPDX-License-Identifier: MIT */
#include "file_facts.h"
#include "file_identity.h"
#include "wide_file.h"
#include "wide.h"

#include "sysmon/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_SIZE 512 /* files; a newcomer replaces what is in its place */

struct entry {
    struct file_identity identity;
    char text[HASH_TEXT_SIZE];
};

struct file_facts {
    CRITICAL_SECTION lock;
    uint32_t mask;
    struct entry cache[CACHE_SIZE];
};

DWORD file_facts_open(struct file_facts **out)
{
    struct file_facts *facts = calloc(1, sizeof(*facts));

    if (!facts)
        return ERROR_OUTOFMEMORY;
    InitializeCriticalSection(&facts->lock);
    facts->mask = HASH_DEFAULT;
    *out = facts;
    return ERROR_SUCCESS;
}

void file_facts_close(struct file_facts *facts)
{
    if (!facts)
        return;
    DeleteCriticalSection(&facts->lock);
    free(facts);
}

void file_facts_set_algorithms(struct file_facts *facts, uint32_t mask)
{
    EnterCriticalSection(&facts->lock);
    facts->mask = mask ? mask : HASH_DEFAULT;
    LeaveCriticalSection(&facts->lock);
}

static struct entry *slot_of(struct file_facts *facts, const struct file_identity *identity)
{
    return &facts->cache[file_identity_hash(identity) % CACHE_SIZE];
}

static struct match_text hash_file(struct file_facts *facts, struct pool *pool, HANDLE file, const struct file_identity *before)
{
    struct byte_source source = wide_file_source(&file);
    struct hash_values values;
    struct file_identity after;
    struct entry made = { .identity = *before };

    if (hash_compute(&values, before->mark, &source))
        return (struct match_text){ NULL, 0 };
    hash_format(made.text, &values, true);
    if (file_identify(file, before->mark, &after) && !memcmp(&after, before, sizeof(after))) { /* nobody wrote meanwhile */
        EnterCriticalSection(&facts->lock);
        *slot_of(facts, before) = made;
        LeaveCriticalSection(&facts->lock);
    }
    return pool_text(pool, made.text, strlen(made.text));
}

struct match_text file_facts_hashes(struct file_facts *facts, struct pool *pool, struct match_text path)
{
    struct match_text text = { NULL, 0 };
    struct file_identity identity;
    const struct entry *entry;
    HANDLE file = wide_file_open_utf8(path.data, path.size);

    if (file == INVALID_HANDLE_VALUE)
        return text;
    if (file_identify(file, facts->mask, &identity)) {
        EnterCriticalSection(&facts->lock);
        entry = slot_of(facts, &identity);
        if (!memcmp(&entry->identity, &identity, sizeof(identity)))
            text = pool_text(pool, entry->text, strlen(entry->text));
        LeaveCriticalSection(&facts->lock);
        if (!text.size)
            text = hash_file(facts, pool, file, &identity);
    }
    CloseHandle(file);
    return text;
}

int file_facts_version(struct match_text path, struct pe_version *out)
{
    HANDLE file = wide_file_open_utf8(path.data, path.size);
    struct byte_source source;
    int status;

    if (file == INVALID_HANDLE_VALUE)
        return -ENOENT;
    source = wide_file_source(&file);
    status = pe_version(&source, out);
    CloseHandle(file);
    return status;
}
