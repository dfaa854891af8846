/* SPDX-License-Identifier: MIT */
#include "wide_file.h"

#include "wide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

HANDLE wide_file_open(const wchar_t *path)
{
    /* Identification level only: a pipe that answers to this path may not impersonate us. */
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                              FILE_FLAG_SEQUENTIAL_SCAN | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);

    if (file != INVALID_HANDLE_VALUE && GetFileType(file) != FILE_TYPE_DISK) {
        CloseHandle(file);
        SetLastError(ERROR_BAD_FILE_TYPE);
        return INVALID_HANDLE_VALUE;
    }
    return file;
}

HANDLE wide_file_open_utf8(const char *path, size_t size)
{
    static const char device[] = "\\Device\\", global[] = "\\\\?\\GLOBALROOT";
    bool is_device = size > sizeof(device) - 1 && !_strnicmp(path, device, sizeof(device) - 1);
    char *terminated = malloc(size + sizeof(global));
    wchar_t *wide = NULL;
    HANDLE file = INVALID_HANDLE_VALUE;

    SetLastError(ERROR_OUTOFMEMORY);
    if (terminated) {
        snprintf(terminated, size + sizeof(global), "%s%.*s", is_device ? global : "", (int)size, path);
        wide = wide_from_utf8(terminated);
    }
    if (wide)
        file = wide_file_open(wide);
    free(wide);
    free(terminated);
    return file;
}

static int64_t read_file(void *context, uint64_t offset, void *data, size_t size)
{
    HANDLE file = *(HANDLE *)context;
    OVERLAPPED at = { .Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32) };
    DWORD got = 0, want = size > 1u << 30 ? 1u << 30 : (DWORD)size;

    if (!ReadFile(file, data, want, &got, &at) && GetLastError() != ERROR_HANDLE_EOF)
        return -EIO;
    return got;
}

struct byte_source wide_file_source(HANDLE *file)
{
    return (struct byte_source){ read_file, file };
}

DWORD wide_file_write(const wchar_t *path, const void *data, size_t size)
{
    HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    DWORD written = 0, error = ERROR_SUCCESS;

    if (file == INVALID_HANDLE_VALUE)
        return GetLastError();
    if (!WriteFile(file, data, (DWORD)size, &written, NULL))
        error = GetLastError();
    else if (written != size)
        error = ERROR_DISK_FULL;
    CloseHandle(file);
    if (error)
        DeleteFileW(path);
    return error;
}
