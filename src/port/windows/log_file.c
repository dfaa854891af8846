/* SPDX-License-Identifier: MIT */
#include "port/log_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include <sddl.h>

/* Protected: full access for SYSTEM, administrators and the owner, nobody else, nothing inherited. */
#define OWNER_ONLY L"D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)"

struct log_place {
    WCHAR path[MAX_PATH];
};

static int last_error(void)
{
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND: return -ENOENT;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION: return -EACCES;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL: return -ENOSPC;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS: return -EEXIST;
    case ERROR_BROKEN_PIPE:
    case ERROR_NO_DATA: return -EPIPE;
    case ERROR_NOT_ENOUGH_MEMORY: return -ENOMEM;
    default: return -EIO;
    }
}

int log_place_open(struct log_place **out, const char *path)
{
    struct log_place *place = malloc(sizeof(*place));

    if (!place)
        return -ENOMEM;
    if (!MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, place->path, MAX_PATH - 16)) {
        free(place);
        return -EINVAL;
    }
    *out = place;
    return 0;
}

void log_place_close(struct log_place *place)
{
    free(place);
}

static void suffixed(const struct log_place *place, const char *suffix, WCHAR out[MAX_PATH])
{
    _snwprintf(out, MAX_PATH, L"%ls%hs", place->path, suffix);
    out[MAX_PATH - 1] = L'\0';
}

/* A link in the place of the file would send our data, and our rights, somewhere else. */
static int refuse_link(HANDLE file, bool *regular)
{
    BY_HANDLE_FILE_INFORMATION info;

    *regular = GetFileType(file) == FILE_TYPE_DISK;
    if (!*regular)
        return 0;
    if (!GetFileInformationByHandle(file, &info))
        return last_error();
    return info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT ? -ELOOP : 0;
}

int log_open(port_file *out, const struct log_place *place, const char *suffix, enum log_mode mode, bool *regular)
{
    static const struct { DWORD access, disposition; } how[] = {
        [LOG_APPEND] = { FILE_APPEND_DATA | GENERIC_READ | FILE_WRITE_DATA | SYNCHRONIZE, OPEN_ALWAYS },
        [LOG_CREATE] = { GENERIC_WRITE, CREATE_NEW },
        [LOG_READ] = { GENERIC_READ, OPEN_EXISTING },
    };
    SECURITY_ATTRIBUTES attributes = { .nLength = sizeof(attributes) };
    WCHAR path[MAX_PATH];
    HANDLE file;
    int error;

    suffixed(place, suffix, path);
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(OWNER_ONLY, SDDL_REVISION_1, &attributes.lpSecurityDescriptor, NULL))
        return last_error();
    file = CreateFileW(path, how[mode].access, FILE_SHARE_READ | FILE_SHARE_DELETE, &attributes, how[mode].disposition,
                       FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    error = file == INVALID_HANDLE_VALUE ? last_error() : 0;
    LocalFree(attributes.lpSecurityDescriptor);
    if (error)
        return error;
    error = refuse_link(file, regular);
    if (error) {
        CloseHandle(file);
        return error;
    }
    if (mode == LOG_APPEND)
        SetFilePointerEx(file, (LARGE_INTEGER){ .QuadPart = 0 }, NULL, FILE_END);
    *out = file;
    return 0;
}

void log_close(port_file file)
{
    if (file != PORT_FILE_NONE && file != log_standard_output())
        CloseHandle(file);
}

int log_rename(const struct log_place *place, const char *old_suffix, const char *new_suffix)
{
    WCHAR old_path[MAX_PATH], new_path[MAX_PATH];

    suffixed(place, old_suffix, old_path);
    suffixed(place, new_suffix, new_path);
    return MoveFileExW(old_path, new_path, MOVEFILE_REPLACE_EXISTING) ? 0 : last_error();
}

int log_remove(const struct log_place *place, const char *suffix)
{
    WCHAR path[MAX_PATH];

    suffixed(place, suffix, path);
    return DeleteFileW(path) ? 0 : last_error();
}

int log_size(port_file file, uint64_t *size)
{
    LARGE_INTEGER value;

    if (!GetFileSizeEx(file, &value))
        return last_error();
    *size = (uint64_t)value.QuadPart;
    return 0;
}

int log_read(port_file file, uint64_t offset, void *out, size_t size, size_t *got)
{
    OVERLAPPED at = { .Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32) };
    DWORD done = 0;

    if (!ReadFile(file, out, (DWORD)size, &done, &at) && GetLastError() != ERROR_HANDLE_EOF)
        return last_error();
    SetFilePointerEx(file, (LARGE_INTEGER){ .QuadPart = 0 }, NULL, FILE_END);
    *got = done;
    return 0;
}

int log_truncate(port_file file, uint64_t size)
{
    if (!SetFilePointerEx(file, (LARGE_INTEGER){ .QuadPart = (LONGLONG)size }, NULL, FILE_BEGIN) || !SetEndOfFile(file))
        return last_error();
    return 0;
}

int log_append(port_file file, const struct file_slice *slices, unsigned count, size_t *written)
{
    *written = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t done = 0;
        while (done < slices[i].size) {
            DWORD result = 0;
            if (!WriteFile(file, slices[i].data + done, (DWORD)(slices[i].size - done), &result, NULL))
                return last_error();
            done += result;
            *written += result;
        }
    }
    return 0;
}

int log_sync(port_file file)
{
    return FlushFileBuffers(file) ? 0 : last_error();
}

port_file log_standard_output(void)
{
    return GetStdHandle(STD_OUTPUT_HANDLE);
}
