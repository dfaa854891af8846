/* SPDX-License-Identifier: MIT */
/* Files by handle: opened for reading beside anybody, and written with final permissions. */
#pragma once

#include "sysmon/source.h"

#include <wchar.h>
#include <windows.h>

/* For reading, sharing everything. INVALID_HANDLE_VALUE: GetLastError(). Never a device or a pipe. */
HANDLE wide_file_open(const wchar_t *path);
/* The handle as a byte source; the handle is the context and stays open. */
struct byte_source wide_file_source(HANDLE *file);
/* Replaces or creates; on failure nothing is left. Windows error. */
DWORD wide_file_write(const wchar_t *path, const void *data, size_t size);
