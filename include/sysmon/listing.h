/* SPDX-License-Identifier: MIT */
/* Rules in words: what `-c`, `-y` and `compile --list` print (spec 05 section 7). */
#pragma once

#include "sysmon/blob.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* With a line `Rule configuration (version 4.90):` before the blocks. */
#define LISTING_TITLE 1u
/* Every block, also the ones the published listing leaves out because the one before has the same tag and onmatch. */
#define LISTING_ALL 2u

/*
 * Prints a rules blob; NULL or size 0 prints `No rules installed`. Returns 0 or a negative enum blob_result: what was sound
 * has then been printed. Control characters other than tab and newline are replaced.
 */
int listing_print(FILE *out, const void *blob, size_t size, unsigned flags);

#ifdef __cplusplus
}
#endif
