/* SPDX-License-Identifier: MIT */
/* Files by handle: opened for reading beside anybody, and written with final permissions. */
#pragma once

#include "sysmon/source.h"

#include <wchar.h>
#include <windows.h>

/* For reading, sharing everything. INVALID_HANDLE_VALUE: GetLastError(). Never a device or a pipe. */
HANDLE wide_file_open(const wchar_t *path);
/* The same by UTF-8 path; an NT device path (\Device\…) is opened as such. */
HANDLE wide_file_open_utf8(const char *path, size_t size);
/* The handle as a byte source; the handle is the context and stays open. */
struct byte_source wide_file_source(HANDLE *file);
/* Replaces or creates; on failure nothing is left. Windows error. */
DWORD wide_file_write(const wchar_t *path, const void *data, size_t size);
