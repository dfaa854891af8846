/* SPDX-License-Identifier: MIT */
/* `sysmon schema`: as `-s`, also for the other system. */
#include "cli/command.h"
#include "cli/config_file.h"
#include "cli/schema_print.h"

#include <string.h>

static int usage(void)
{
    fputs("usage: sysmon schema [VERSION|all] [--system windows|linux]\n"
          "Prints the events, fields, options and conditions as a manifest, as the classic switch -s does.\n", stderr);
    return EXIT_USAGE;
}

int cmd_schema(int argc, char **argv)
{
    enum catalogue_system system = SYSTEM_HERE;
    const char *wanted = NULL;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--system") && i + 1 < argc) {
            system = system_named(argv[++i]);
            if (!system)
                return usage();
        } else if (argv[i][0] == '-' || wanted) {
            return usage();
        } else {
            wanted = argv[i];
        }
    }
    return schema_print(stdout, wanted, system);
}
