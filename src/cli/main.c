/* SPDX-License-Identifier: MIT */
/* Entry point of the command line: a first argument without a switch character is a subcommand; sysmonLogView is one by name. */
#include "cli/command.h"

#include "cli/exit_codes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int run(int argc, char **argv)
{
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;

    if (argc && !strcmp(slash ? slash + 1 : argv[0], "sysmonLogView"))
        return cmd_view(argc, argv);
    if (argc > 1)
        for (const struct command *command = commands; command->name; command++)
            if (!strcmp(command->name, argv[1]))
                return command->run(argc - 1, argv + 1);
    return classic_main(argc, argv);
}

/* What was printed must have arrived. */
int main(int argc, char **argv)
{
    int code = run(argc, argv);

    if ((!fflush(stdout) && !ferror(stdout)) || code)
        return code;
    fprintf(stderr, "sysmon: standard output cannot be written: %s\n", strerror(errno));
    return EXIT_OUTPUT;
}
