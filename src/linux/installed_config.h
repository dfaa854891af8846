/* SPDX-License-Identifier: MIT */
/*
 * A configuration on its way from a file and a command line into the store, and from the store into the monitor.
 * The switches -h, -n and -l belong to it: they are kept with the stored command line.
 */
#pragma once

#include "cli/options.h"
#include "store.h"
#include "sysmon/config.h"
#include "sysmon/hash.h"

struct installed_config {
    struct config *config;
    void *data; /* the file as it is */
    size_t size;
    bool from_file;      /* not the empty one */
    char *source;        /* for event 16: the path as given, `Defaults`, or the command line */
    char hash[HASH_TEXT_SIZE]; /* of the file, with the algorithms it configures; `-` without a file */
    char *words;         /* stored command line, each word terminated */
};

/*
 * Reads and compiles `path` (NULL: the empty configuration) with the switches of this command line. Findings of at least
 * `least` go to `out`. Returns an exit code; on EXIT_OK the caller frees.
 */
int installed_config_read(struct installed_config *out, const char *path, const struct cli_options *options,
                          enum config_severity least, FILE *messages);
/* The same for a monitor in the foreground: findings are not printed, the first error is in `error`. */
int installed_config_open(struct installed_config *out, const char *path, const struct cli_options *options, char *error, size_t size);
/* The same for one that is part of the program. */
int installed_config_built_in(struct installed_config *out, const char *name, const void *data, size_t data_size, char *error, size_t size);
/* The same from the store, with the stored command line's switches. One line in `error` when it is not EXIT_OK. */
int installed_config_load(struct installed_config *out, const struct store *store, char *error, size_t size);
/* Stages all files of it with this command line. Negative errno. */
int installed_config_stage(const struct installed_config *in, struct store *store, int argc, char *const *argv);
void installed_config_free(struct installed_config *config);
