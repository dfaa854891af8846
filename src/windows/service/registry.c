/* SPDX-License-Identifier: MIT */
#include "registry.h"

#include <stdlib.h>
#include <string.h>

#define PADDING 4 /* two zero units: a terminator for text that came without one */

DWORD registry_open(const wchar_t *path, REGSAM access, HKEY *key)
{
    return RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, access | KEY_WOW64_64KEY, key);
}

DWORD registry_create(const wchar_t *path, REGSAM access, HKEY *key)
{
    return RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, 0, access | KEY_WOW64_64KEY, NULL, key, NULL);
}

DWORD registry_get(HKEY key, const wchar_t *name, struct registry_value *value)
{
    DWORD error = ERROR_MORE_DATA;

    for (unsigned attempt = 0; attempt < 8 && error == ERROR_MORE_DATA; attempt++) { /* it may grow in between */
        DWORD size = 0, type = 0;
        uint8_t *data;

        error = RegQueryValueExW(key, name, NULL, &type, NULL, &size);
        if (error)
            return error;
        if (size > REGISTRY_MAX_VALUE)
            return ERROR_FILE_TOO_LARGE;
        data = calloc(1, (size_t)size + PADDING);
        if (!data)
            return ERROR_OUTOFMEMORY;
        error = RegQueryValueExW(key, name, NULL, &type, data, &size);
        if (!error) {
            *value = (struct registry_value){ type, size, data };
            return ERROR_SUCCESS;
        }
        free(data);
    }
    return error;
}

wchar_t *registry_get_text(HKEY key, const wchar_t *name)
{
    struct registry_value value;

    if (registry_get(key, name, &value))
        return NULL;
    if (value.type == REG_SZ || value.type == REG_EXPAND_SZ || value.type == REG_MULTI_SZ) {
        memset(value.data + (value.size & ~1u), 0, PADDING - 1);
        return (wchar_t *)(void *)value.data;
    }
    free(value.data);
    return NULL;
}

DWORD registry_set_text(HKEY key, const wchar_t *name, const wchar_t *text)
{
    return RegSetValueExW(key, name, 0, REG_SZ, (const BYTE *)text, (DWORD)((wcslen(text) + 1) * sizeof(*text)));
}

DWORD registry_delete_tree(HKEY root, const wchar_t *path)
{
    wchar_t child[256];
    HKEY key;
    DWORD error = RegOpenKeyExW(root, path, 0, KEY_ENUMERATE_SUB_KEYS | DELETE | KEY_WOW64_64KEY, &key), size = 256;

    if (error)
        return error == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : error;
    while (!error && !RegEnumKeyExW(key, 0, child, &size, NULL, NULL, NULL, NULL)) {
        error = registry_delete_tree(key, child);
        size = 256;
    }
    RegCloseKey(key);
    if (error)
        return error;
    error = RegDeleteKeyW(root, path);
    return error == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : error;
}
