/* SPDX-License-Identifier: MIT */
/* Compression of a rotated file beside the events' way, in a thread of its own. */
#pragma once

#include "port/log_file.h"

struct compression;

/* Is zstd part of this build? */
bool compression_available(void);
/*
 * Begins to compress the file with suffix `from` into `to` and to remove it after. `*out` is NULL when that was not
 * possible: the file then simply stays uncompressed. `place` must outlive the compression.
 */
void compression_start(struct compression **out, const struct log_place *place, const char *from, const char *to);
/* Waits for the end and frees. NULL is allowed. */
void compression_wait(struct compression *compression);
