/* SPDX-License-Identifier: MIT */
/* The classic switches (spec 05 section 2), parsed by the option table of the catalogue. */
#pragma once

#include "sysmon/catalogue.h"

struct cli_option {
    bool set;
    const char *value; /* borrowed from argv; NULL: given without one */
};

struct cli_options {
    struct cli_option option[CATALOGUE_OPTION_COUNT]; /* index: enum catalogue_option_id */
};

/*
 * Parses argv[1] and on. Returns 0, or -EINVAL (usage error) with `*wrong` set to the index of the offending argument.
 * `*out` is untouched on failure.
 */
int options_parse(struct cli_options *out, int argc, char *const *argv, int *wrong);
