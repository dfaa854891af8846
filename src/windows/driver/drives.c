/* SPDX-License-Identifier: MIT */
/*
 * Drive letters: the rules speak of C:\…, the kernel of \Device\HarddiskVolume1\…. The links of \GLOBAL?? are read again when
 * the last reading is a second old. Anything not certain (no letter, two letters, a network path) has no answer here: the
 * service then decides.
 */
#include "driver.h"

#define LETTERS 26
#define TARGET_MOST 64u /* characters */
#define FRESH (1 * 10000000ull)

struct drives {
    struct {
        USHORT length; /* characters; 0: no such drive */
        WCHAR target[TARGET_MOST];
    } drive[LETTERS];
};

static struct {
    KSPIN_LOCK lock; /* of `known` */
    FAST_MUTEX reading;
    struct drives *known, *spare;
    ULONGLONG read_at;
} state;

static void drive_read(struct drives *drives, unsigned letter)
{
    WCHAR path[] = L"\\GLOBAL??\\A:";
    UNICODE_STRING name, target = { 0, sizeof drives->drive[letter].target, drives->drive[letter].target };
    OBJECT_ATTRIBUTES attributes;
    HANDLE link;

    path[10] = (WCHAR)(L'A' + letter);
    drives->drive[letter].length = 0;
    RtlInitUnicodeString(&name, path);
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!NT_SUCCESS(ZwOpenSymbolicLinkObject(&link, SYMBOLIC_LINK_QUERY, &attributes)))
        return;
    if (NT_SUCCESS(ZwQuerySymbolicLinkObject(link, &target, NULL)))
        drives->drive[letter].length = target.Length / sizeof(WCHAR);
    ZwClose(link);
}

static void refresh(void)
{
    ULONGLONG now = compat_time();
    struct drives *old;
    KIRQL irql;

    if (now - state.read_at < FRESH)
        return;
    mutex_enter(&state.reading);
    if (now - state.read_at >= FRESH) {
        for (unsigned letter = 0; letter < LETTERS; letter++)
            drive_read(state.spare, letter);
        KeAcquireSpinLock(&state.lock, &irql);
        old = state.known;
        state.known = state.spare;
        KeReleaseSpinLock(&state.lock, irql);
        state.spare = old;
        state.read_at = now;
    }
    mutex_leave(&state.reading);
}

static bool is_on(const struct drives *drives, unsigned letter, const WCHAR *path, ULONG length)
{
    USHORT target = drives->drive[letter].length;

    return target && target < length && path[target] == L'\\' &&
           memcmp(path, drives->drive[letter].target, target * sizeof(WCHAR)) == 0;
}

/* Under the lock. */
static WCHAR letter_of(const WCHAR *path, ULONG length, USHORT *skip)
{
    WCHAR found = 0;

    for (unsigned letter = 0; letter < LETTERS; letter++)
        if (is_on(state.known, letter, path, length)) {
            if (found)
                return 0;
            found = (WCHAR)(L'A' + letter);
            *skip = state.known->drive[letter].length;
        }
    return found;
}

WCHAR drives_letter(const WCHAR *path, ULONG length, USHORT *skip)
{
    WCHAR letter;
    KIRQL irql;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    refresh();
    KeAcquireSpinLock(&state.lock, &irql);
    letter = letter_of(path, length, skip);
    KeReleaseSpinLock(&state.lock, irql);
    return letter;
}

NTSTATUS drives_start(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    KeInitializeSpinLock(&state.lock);
    mutex_initialize(&state.reading);
    state.known = pool_allocate(sizeof *state.known);
    state.spare = pool_allocate(sizeof *state.spare);
    if (state.known && state.spare)
        return STATUS_SUCCESS;
    pool_free(state.known);
    pool_free(state.spare);
    return STATUS_INSUFFICIENT_RESOURCES;
}

void drives_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    pool_free(state.known);
    pool_free(state.spare);
    memset(&state, 0, sizeof state);
}
