/* SPDX-License-Identifier: MIT */
/* Paths in the archive of deleted files and clipboard texts (spec 01 section 4.9). Portable. */
#pragma once

#include "sysmon/event.h"

#define ARCHIVE_DIRECTORY_SIZE 256
#define ARCHIVE_PATH_SIZE 600

/*
 * `C:\Sysmon\NAME` for a file on C:. `directory` is `\Sysmon\`. -EINVAL: `file` is not on a lettered volume, or `name` is not one plain
 * component.
 */
int archive_path(char out[ARCHIVE_PATH_SIZE], const char *directory, struct match_text file, struct match_text name);
/*
 * The final name: the values of `hashes` (`ALG=HEX,…`) one behind the other, and the extension of `file` when it is a plain one of
 * at most twelve characters.
 */
int archive_final_path(char out[ARCHIVE_PATH_SIZE], const char *directory, struct match_text file, struct match_text hashes);
