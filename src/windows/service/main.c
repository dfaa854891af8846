/* SPDX-License-Identifier: MIT */
/*
 * Entry point on Windows. One program plays every role (spec 01 section 1): started by the service manager it is the service, with
 * a subcommand or classic switches it is the tool. Arguments become UTF-8 here and stay so.
 */
#include "cli/command.h"
#include "clipboard_helper.h"
#include "console.h"
#include "harden.h"
#include "service.h"
#include "wide.h"

#include <stdio.h>
#include <string.h>

static int run_command(int argc, char **argv)
{
    if (argc == 3 && (!strcmp(argv[1], "-z") || !strcmp(argv[1], "/z")))
        return clipboard_helper(argv[2]);
    if (argc > 1)
        for (const struct command *command = commands; command->name; command++)
            if (!strcmp(command->name, argv[1]))
                return command->run(argc - 1, argv + 1);
    return classic_main(argc, argv);
}

int wmain(int argc, wchar_t **arguments);

int wmain(int argc, wchar_t **arguments)
{
    char **argv = NULL;
    int code = EXIT_INTERNAL;

    process_harden();
    if (argc < 2 && service_dispatch() == 0)
        return EXIT_OK;
    console_open();
    argv = wide_arguments(argc, arguments);
    if (argv)
        code = run_command(argc, argv);
    else
        fputs("Error: out of memory.\n", stderr);
    console_close();
    wide_arguments_free(argv);
    return code;
}
