/* SPDX-License-Identifier: MIT */
/*
 * Deleted files that are worth keeping (event 23).
 *
 * Linux lets nobody hold a deletion up, and a deleted file is gone once nobody has it open. So the monitor opens files whose
 * deletion the rules would log when they are created, keeps the newest KEPT_MAX of them open, and finds their content there
 * when the name goes. Files older than the monitor, and those that had to give way, are logged without a copy.
 *
 * Copies lie in one directory, 0700, named by their hash and the extension the file had.
 */
#pragma once

#include "linux/decode.h"

#include <stdbool.h>

#define ARCHIVE_DIRECTORY "/var/lib/sysmon/archive"
#define ARCHIVE_MAX_FILE (64u << 20) /* larger files are not copied: the monitor waits for it */
#define KEPT_MAX 256u

struct archive;

/* `path` NULL: ARCHIVE_DIRECTORY. The directory is made, and checked, when something is stored for the first time. */
int archive_create(struct archive **out, const char *path);
void archive_destroy(struct archive *archive);

/* Keeps the created file open. `path` as the process saw it. Does nothing when it is another file by now. */
void archive_keep(struct archive *archive, const struct wire_name *name, struct match_text path);
/* The kept file that lost a name, as a descriptor of the caller's; -1: none is kept. It stays kept while it has other names. */
int archive_take(struct archive *archive, const struct wire_file *file);
/* The file lost a name, and nobody wants a copy: after the last one, what is kept open only occupies the disk. */
void archive_forget(struct archive *archive, const struct wire_file *file);

/*
 * Copies the file behind `fd` to HASH.extension, the extension being that of `path`. 0, or a negative errno: -EFBIG, and
 * -EPERM when the directory is not what it must be.
 */
int archive_store(struct archive *archive, int fd, struct match_text hash, struct match_text path);
