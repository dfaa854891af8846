/* SPDX-License-Identifier: MIT */
/* Files that are deleted: hashed while the deletion waits for its verdict, or as their copy in the archive. Any thread. */
#pragma once

#include "pool.h"

#include <windows.h>

struct deleted_files;
struct file_facts;

DWORD deleted_files_open(struct deleted_files **out, struct file_facts *facts);
void deleted_files_close(struct deleted_files *files);
/* `\NAME\`, UTF-8, as configured. */
void deleted_files_set_directory(struct deleted_files *files, const char *directory);

/* Hashes the file (DOS path) for the event that will follow. */
void deleted_files_remember(struct deleted_files *files, uint32_t pid, struct match_text path);
/* What was remembered, once; size 0: nothing. */
struct match_text deleted_files_recall(struct deleted_files *files, struct pool *pool, uint32_t pid, struct match_text path);
/*
 * Hashes the copy `name` in the archive of `path`'s volume and renames it to its hashes and the extension of `path`. Returns the text of
 * Hashes, size 0: the copy cannot be read.
 */
struct match_text deleted_files_archive(struct deleted_files *files, struct pool *pool, struct match_text path, struct match_text name);
