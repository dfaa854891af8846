/* SPDX-License-Identifier: MIT */
/* The subcommands. Rows of files that are not part of a build are left out by meson's CLI_… definitions. */
#include "cli/command.h"

#include <stddef.h>

const struct command commands[] = {
#ifdef CLI_RUN
    { "run", cmd_run, "monitor in the foreground and write events" },
#endif
#ifdef CLI_CHECK
    { "check", cmd_check, "check a configuration and print every finding" },
#endif
#ifdef CLI_COMPILE
    { "compile", cmd_compile, "compile a configuration to a rules blob" },
#endif
#ifdef CLI_REPLAY
    { "replay", cmd_replay, "run recorded events through a configuration" },
#endif
#ifdef CLI_STATS
    { "stats", cmd_stats, "show the counters of the running monitor" },
#endif
    { "schema", cmd_schema, "print the events, fields, options and conditions" },
    { "view", cmd_view, "print the events of a log, filtered" },
    { NULL, NULL, NULL },
};
