/* SPDX-License-Identifier: MIT */
/* Lines of a file or of standard input, compressed with gzip or not (where zlib is there). */
#pragma once

#include <stddef.h>

/* A longer line is reported and skipped. */
#define LINES_MAX_SIZE (16u << 20)

struct lines;

/* `path` `-` is standard input. 0, or a negative errno. */
int lines_open(struct lines **out, const char *path);
void lines_close(struct lines *lines);
/*
 * 1: the next line without its end, valid until the next call; 0: no more; -E2BIG: a line was too long and has been skipped;
 * another negative errno: the file cannot be read on.
 */
int lines_next(struct lines *lines, const char **text, size_t *size);
/* Number, from 1, of the line that was last returned or skipped. */
unsigned long lines_number(const struct lines *lines);
