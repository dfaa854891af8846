/* SPDX-License-Identifier: MIT */
/* Registry values as owned memory. The 64-bit view, whatever the program is. Functions return a Windows error. */
#pragma once

#include <stdint.h>
#include <wchar.h>
#include <windows.h>

/* A value may have at most this many bytes; larger ones are refused with ERROR_FILE_TOO_LARGE. */
#define REGISTRY_MAX_VALUE (64u << 20)

struct registry_value {
    DWORD type, size;
    uint8_t *data; /* free(); two zero units follow the data */
};

/* `path` below HKEY_LOCAL_MACHINE. */
DWORD registry_open(const wchar_t *path, REGSAM access, HKEY *key);
DWORD registry_create(const wchar_t *path, REGSAM access, HKEY *key);
DWORD registry_get(HKEY key, const wchar_t *name, struct registry_value *value);
/* Terminated text of a REG_SZ, REG_EXPAND_SZ or REG_MULTI_SZ value, not expanded; free(). NULL: none. */
wchar_t *registry_get_text(HKEY key, const wchar_t *name);
DWORD registry_set_text(HKEY key, const wchar_t *name, const wchar_t *text);
/* The key and everything below it; absent is success. */
DWORD registry_delete_tree(HKEY root, const wchar_t *path);
