/* SPDX-License-Identifier: MIT */
/*
 * What an installed monitor keeps: /opt/sysmon, 0700, files 0600 (spec 07 section 1).
 *
 *   config.xml   the configuration as given (an empty one without)
 *   rules.bin    its compiled rules (empty: no rules)
 *   argc, argv   the command line that installed or configured, as a binary int and as terminated texts
 *   fieldSizes   the FieldSizes option; absent when not given
 *   eventId      the next record id, 8 bytes, mapped by the running monitor
 *   sysmon       0700, a copy of the executable, unless that one is part of the system
 *
 * Everything is reached through the directory's descriptor. A change is staged beside (NAME.new), then exchanged, and can be
 * rolled back until it is finished; whoever reads in between gets the old or the new file, never a part. One at a time changes
 * the store: the directory is locked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define STORE_DIRECTORY "/opt/sysmon"
#define STORE_CONFIG "config.xml"
#define STORE_RULES "rules.bin"
#define STORE_ARGC "argc"
#define STORE_ARGV "argv"
#define STORE_FIELD_SIZES "fieldSizes"
#define STORE_EVENT_ID "eventId"
#define STORE_PROGRAM "sysmon"

#define STORE_MAX_STAGED 8

struct store {
    int directory; /* -1: closed */
    bool created;  /* the directory was made by store_open() */
    char path[256];
    struct {
        const char *name;
        bool absent, existed, exchanged;
    } staged[STORE_MAX_STAGED];
    unsigned count;
};

enum store_mode { STORE_READ, STORE_CHANGE /* locked */, STORE_CREATE /* made if needed, and locked */ };

/*
 * Opens the directory. Functions return 0 or a negative errno: -ENOENT not there, -EPERM not root's or open to others,
 * -EBUSY somebody else is changing it.
 */
int store_open(struct store *store, const char *path, enum store_mode mode);
/* Unfinished changes are rolled back; a directory made here is removed again, unless store_finish() was called. */
void store_close(struct store *store);

/* Is there a configuration? */
bool store_is_installed(const struct store *store);
/* Allocated, followed by a zero byte that is not counted. */
int store_read(const struct store *store, const char *name, size_t limit, void **data, size_t *size);

/* `name` is static. */
int store_stage(struct store *store, const char *name, const void *data, size_t size, mode_t mode);
/* The file shall be gone. */
int store_stage_absent(struct store *store, const char *name);
/* A copy of an open file. */
int store_stage_copy(struct store *store, const char *name, int from, mode_t mode);
/* Puts all staged files in place; on failure everything is as before. */
int store_commit(struct store *store);
/* After a commit: the files of before. */
void store_rollback(struct store *store);
/* After a commit: forgets what was before. */
void store_finish(struct store *store);

/* Removes the files named above and the directory when nothing else is in it. */
int store_remove(struct store *store);
