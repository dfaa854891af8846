/* SPDX-License-Identifier: MIT */
/* Whole files in, whole files out. Paths are UTF-8 on both systems. Functions return 0 or a negative errno. */
#pragma once

#include <stddef.h>

/*
 * Reads a file of at most `limit` bytes (-EFBIG beyond). `*data` is allocated, followed by a zero byte that is not counted;
 * the caller frees it. Outputs are untouched on failure.
 */
int file_read(const char *path, size_t limit, void **data, size_t *size);

/*
 * Replaces a file by new content, atomically: readers see the old or the new one, never a part. The content is written to a
 * new file beside it, readable by its owner only, flushed and renamed; links at `path` are replaced, not followed.
 * Devices and pipes (/dev/null, /dev/stdout) are written to instead.
 */
int file_replace(const char *path, const void *data, size_t size);
