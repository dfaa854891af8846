/* SPDX-License-Identifier: MIT */
#include "resource.h"

#include <windows.h>

const void *resource_find(const wchar_t *type, const wchar_t *name, size_t *size)
{
    HRSRC found = FindResourceW(NULL, name, type);
    HGLOBAL loaded = found ? LoadResource(NULL, found) : NULL;
    const void *data = loaded ? LockResource(loaded) : NULL;

    if (data)
        *size = SizeofResource(NULL, found);
    return data;
}
