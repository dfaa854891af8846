/* SPDX-License-Identifier: MIT */
/*
 * The command line has two layers: subcommands (`sysmon check file.xml`), each in its own file cmd_NAME of src/cli or of the
 * system's room, and the classic switches (`sysmon -i config.xml`), which classic.c orders and the system's room performs.
 *
 * A subcommand gets its own name as argv[0] and returns an exit code of exit_codes.h. Messages go to stderr, results to stdout.
 */
#pragma once

#include "cli/exit_codes.h"
#include "cli/options.h"
#include "sysmon/config.h"

#define PRODUCT_NAME "OpenSysmon"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary; /* one line of the usage text */
};

/* Ends with a NULL name. */
extern const struct command commands[];

int cmd_check(int argc, char **argv);   /* src/cli/check.c */
int cmd_compile(int argc, char **argv); /* src/cli/compile.c */
int cmd_replay(int argc, char **argv);  /* src/cli/replay.c */
int cmd_schema(int argc, char **argv);  /* src/cli/schema.c */
int cmd_view(int argc, char **argv);    /* src/cli/view.c */
int cmd_run(int argc, char **argv);     /* src/linux, src/windows/service */
int cmd_stats(int argc, char **argv);   /* src/linux, src/windows/service */

/* One classic command line, parsed and its configuration compiled. Everything is borrowed. */
struct classic {
    const struct cli_options *options;
    const char *config_path;     /* value of -i or -c, NULL: none */
    const struct config *config; /* the file's, with the command line's settings beside it; never NULL */
    int argc;                    /* as given to main */
    char **argv;
};

/* Performed by the system's room after every check that needs no privilege (spec 05 section 3); return exit codes. */
int classic_install(const struct classic *classic);   /* -i [file] */
int classic_configure(const struct classic *classic); /* -c [file], -c -- */
int classic_uninstall(const struct classic *classic); /* -u [force] */
int classic_manifest(const struct classic *classic);  /* -m, Windows */

/* The whole classic command line: banner, help, checks, then one of the above. */
int classic_main(int argc, char **argv);
/* Usage text (spec 05 section 5) on stderr; returns EXIT_USAGE. */
int usage_print(const char *program);
