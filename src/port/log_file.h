/* SPDX-License-Identifier: MIT */
/*
 * Files that are only appended to, inside a directory that is held open: names are resolved once, links are never
 * followed, new files belong to their owner alone (0600; on Windows: SYSTEM, administrators and the creator).
 *
 * Functions return 0 or a negative errno.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
typedef void *port_file;
#define PORT_FILE_NONE ((void *)0)
#else
typedef int port_file;
#define PORT_FILE_NONE (-1)
#endif

struct file_slice {
    const char *data;
    size_t size;
};

/* A directory, and the name of one file in it. */
struct log_place;

/* Splits a path. -ENOMEM, -ENOENT … of the directory. */
int log_place_open(struct log_place **out, const char *path);
void log_place_close(struct log_place *place);

enum log_mode {
    LOG_APPEND, /* create or append, readable */
    LOG_CREATE, /* must not exist */
    LOG_READ,
};

/* `suffix` is added to the name (`.1`). `*regular`: is it an ordinary file, which has a size and can be cut? */
int log_open(port_file *out, const struct log_place *place, const char *suffix, enum log_mode mode, bool *regular);
void log_close(port_file file);
/* Replaces what has the new name. */
int log_rename(const struct log_place *place, const char *old_suffix, const char *new_suffix);
int log_remove(const struct log_place *place, const char *suffix);

int log_size(port_file file, uint64_t *size);
/* Up to `size` bytes; `*got` is 0 at the end. */
int log_read(port_file file, uint64_t offset, void *out, size_t size, size_t *got);
/* Cuts the file; appending continues there. */
int log_truncate(port_file file, uint64_t size);
/* Appends the slices in order. `*written` also counts on failure. */
int log_append(port_file file, const struct file_slice *slices, unsigned count, size_t *written);
int log_sync(port_file file);

/* Standard output as a file; not closed by log_close(). */
port_file log_standard_output(void);
