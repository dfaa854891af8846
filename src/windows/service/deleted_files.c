/* SPDX-License-Identifier: MIT */
#include "deleted_files.h"
#include "archive_name.h"
#include "file_facts.h"
#include "wide.h"

#include "sysmon/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REMEMBERED 64 /* deletions under way; the oldest gives way */

struct remembered {
    uint32_t pid;
    char *path; /* NULL: free */
    size_t path_size;
    char hashes[HASH_TEXT_SIZE];
};

struct deleted_files {
    CRITICAL_SECTION lock;
    struct file_facts *facts;
    char directory[ARCHIVE_DIRECTORY_SIZE];
    struct remembered entries[REMEMBERED];
    unsigned next;
};

DWORD deleted_files_open(struct deleted_files **out, struct file_facts *facts)
{
    struct deleted_files *files = calloc(1, sizeof(*files));

    if (!files)
        return ERROR_OUTOFMEMORY;
    InitializeCriticalSection(&files->lock);
    files->facts = facts;
    *out = files;
    return ERROR_SUCCESS;
}

void deleted_files_close(struct deleted_files *files)
{
    if (!files)
        return;
    for (unsigned i = 0; i < REMEMBERED; i++)
        free(files->entries[i].path);
    DeleteCriticalSection(&files->lock);
    free(files);
}

void deleted_files_set_directory(struct deleted_files *files, const char *directory)
{
    EnterCriticalSection(&files->lock);
    snprintf(files->directory, sizeof(files->directory), "%s", directory);
    LeaveCriticalSection(&files->lock);
}

void deleted_files_remember(struct deleted_files *files, uint32_t pid, struct match_text path)
{
    struct pool pool = { 0 };
    struct match_text hashes = file_facts_hashes(files->facts, &pool, path);
    char *copy = hashes.size ? malloc(path.size + 1) : NULL;
    struct remembered *entry;

    if (copy) {
        memcpy(copy, path.data, path.size);
        EnterCriticalSection(&files->lock);
        entry = &files->entries[files->next++ % REMEMBERED];
        free(entry->path);
        *entry = (struct remembered){ .pid = pid, .path = copy, .path_size = path.size };
        snprintf(entry->hashes, sizeof(entry->hashes), "%.*s", (int)hashes.size, hashes.data);
        LeaveCriticalSection(&files->lock);
    }
    pool_free(&pool);
}

struct match_text deleted_files_recall(struct deleted_files *files, struct pool *pool, uint32_t pid, struct match_text path)
{
    struct match_text hashes = { NULL, 0 };

    EnterCriticalSection(&files->lock);
    for (unsigned i = 0; i < REMEMBERED && !hashes.size; i++) {
        struct remembered *entry = &files->entries[i];

        if (!entry->path || entry->pid != pid || entry->path_size != path.size || memcmp(entry->path, path.data, path.size))
            continue;
        hashes = pool_text(pool, entry->hashes, strlen(entry->hashes));
        free(entry->path);
        entry->path = NULL;
    }
    LeaveCriticalSection(&files->lock);
    return hashes;
}

struct match_text deleted_files_archive(struct deleted_files *files, struct pool *pool, struct match_text path, struct match_text name)
{
    struct match_text hashes = { NULL, 0 };
    char directory[ARCHIVE_DIRECTORY_SIZE], from[ARCHIVE_PATH_SIZE], to[ARCHIVE_PATH_SIZE];
    wchar_t *wide_from, *wide_to;

    EnterCriticalSection(&files->lock);
    memcpy(directory, files->directory, sizeof(directory));
    LeaveCriticalSection(&files->lock);
    if (archive_path(from, directory, path, name))
        return hashes;
    hashes = file_facts_hashes(files->facts, pool, (struct match_text){ from, (uint32_t)strlen(from) });
    if (!hashes.size || archive_final_path(to, directory, path, hashes))
        return hashes;
    wide_from = wide_from_utf8(from);
    wide_to = wide_from_utf8(to);
    if (wide_from && wide_to)
        MoveFileExW(wide_from, wide_to, MOVEFILE_REPLACE_EXISTING); /* the same hashes are the same content */
    free(wide_from);
    free(wide_to);
    return hashes;
}
