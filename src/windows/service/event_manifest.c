/* SPDX-License-Identifier: MIT */
/*
 * The manifest is released beside the program with the program's path in it, given to wevtutil, and deleted again. It lies in the Windows
 * folder for that moment because nobody but administrators can exchange it there. Systems before Vista have no wevtutil: they
 * get a classic event source instead.
 */
#include "event_manifest.h"
#include "wide_file.h"
#include "registry.h"
#include "resource.h"
#include "system.h"
#include "wide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACEHOLDER "%filename%"
#define WEVTUTIL_LIMIT 60000 /* milliseconds */

static const wchar_t source_key[] = L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\System\\Microsoft-Windows-Sysmon";

/* The path as attribute text. */
static char *escape(const char *text)
{
    char *out = malloc(strlen(text) * 6 + 1), *at = out;

    for (; out && *text; text++) {
        const char *entity = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '"' ? "&quot;" : NULL;

        if (entity) {
            memcpy(at, entity, strlen(entity));
            at += strlen(entity);
        } else {
            *at++ = *text;
        }
    }
    if (out)
        *at = 0;
    return out;
}

/* The manifest with every placeholder replaced; free(). */
static char *fill_in(const char *text, size_t size, const char *path, size_t *out_size)
{
    size_t hole = strlen(PLACEHOLDER), count = 0, length = strlen(path);
    char *out, *at;

    for (size_t i = 0; i + hole <= size; i++)
        count += !memcmp(text + i, PLACEHOLDER, hole);
    at = out = malloc(size + count * length + 1);
    for (size_t i = 0; out && i < size;) {
        if (i + hole <= size && !memcmp(text + i, PLACEHOLDER, hole)) {
            memcpy(at, path, length);
            at += length;
            i += hole;
        } else {
            *at++ = text[i++];
        }
    }
    *out_size = out ? (size_t)(at - out) : 0;
    return out;
}

static DWORD release(const wchar_t *program, const wchar_t *file)
{
    size_t size, filled_size = 0;
    const char *text = resource_find(RESOURCE_MANIFEST_TYPE, RESOURCE_MANIFEST_NAME, &size);
    char *path = wide_to_utf8(program), *escaped = path ? escape(path) : NULL;
    char *filled = text && escaped ? fill_in(text, size, escaped, &filled_size) : NULL;
    DWORD error = !text ? ERROR_RESOURCE_NAME_NOT_FOUND : !filled ? ERROR_OUTOFMEMORY : wide_file_write(file, filled, filled_size);

    free(filled);
    free(escaped);
    free(path);
    return error;
}

/* Runs `command` without a window; its output goes to `output` (terminated, cut). */
static DWORD run(const wchar_t *program, wchar_t *command, char *output, DWORD size, DWORD *exit_code)
{
    SECURITY_ATTRIBUTES inherit = { sizeof(inherit), NULL, TRUE };
    STARTUPINFOW startup = { sizeof(startup) };
    PROCESS_INFORMATION process;
    HANDLE reader;
    DWORD used = 0, got, error = ERROR_SUCCESS;

    if (!CreatePipe(&reader, &startup.hStdOutput, &inherit, 0))
        return GetLastError();
    SetHandleInformation(reader, HANDLE_FLAG_INHERIT, 0);
    startup.dwFlags = STARTF_USESTDHANDLES;
    startup.hStdError = startup.hStdOutput;
    if (!CreateProcessW(program, command, NULL, NULL, TRUE, CREATE_NO_WINDOW, NULL, NULL, &startup, &process))
        error = GetLastError();
    CloseHandle(startup.hStdOutput);
    if (!error) {
        while (ReadFile(reader, output + used, size - 1 - used, &got, NULL) && got)
            used += used + got < size - 1 ? got : 0;
        if (WaitForSingleObject(process.hProcess, WEVTUTIL_LIMIT) || !GetExitCodeProcess(process.hProcess, exit_code))
            error = ERROR_TIMEOUT;
        CloseHandle(process.hProcess);
        CloseHandle(process.hThread);
    }
    CloseHandle(reader);
    output[used] = 0;
    return error;
}

/* `wevtutil VERB FILE`; a failure is printed when `loud`. */
static DWORD wevtutil(const wchar_t *verb, const wchar_t *file, BOOL loud)
{
    wchar_t folder[MAX_PATH];
    UINT length = GetSystemDirectoryW(folder, MAX_PATH);
    wchar_t *program = length && length < MAX_PATH ? wide_format(L"%ls\\wevtutil.exe", folder) : NULL;
    wchar_t *command = program ? wide_format(L"\"%ls\" %ls \"%ls\"", program, verb, file) : NULL;
    char output[2048] = "";
    DWORD code = 0, error = command ? run(program, command, output, sizeof(output), &code) : ERROR_OUTOFMEMORY;

    if (!error && code) {
        error = code;
        if (loud)
            fprintf(stderr, "wevtutil %ls failed with exit code %lu: %s\n", verb, code, output);
    }
    free(command);
    free(program);
    return error;
}

static DWORD with_manifest(const wchar_t *program, BOOL install)
{
    wchar_t *windows = system_windows_directory(), *file = windows ? wide_format(L"%ls\\Sysmon-events.man", windows) : NULL;
    DWORD error = file ? release(program, file) : ERROR_OUTOFMEMORY;

    if (!error) {
        error = wevtutil(L"um", file, FALSE);
        if (install)
            error = wevtutil(L"im", file, TRUE);
        DeleteFileW(file);
    }
    free(file);
    free(windows);
    return error;
}

static DWORD register_source(const wchar_t *program)
{
    DWORD types = 7, error;
    HKEY key;

    error = registry_create(source_key, KEY_SET_VALUE, &key);
    if (error)
        return error;
    error = RegSetValueExW(key, L"EventMessageFile", 0, REG_EXPAND_SZ, (const BYTE *)program,
                           (DWORD)((wcslen(program) + 1) * sizeof(*program)));
    if (!error)
        error = RegSetValueExW(key, L"TypesSupported", 0, REG_DWORD, (BYTE *)&types, sizeof(types));
    RegCloseKey(key);
    return error;
}

DWORD event_manifest_register(const wchar_t *program)
{
    return system_version() >= 0x0600 ? with_manifest(program, TRUE) : register_source(program);
}

DWORD event_manifest_remove(const wchar_t *program)
{
    if (system_version() < 0x0600)
        return registry_delete_tree(HKEY_LOCAL_MACHINE, source_key);
    with_manifest(program, FALSE); /* an error says that it was not registered */
    return ERROR_SUCCESS;
}
