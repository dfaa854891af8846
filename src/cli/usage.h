/* SPDX-License-Identifier: MIT */
/* What the program says about itself (spec 05 sections 4 and 5). */
#pragma once

#include <stdio.h>

void banner_print(FILE *out);
/* Switches and subcommands. `program` is argv[0]; its last component is shown. */
void usage_write(FILE *out, const char *program);
/* How to write a configuration: `-? config`. */
void configuration_help_write(FILE *out);
