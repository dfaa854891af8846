/* SPDX-License-Identifier: MIT */
#include "clipboard_archive.h"
#include "system.h"
#include "wide.h"

#include <sddl.h>
#include <stdlib.h>
#include <string.h>
#include <winternl.h>

#define DIRECTORY_ACCESS (FILE_LIST_DIRECTORY | FILE_ADD_FILE | FILE_TRAVERSE | SYNCHRONIZE | READ_CONTROL)

struct native {
    NTSTATUS(NTAPI *create)(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, LARGE_INTEGER *, ULONG, ULONG, ULONG, ULONG,
                            void *, ULONG);
    ULONG(NTAPI *error)(NTSTATUS);
};

static bool load_native(struct native *native)
{
    native->create = system_function("ntdll.dll", "NtCreateFile");
    native->error = system_function("ntdll.dll", "RtlNtStatusToDosError");
    return native->create && native->error;
}

/* One name below `parent` (NULL: an absolute NT name), never through a link. Final permissions from the start. */
static DWORD open_at(const struct native *native, HANDLE parent, const wchar_t *name, ACCESS_MASK access, ULONG disposition, ULONG options,
                     PSECURITY_DESCRIPTOR security, HANDLE *out)
{
    UNICODE_STRING text = { (USHORT)(wcslen(name) * 2), (USHORT)(wcslen(name) * 2), (wchar_t *)name };
    OBJECT_ATTRIBUTES attributes = {
        .Length = sizeof(attributes), .RootDirectory = parent, .ObjectName = &text, .Attributes = OBJ_CASE_INSENSITIVE, .SecurityDescriptor = security,
    };
    IO_STATUS_BLOCK io;
    NTSTATUS status = native->create(out, access, &attributes, &io, NULL, FILE_ATTRIBUTE_NORMAL, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                     disposition, options | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_REPARSE_POINT, NULL, 0);

    return status < 0 ? native->error(status) : ERROR_SUCCESS;
}

static bool is_own_account(PSID owner)
{
    struct {
        TOKEN_USER user;
        BYTE sid[SECURITY_MAX_SID_SIZE];
    } info;
    HANDLE token;
    DWORD size;
    bool own;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return false;
    own = GetTokenInformation(token, TokenUser, &info, sizeof(info), &size) && EqualSid(owner, info.user.User.Sid);
    CloseHandle(token);
    return own;
}

static bool is_trusted(PSID owner)
{
    static const WELL_KNOWN_SID_TYPE trusted[] = { WinLocalSystemSid, WinBuiltinAdministratorsSid };
    BYTE sid[SECURITY_MAX_SID_SIZE];

    for (unsigned i = 0; i < 2; i++) {
        DWORD size = sizeof(sid);

        if (CreateWellKnownSid(trusted[i], NULL, sid, &size) && EqualSid(owner, sid))
            return true;
    }
    return is_own_account(owner);
}

/* A directory that somebody else made, or a link, is refused: its owner could read what comes in. */
static DWORD check_directory(HANDLE directory)
{
    BY_HANDLE_FILE_INFORMATION info;
    BYTE buffer[1024];
    BOOL defaulted;
    DWORD size;
    PSID owner;

    if (!GetFileInformationByHandle(directory, &info))
        return GetLastError();
    if (info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT || !(info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY))
        return ERROR_DIRECTORY;
    if (!GetKernelObjectSecurity(directory, OWNER_SECURITY_INFORMATION, buffer, sizeof(buffer), &size) ||
        !GetSecurityDescriptorOwner(buffer, &owner, &defaulted))
        return GetLastError();
    return is_trusted(owner) ? ERROR_SUCCESS : ERROR_INVALID_OWNER;
}

/* \??\C:\Sysmon, without the trailing backslash; free(). */
static wchar_t *native_path(const wchar_t *directory)
{
    wchar_t *windows = system_windows_directory(), *path = NULL;
    size_t size;

    if (windows && directory[0] == L'\\')
        path = wide_format(L"\\??\\%c%c%ls", windows[0], windows[1], directory);
    free(windows);
    size = path ? wcslen(path) : 0;
    if (size && path[size - 1] == L'\\')
        path[size - 1] = 0;
    return path;
}

static DWORD open_directory(const struct native *native, const wchar_t *directory, HANDLE *out)
{
    PSECURITY_DESCRIPTOR security = NULL;
    wchar_t *path = native_path(directory);
    DWORD error = path ? ERROR_SUCCESS : ERROR_OUTOFMEMORY;

    if (!error && !ConvertStringSecurityDescriptorToSecurityDescriptorW(L"D:P(A;OICI;FA;;;SY)", SDDL_REVISION_1, &security, NULL))
        error = GetLastError();
    if (!error)
        error = open_at(native, NULL, path, DIRECTORY_ACCESS, FILE_OPEN_IF, FILE_DIRECTORY_FILE, security, out);
    if (!error) {
        error = check_directory(*out);
        if (error)
            CloseHandle(*out);
    }
    if (security)
        LocalFree(security);
    free(path);
    return error;
}

static DWORD write_all(HANDLE file, const BYTE *data, size_t size)
{
    DWORD written;

    for (; size; data += written, size -= written)
        if (!WriteFile(file, data, (DWORD)size, &written, NULL) || !written)
            return GetLastError() ? GetLastError() : ERROR_WRITE_FAULT;
    return ERROR_SUCCESS;
}

static DWORD write_file(const struct native *native, HANDLE directory, const wchar_t *name, const void *data, size_t size)
{
    FILE_DISPOSITION_INFO gone = { TRUE };
    HANDLE file;
    DWORD error = open_at(native, directory, name, FILE_WRITE_DATA | DELETE | SYNCHRONIZE, FILE_CREATE, FILE_NON_DIRECTORY_FILE, NULL, &file);

    if (error == ERROR_ALREADY_EXISTS || error == ERROR_FILE_EXISTS)
        return ERROR_SUCCESS;
    if (error)
        return error;
    error = write_all(file, data, size);
    if (error) {
        BOOL(WINAPI *set)(HANDLE, int, void *, DWORD) = system_function("kernel32.dll", "SetFileInformationByHandle");

        if (set)
            set(file, 4 /* FileDispositionInfo */, &gone, sizeof(gone));
    }
    CloseHandle(file);
    return error;
}

DWORD clipboard_archive(const wchar_t *directory, const wchar_t *name, const void *data, size_t size)
{
    struct native native;
    HANDLE handle;
    DWORD error;

    if (!load_native(&native))
        return ERROR_NOT_SUPPORTED;
    if (!*name || wcspbrk(name, L"\\/:"))
        return ERROR_INVALID_NAME;
    error = open_directory(&native, directory, &handle);
    if (error)
        return error;
    error = write_file(&native, handle, name, data, size);
    CloseHandle(handle);
    return error;
}
