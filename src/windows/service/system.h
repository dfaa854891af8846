/* SPDX-License-Identifier: MIT */
/* What differs between versions of Windows: functions found at run time, version, error texts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* A function of a system DLL, NULL when this system has none. The DLL comes from the system folder and stays loaded. */
void *system_function(const char *library, const char *name);
/* Windows major << 8 | minor as the kernel reports it: 0x0601 is Windows 7. */
unsigned system_version(void);
/* A 32-bit program on 64-bit Windows. */
bool system_is_wow64(void);
/* The message of a Windows error without line break, in UTF-8; always something, at least the number. */
void system_error_text(unsigned long error, char *out, size_t size);
/* C:\Windows, without trailing backslash; free(). NULL: out of memory. */
wchar_t *system_windows_directory(void);
/* Full path of this program; free(). */
wchar_t *system_program_path(void);
