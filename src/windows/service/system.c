/* SPDX-License-Identifier: MIT */
#include "system.h"
#include "wide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

/* LoadLibraryEx with a search restricted to the system folder needs an update on old systems: a full path needs nothing. */
static HMODULE load(const char *library)
{
    wchar_t path[MAX_PATH + 64];
    UINT size = GetSystemDirectoryW(path, MAX_PATH);

    if (!size || size >= MAX_PATH)
        return NULL;
    _snwprintf(path + size, 63, L"\\%hs", library);
    path[size + 63] = 0;
    return LoadLibraryExW(path, NULL, 0);
}

void *system_function(const char *library, const char *name)
{
    HMODULE module = GetModuleHandleA(library);

    if (!module)
        module = load(library);
    return module ? (void *)GetProcAddress(module, name) : NULL;
}

unsigned system_version(void)
{
    LONG(WINAPI *version)(OSVERSIONINFOW *) = system_function("ntdll.dll", "RtlGetVersion");
    OSVERSIONINFOW info = { sizeof(info) };

    if (!version || version(&info))
        return 0;
    return info.dwMajorVersion << 8 | info.dwMinorVersion;
}

bool system_is_wow64(void)
{
    BOOL(WINAPI *query)(HANDLE, BOOL *) = system_function("kernel32.dll", "IsWow64Process");
    BOOL wow64 = FALSE;

    return query && query(GetCurrentProcess(), &wow64) && wow64;
}

void system_error_text(unsigned long error, char *out, size_t size)
{
    wchar_t wide[512];
    DWORD units = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, error, 0, wide, 512, NULL);
    char *text;

    while (units && (wide[units - 1] == L'\n' || wide[units - 1] == L'\r' || wide[units - 1] == L' '))
        units--;
    text = units ? wide_to_utf8_size(wide, units) : NULL;
    if (text)
        snprintf(out, size, "%s (%lu)", text, error);
    else
        snprintf(out, size, "error %lu", error);
    free(text);
}

wchar_t *system_windows_directory(void)
{
    wchar_t path[MAX_PATH + 1];
    UINT size = GetSystemWindowsDirectoryW(path, MAX_PATH);

    return size && size < MAX_PATH ? _wcsdup(path) : NULL;
}

wchar_t *system_program_path(void)
{
    for (DWORD size = MAX_PATH; size <= 32768; size *= 2) {
        wchar_t *path = malloc(size * sizeof(*path));
        DWORD got = path ? GetModuleFileNameW(NULL, path, size) : 0;

        if (got && got < size)
            return path;
        free(path);
        if (!got)
            break;
    }
    return NULL;
}
