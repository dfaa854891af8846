/* SPDX-License-Identifier: MIT */
/* Loading a configuration file for a command: read, compile, say what was found. */
#pragma once

#include "cli/exit_codes.h"
#include "sysmon/config.h"

/* The system this program runs on. */
#ifdef _WIN32
#define SYSTEM_HERE CATALOGUE_WINDOWS
#else
#define SYSTEM_HERE CATALOGUE_LINUX
#endif

/* `windows` or `linux` to enum catalogue_system; 0 when it is neither. */
enum catalogue_system system_named(const char *name);

/*
 * Findings of severity `least` and above go to `out`. Returns EXIT_OK with a new configuration in `*config`, EXIT_UNREADABLE,
 * EXIT_CONFIG (it has errors) or EXIT_INTERNAL (out of memory). `diagnostics` may be NULL, else the caller frees it.
 */
int config_file_load(struct config **config, const char *path, const struct config_parameters *parameters,
                     enum config_severity least, FILE *out, struct config_diagnostics *diagnostics);
