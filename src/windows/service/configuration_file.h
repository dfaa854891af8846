/* SPDX-License-Identifier: MIT */
/* The hash text of a configuration file, for ConfigHash and event 16. */
#pragma once

#include "sysmon/hash.h"

#include <wchar.h>

/*
 * With the algorithms of `registry` (value HashingAlgorithm) except IMPHASH, which says nothing about a text (spec 01 section 2.3).
 * 0 or a negative errno.
 */
int configuration_file_hash(const wchar_t *path, uint32_t registry, char out[HASH_TEXT_SIZE]);
