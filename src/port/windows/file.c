/* SPDX-License-Identifier: MIT */
/* file.h on Windows. */
#include "port/file.h"
#include "port/thread.h"

#include <windows.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int last_error(void)
{
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME:
        return -ENOENT;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
        return -EACCES;
    case ERROR_DISK_FULL:
        return -ENOSPC;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS:
        return -EEXIST;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
        return -ENOMEM;
    default:
        return -EIO;
    }
}

static WCHAR *wide(const char *path)
{
    int units = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
    WCHAR *text = units > 0 ? malloc((size_t)units * sizeof *text) : NULL;

    if (text)
        MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, text, units);
    return text;
}

static int read_exactly(HANDLE file, char *data, size_t size)
{
    DWORD got;

    for (size_t used = 0; used < size; used += got) {
        DWORD wanted = size - used > 1u << 20 ? 1u << 20 : (DWORD)(size - used);

        if (!ReadFile(file, data + used, wanted, &got, NULL))
            return last_error();
        if (got == 0)
            return -EIO; /* became shorter meanwhile */
    }
    return 0;
}

static int read_open(HANDLE file, size_t limit, void **data, size_t *size)
{
    LARGE_INTEGER length;
    char *content;
    int rc;

    if (!GetFileSizeEx(file, &length))
        return last_error();
    if ((uint64_t)length.QuadPart > limit)
        return -EFBIG;
    content = malloc((size_t)length.QuadPart + 1);
    if (!content)
        return -ENOMEM;
    rc = read_exactly(file, content, (size_t)length.QuadPart);
    if (rc) {
        free(content);
        return rc;
    }
    content[length.QuadPart] = '\0';
    *data = content;
    *size = (size_t)length.QuadPart;
    return 0;
}

int file_read(const char *path, size_t limit, void **data, size_t *size)
{
    WCHAR *name = wide(path);
    HANDLE file;
    int rc;

    if (!name)
        return -ENOENT;
    file = CreateFileW(name, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    rc = file == INVALID_HANDLE_VALUE ? last_error() : read_open(file, limit, data, size);
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    free(name);
    return rc;
}

static int write_new(const WCHAR *name, const char *data, size_t size)
{
    HANDLE file = CreateFileW(name, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
    DWORD put;
    int rc = 0;

    if (file == INVALID_HANDLE_VALUE)
        return last_error();
    for (size_t used = 0; used < size && !rc; used += put)
        if (!WriteFile(file, data + used, size - used > 1u << 20 ? 1u << 20 : (DWORD)(size - used), &put, NULL))
            rc = last_error();
    if (!rc && !FlushFileBuffers(file))
        rc = last_error();
    CloseHandle(file);
    return rc;
}

/* `path` with a suffix nobody else uses: process, thread and time. */
static char *temporary_path(const char *path)
{
    size_t size = strlen(path) + 48;
    char *text = malloc(size);

    if (text)
        snprintf(text, size, "%s.%lx-%lx-%llx.tmp", path, (unsigned long)GetCurrentProcessId(), (unsigned long)GetCurrentThreadId(),
                 (unsigned long long)clock_milliseconds());
    return text;
}

int file_replace(const char *path, const void *data, size_t size)
{
    char *beside = temporary_path(path);
    WCHAR *name = wide(path), *temporary = beside ? wide(beside) : NULL;
    int rc = name && temporary ? write_new(temporary, data, size) : -ENOENT;

    if (!rc && !MoveFileExW(temporary, name, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
        rc = last_error();
    if (rc && rc != -EEXIST && temporary)
        DeleteFileW(temporary);
    free(temporary);
    free(name);
    free(beside);
    return rc;
}
