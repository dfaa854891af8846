/* SPDX-License-Identifier: MIT */
/* What is built into the executable (spec 01 section 1.1). */
#pragma once

#include <stddef.h>
#include <wchar.h>

/* Borrowed for the life of the program; NULL: not built in. */
const void *resource_find(const wchar_t *type, const wchar_t *name, size_t *size);

#define RESOURCE_DRIVER_TYPE L"BINRES"
#define RESOURCE_DRIVER_NAME L"SYSMONDRV"
#define RESOURCE_MANIFEST_TYPE L"XML"
#define RESOURCE_MANIFEST_NAME L"EVENTMANIFEST"
