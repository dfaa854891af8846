/* SPDX-License-Identifier: MIT */
#include "volumes.h"
#include "system.h"
#include "wide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFRESH_INTERVAL 1000 /* milliseconds: a path that stays unknown must not cost a scan each time */

struct volumes {
    CRITICAL_SECTION lock;
    struct nt_volumes table;
    DWORD scanned;
};

static void store(char out[NT_PATH_NAME], const wchar_t *text)
{
    char *utf8 = wide_to_utf8(text);

    if (utf8 && strlen(utf8) < NT_PATH_NAME)
        memcpy(out, utf8, strlen(utf8) + 1);
    else
        *out = 0;
    free(utf8);
}

static void add(struct nt_volumes *table, const wchar_t *device, const wchar_t *drive)
{
    if (table->count == NT_PATH_VOLUMES)
        return;
    store(table->volume[table->count].device, device);
    store(table->volume[table->count].drive, drive);
    if (*table->volume[table->count].device && *table->volume[table->count].drive)
        table->count++;
}

static void scan_letters(struct nt_volumes *table)
{
    wchar_t device[NT_PATH_NAME], drive[3] = L"A:";
    DWORD present = GetLogicalDrives();

    for (unsigned i = 0; i < 26; i++, drive[0]++)
        if (present & (1u << i) && QueryDosDeviceW(drive, device, NT_PATH_NAME))
            add(table, device, drive);
}

/* Volumes without a letter that are mounted in a folder. */
static void scan_folders(struct nt_volumes *table)
{
    wchar_t name[64], path[NT_PATH_NAME], device[NT_PATH_NAME];
    HANDLE find = FindFirstVolumeW(name, 64);
    DWORD size;

    if (find == INVALID_HANDLE_VALUE)
        return;
    do {
        size_t length = wcslen(name);

        if (length < 5 || wcsncmp(name, L"\\\\?\\", 4) || name[length - 1] != L'\\')
            continue;
        if (!GetVolumePathNamesForVolumeNameW(name, path, NT_PATH_NAME, &size) || wcslen(path) < 4)
            continue;
        name[length - 1] = 0;
        path[wcslen(path) - 1] = 0;
        if (QueryDosDeviceW(name + 4, device, NT_PATH_NAME))
            add(table, device, path);
    } while (FindNextVolumeW(find, name, 64));
    FindVolumeClose(find);
}

static void scan(struct volumes *volumes)
{
    struct nt_volumes *table = &volumes->table;
    wchar_t *windows = system_windows_directory();

    memset(table, 0, sizeof(*table));
    if (windows)
        store(table->windows, windows);
    free(windows);
    scan_letters(table);
    scan_folders(table);
    volumes->scanned = GetTickCount();
}

DWORD volumes_open(struct volumes **out)
{
    struct volumes *volumes = calloc(1, sizeof(*volumes));

    if (!volumes)
        return ERROR_OUTOFMEMORY;
    InitializeCriticalSection(&volumes->lock);
    scan(volumes);
    *out = volumes;
    return ERROR_SUCCESS;
}

void volumes_close(struct volumes *volumes)
{
    if (!volumes)
        return;
    DeleteCriticalSection(&volumes->lock);
    free(volumes);
}

struct match_text volumes_dos_path(struct volumes *volumes, struct pool *pool, struct match_text nt_path)
{
    struct match_text path;

    EnterCriticalSection(&volumes->lock);
    if (nt_path_is_unknown(&volumes->table, nt_path) && GetTickCount() - volumes->scanned >= REFRESH_INTERVAL)
        scan(volumes);
    path = nt_path_to_dos(&volumes->table, pool, nt_path);
    LeaveCriticalSection(&volumes->lock);
    return path;
}
