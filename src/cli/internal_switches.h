/* SPDX-License-Identifier: MIT */
/* `-x` and `-y`: the compiled rules as bytes and as text, for testing (spec 05 section 8). */
#pragma once

#include "sysmon/config.h"

/* Writes the rules to a new file, or compares them with an existing one. Returns an exit code. */
int rules_dump_or_check(const struct config *config, const char *path);
/* Writes the listing of the rules. Returns an exit code. */
int rules_write_listing(const struct config *config, const char *path);
