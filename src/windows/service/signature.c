/* SPDX-License-Identifier: MIT */
#include "signature.h"
#include "file_identity.h"
#include "verify.h"
#include "wide_file.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_SIZE 1024        /* files; a newcomer replaces what is in its place */
#define DEFAULT_QUEUE 5000     /* records that wait for a verification */
#define MAX_QUEUED_BYTES (32u << 20)

struct cached {
    struct file_identity identity;
    struct signature signature;
    bool used;
};

struct request {
    struct request *next;
    char *path;
    uint32_t path_size;
    size_t size;
    uint8_t record[];
};

struct signatures {
    CRITICAL_SECTION lock;
    HANDLE filled, thread;
    struct request *first, **last;
    size_t bytes;
    unsigned waiting, limit;
    bool stopping, check_revocation;
    signature_done done;
    void *context;
    struct cached cache[CACHE_SIZE];
};

/* ---- remembering ---- */

static bool cache_find(struct signatures *s, const struct file_identity *identity, struct signature *out)
{
    const struct cached *entry = &s->cache[file_identity_hash(identity) % CACHE_SIZE];
    bool found;

    EnterCriticalSection(&s->lock);
    found = entry->used && !memcmp(&entry->identity, identity, sizeof(*identity));
    if (found)
        *out = entry->signature;
    LeaveCriticalSection(&s->lock);
    return found;
}

static void cache_store(struct signatures *s, const struct file_identity *identity, const struct signature *signature)
{
    EnterCriticalSection(&s->lock);
    s->cache[file_identity_hash(identity) % CACHE_SIZE] = (struct cached){ *identity, *signature, true };
    LeaveCriticalSection(&s->lock);
}

bool signatures_find(struct signatures *s, struct match_text path, struct signature *out)
{
    struct file_identity identity;
    HANDLE file = wide_file_open_utf8(path.data, path.size);
    bool found = false;

    if (file == INVALID_HANDLE_VALUE) { /* nothing to verify any more */
        signature_describe(out, ERROR_FILE_NOT_FOUND, "");
        return true;
    }
    if (file_identify(file, s->check_revocation, &identity))
        found = cache_find(s, &identity, out);
    CloseHandle(file);
    return found;
}

/* ---- verifying ---- */

static void verify(struct signatures *s, const struct request *request, struct signature *out)
{
    struct file_identity before, after;
    HANDLE file = wide_file_open_utf8(request->path, request->path_size);
    char signer[256] = "";
    uint32_t result;

    if (file == INVALID_HANDLE_VALUE) {
        signature_describe(out, ERROR_FILE_NOT_FOUND, "");
        return;
    }
    if (!file_identify(file, s->check_revocation, &before) || !cache_find(s, &before, out)) {
        result = verify_file(file, request->path, s->check_revocation, signer, sizeof(signer));
        signature_describe(out, result, signer);
        if (file_identify(file, s->check_revocation, &after) && !memcmp(&before, &after, sizeof(after)))
            cache_store(s, &before, out);
    }
    CloseHandle(file);
}

static struct request *take(struct signatures *s)
{
    struct request *request;

    EnterCriticalSection(&s->lock);
    request = s->first;
    if (request) {
        s->first = request->next;
        if (!s->first)
            s->last = &s->first;
        s->bytes -= request->size;
        s->waiting--;
    }
    LeaveCriticalSection(&s->lock);
    return request;
}

static void request_free(struct request *request)
{
    free(request->path);
    free(request);
}

static DWORD WINAPI work(void *context)
{
    struct signatures *s = context;
    struct signature signature;
    struct request *request;

    for (;;) {
        request = take(s);
        if (!request && s->stopping)
            return 0;
        if (!request) {
            WaitForSingleObject(s->filled, INFINITE);
            continue;
        }
        memset(&signature, 0, sizeof(signature));
        if (s->stopping)
            memcpy(signature.is_signed, "failed", 7);
        else
            verify(s, request, &signature);
        s->done(s->context, &signature, request->record, request->size);
        request_free(request);
    }
}

bool signatures_queue(struct signatures *s, struct match_text path, const void *record, size_t size)
{
    struct request *request = malloc(sizeof(*request) + size);
    char *copy = malloc(path.size + 1);
    bool taken = false;

    if (request && copy) {
        memcpy(copy, path.data, path.size);
        copy[path.size] = 0;
        *request = (struct request){ .path = copy, .path_size = path.size, .size = size };
        memcpy(request->record, record, size);
        EnterCriticalSection(&s->lock);
        taken = !s->stopping && s->waiting < s->limit && s->bytes + size <= MAX_QUEUED_BYTES;
        if (taken) {
            *s->last = request;
            s->last = &request->next;
            s->bytes += size;
            s->waiting++;
        }
        LeaveCriticalSection(&s->lock);
    }
    if (taken) {
        SetEvent(s->filled);
    } else {
        free(request);
        free(copy);
    }
    return taken;
}

/* ---- life ---- */

DWORD signatures_open(struct signatures **out, signature_done done, void *context)
{
    struct signatures *s = calloc(1, sizeof(*s));
    DWORD error = ERROR_OUTOFMEMORY;

    if (!s)
        return error;
    InitializeCriticalSection(&s->lock);
    s->last = &s->first;
    s->limit = DEFAULT_QUEUE;
    s->check_revocation = true;
    s->done = done;
    s->context = context;
    s->filled = CreateEventW(NULL, FALSE, FALSE, NULL);
    s->thread = s->filled ? CreateThread(NULL, 0, work, s, 0, NULL) : NULL;
    if (!s->thread) {
        error = GetLastError();
        signatures_close(s);
        return error;
    }
    *out = s;
    return ERROR_SUCCESS;
}

void signatures_stop(struct signatures *s)
{
    EnterCriticalSection(&s->lock);
    s->stopping = true;
    LeaveCriticalSection(&s->lock);
    if (!s->thread)
        return;
    SetEvent(s->filled);
    WaitForSingleObject(s->thread, INFINITE);
    CloseHandle(s->thread);
    s->thread = NULL;
}

void signatures_close(struct signatures *s)
{
    if (!s)
        return;
    signatures_stop(s);
    if (s->filled)
        CloseHandle(s->filled);
    DeleteCriticalSection(&s->lock);
    free(s);
}

void signatures_configure(struct signatures *s, bool check_revocation, unsigned limit)
{
    EnterCriticalSection(&s->lock);
    s->check_revocation = check_revocation;
    s->limit = limit ? limit : DEFAULT_QUEUE;
    LeaveCriticalSection(&s->lock);
}
