/* SPDX-License-Identifier: MIT */
#include "users.h"
#include "system.h"
#include "wide.h"

#include <ntsecapi.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 256      /* open addressing by hash; a newcomer replaces what is in its place */
#define LOGONS 64
#define NAME_BYTES 600 /* two names of 256 characters would not fit any event anyway */
#define FAILURE_LIFE 60000 /* milliseconds until an unresolved SID is asked for again */

struct name_entry {
    uint32_t sid_size;
    uint8_t sid[SECURITY_MAX_SID_SIZE];
    char name[NAME_BYTES];
    DWORD asked;
    bool resolved;
};

struct logon_entry {
    uint64_t luid, time;
    bool used;
};

struct users {
    CRITICAL_SECTION lock;
    struct name_entry names[NAMES];
    struct logon_entry logons[LOGONS];
    NTSTATUS(NTAPI *logon_data)(PLUID, PSECURITY_LOGON_SESSION_DATA *);
    NTSTATUS(NTAPI *free_logon_data)(void *);
};

DWORD users_open(struct users **out)
{
    struct users *users = calloc(1, sizeof(*users));

    if (!users)
        return ERROR_OUTOFMEMORY;
    InitializeCriticalSection(&users->lock);
    users->logon_data = system_function("secur32.dll", "LsaGetLogonSessionData");
    users->free_logon_data = system_function("secur32.dll", "LsaFreeReturnBuffer");
    *out = users;
    return ERROR_SUCCESS;
}

void users_close(struct users *users)
{
    if (!users)
        return;
    DeleteCriticalSection(&users->lock);
    free(users);
}

/* Revision 1, at most 15 sub-authorities, and as long as it says. */
static bool sid_valid(const uint8_t *sid, uint32_t size)
{
    return size >= 8 && size <= SECURITY_MAX_SID_SIZE && sid[0] == 1 && sid[1] <= 15 && size >= 8u + 4u * sid[1];
}

static bool look_up(PSID sid, char *out, size_t size)
{
    wchar_t name[256], domain[256];
    DWORD name_size = 256, domain_size = 256;
    SID_NAME_USE use;
    char *name8 = NULL, *domain8 = NULL;
    bool done = false;

    if (!LookupAccountSidW(NULL, sid, name, &name_size, domain, &domain_size, &use))
        return false;
    name8 = wide_to_utf8(name);
    domain8 = wide_to_utf8(domain);
    if (name8 && domain8)
        done = snprintf(out, size, *domain8 ? "%s\\%s" : "%s%s", domain8, name8) > 0;
    free(name8);
    free(domain8);
    return done;
}

/* The name of an aligned, valid SID; false: it is the SID's own text. */
static bool resolve(PSID sid, char *out, size_t size)
{
    wchar_t *text;
    char *utf8;

    if (look_up(sid, out, size))
        return true;
    *out = 0;
    if (!ConvertSidToStringSidW(sid, &text))
        return false;
    utf8 = wide_to_utf8(text);
    LocalFree(text);
    if (utf8)
        snprintf(out, size, "%s", utf8);
    free(utf8);
    return false;
}

static struct name_entry *slot_of(struct users *users, const uint8_t *sid, uint32_t size)
{
    uint32_t hash = 2166136261u;

    for (uint32_t i = 0; i < size; i++)
        hash = (hash ^ sid[i]) * 16777619u;
    return &users->names[hash % NAMES];
}

static bool is_fresh(const struct name_entry *entry, const uint8_t *sid, uint32_t size)
{
    if (entry->sid_size != size || memcmp(entry->sid, sid, size))
        return false;
    return entry->resolved || GetTickCount() - entry->asked < FAILURE_LIFE;
}

struct match_text users_name(struct users *users, struct pool *pool, const uint8_t *sid, uint32_t size)
{
    struct name_entry made = { 0 };
    struct name_entry *entry;
    struct match_text text = { NULL, 0 };

    if (!sid_valid(sid, size))
        return text;
    size = 8u + 4u * sid[1];
    EnterCriticalSection(&users->lock);
    entry = slot_of(users, sid, size);
    if (is_fresh(entry, sid, size))
        text = pool_text(pool, entry->name, strlen(entry->name));
    LeaveCriticalSection(&users->lock);
    if (text.size)
        return text;
    memcpy(made.sid, sid, size);
    made.sid_size = size;
    made.asked = GetTickCount();
    made.resolved = resolve(made.sid, made.name, sizeof(made.name)); /* outside the lock: it may take seconds */
    EnterCriticalSection(&users->lock);
    *entry = made;
    LeaveCriticalSection(&users->lock);
    return pool_text(pool, made.name, strlen(made.name));
}

static uint64_t ask_logon_time(struct users *users, uint64_t luid)
{
    LUID id = { (DWORD)luid, (LONG)(luid >> 32) };
    SECURITY_LOGON_SESSION_DATA *data = NULL;
    uint64_t time = 0;

    if (!users->logon_data || !users->free_logon_data || users->logon_data(&id, &data) || !data)
        return 0;
    time = (uint64_t)data->LogonTime.QuadPart;
    users->free_logon_data(data);
    return time;
}

uint64_t users_logon_time(struct users *users, uint64_t luid)
{
    struct logon_entry *entry = &users->logons[(luid ^ luid >> 16) % LOGONS];
    uint64_t time = 0;
    bool known;

    EnterCriticalSection(&users->lock);
    known = entry->used && entry->luid == luid;
    if (known)
        time = entry->time;
    LeaveCriticalSection(&users->lock);
    if (known)
        return time;
    time = ask_logon_time(users, luid);
    EnterCriticalSection(&users->lock);
    *entry = (struct logon_entry){ luid, time, true };
    LeaveCriticalSection(&users->lock);
    return time;
}
