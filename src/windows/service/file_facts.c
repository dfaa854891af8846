/* SPDX-License-Identifier: MIT */
#include "file_facts.h"
#include "wide_file.h"
#include "wide.h"

#include "sysmon/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_SIZE 512 /* files; a newcomer replaces what is in its place */

/* A file and its content: any change of the content changes one of these, unless somebody with rights to do worse hides it. */
struct identity {
    uint64_t id, size, written;
    uint32_t volume, mask;
};

struct entry {
    struct identity identity;
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

static bool identify(HANDLE file, uint32_t mask, struct identity *out)
{
    BY_HANDLE_FILE_INFORMATION info;

    if (!GetFileInformationByHandle(file, &info))
        return false;
    memset(out, 0, sizeof(*out));
    out->id = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
    out->size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    out->written = (uint64_t)info.ftLastWriteTime.dwHighDateTime << 32 | info.ftLastWriteTime.dwLowDateTime;
    out->volume = info.dwVolumeSerialNumber;
    out->mask = mask;
    return true;
}

static struct entry *slot_of(struct file_facts *facts, const struct identity *identity)
{
    return &facts->cache[(identity->id * 0x9E3779B97F4A7C15ull ^ identity->volume) % CACHE_SIZE];
}

static struct match_text hash_file(struct file_facts *facts, struct pool *pool, HANDLE file, const struct identity *before)
{
    struct byte_source source = wide_file_source(&file);
    struct hash_values values;
    struct identity after;
    struct entry made = { .identity = *before };

    if (hash_compute(&values, before->mask, &source))
        return (struct match_text){ NULL, 0 };
    hash_format(made.text, &values, true);
    if (identify(file, before->mask, &after) && !memcmp(&after, before, sizeof(after))) { /* nobody wrote meanwhile */
        EnterCriticalSection(&facts->lock);
        *slot_of(facts, before) = made;
        LeaveCriticalSection(&facts->lock);
    }
    return pool_text(pool, made.text, strlen(made.text));
}

static HANDLE open_text(struct match_text path)
{
    char *terminated = malloc(path.size + 1);
    wchar_t *wide = NULL;
    HANDLE file = INVALID_HANDLE_VALUE;

    if (terminated) {
        memcpy(terminated, path.data, path.size);
        terminated[path.size] = 0;
        wide = wide_from_utf8(terminated);
    }
    if (wide)
        file = wide_file_open(wide);
    free(wide);
    free(terminated);
    return file;
}

struct match_text file_facts_hashes(struct file_facts *facts, struct pool *pool, struct match_text path)
{
    struct match_text text = { NULL, 0 };
    struct identity identity;
    const struct entry *entry;
    HANDLE file = open_text(path);

    if (file == INVALID_HANDLE_VALUE)
        return text;
    if (identify(file, facts->mask, &identity)) {
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
    HANDLE file = open_text(path);
    struct byte_source source;
    int status;

    if (file == INVALID_HANDLE_VALUE)
        return -ENOENT;
    source = wide_file_source(&file);
    status = pe_version(&source, out);
    CloseHandle(file);
    return status;
}
