/* SPDX-License-Identifier: MIT */
/* Entry point of the command line: a first argument without a switch character is a subcommand; sysmonLogView is one by name. */
#include "cli/command.h"

#include <string.h>

int main(int argc, char **argv)
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
