/* SPDX-License-Identifier: MIT */
/* Copies of what was on the clipboard, in the archive directory, which only SYSTEM may enter. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>
#include <windows.h>

/*
 * `directory` is the archive's path on the volume of Windows (`\Sysmon\`), made if need be. `name` must not have a folder in it. A file
 * of that name has the same contents, for the name is their hash: success. Windows error.
 */
DWORD clipboard_archive(const wchar_t *directory, const wchar_t *name, const void *data, size_t size);
