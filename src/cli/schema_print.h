/* SPDX-License-Identifier: MIT */
/* `-s`: the schemas as manifests (spec 05 section 6). */
#pragma once

#include "sysmon/catalogue.h"

#include <stdio.h>

/*
 * Prints the manifest of the schema whose version text starts with `wanted`, newest first; NULL: the schema of this program;
 * `all`: every one. The Windows form has neither `target` attributes nor what only Linux knows. Returns an exit code:
 * EXIT_FOUND, with a message on stderr, when no version matches.
 */
int schema_print(FILE *out, const char *wanted, enum catalogue_system system);
