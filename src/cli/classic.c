/* SPDX-License-Identifier: MIT */
/* The classic command line in the published order (spec 05 section 3, end). */
#include "cli/command.h"

#include <stdio.h>

int usage_print(const char *program)
{
    fprintf(stderr, "Usage:\n");
    for (const struct command *command = commands; command->name; command++)
        fprintf(stderr, "  %s %-10s %s\n", program, command->name, command->summary);
    return EXIT_USAGE;
}

int classic_main(int argc, char **argv)
{
    struct cli_options options;
    int wrong;

    if (argc < 2)
        return usage_print(argv[0]);
    if (options_parse(&options, argc, argv, &wrong)) {
        fprintf(stderr, "Error: cannot understand '%s'.\n", argv[wrong]);
        return usage_print(argv[0]);
    }
    return usage_print(argv[0]);
}
