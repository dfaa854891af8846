/* SPDX-License-Identifier: MIT */
/* The classic command line in the published order (spec 05 section 3, end). */
#include "cli/command.h"
#include "cli/config_file.h"
#include "cli/internal_switches.h"
#include "cli/schema_print.h"
#include "cli/usage.h"
#include "port/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int usage_print(const char *program)
{
    usage_write(stderr, program);
    return EXIT_USAGE;
}

static bool is_set(const struct classic *classic, enum catalogue_option_id id)
{
    return classic->options->option[id].set;
}

/* Command-line settings beside the file: the file's value replaces them (spec 03 section 4). */
static int merge(struct config *config, const struct cli_options *options)
{
    char error[512];

    for (unsigned id = 0; id < CATALOGUE_OPTION_COUNT; id++) {
        const struct cli_option *given = &options->option[id];

        if (!given->set || config->option[id].set || catalogue_options[id].flags & OPTION_FLAG_NOCONFIG)
            continue;
        if (config_set_option(config, (enum catalogue_option_id)id, given->value, error, sizeof(error))) {
            fprintf(stderr, "Error: %s\n", error);
            return EXIT_USAGE;
        }
    }
    return EXIT_OK;
}

static int load(struct config **out, const struct classic *classic)
{
    const struct config_parameters parameters = {
        .system = SYSTEM_HERE,
        .image_load = classic->options->option[OPTION_ImageLoad].value,
        .network_connect = classic->options->option[OPTION_NetworkConnect].value,
        .no_lint = true,
    };
    int code;

    if (!classic->config_path) {
        *out = config_new();
        return *out ? merge(*out, classic->options) : EXIT_INTERNAL;
    }
    code = config_file_load(out, classic->config_path, &parameters, CONFIG_WARNING, stderr, NULL);
    if (code)
        return code == EXIT_CONFIG ? EXIT_USAGE : code;
    printf("Loading configuration file with schema version %u.%02u\n", (*out)->schema_version >> 16,
           (*out)->schema_version & 0xFFFF);
    if ((*out)->schema_version != CATALOGUE_SCHEMA_VERSION)
        printf("Sysmon schema version: %u.%02u\n", CATALOGUE_SCHEMA_VERSION >> 16, CATALOGUE_SCHEMA_VERSION & 0xFFFF);
    puts("Configuration file validated.");
    fflush(stdout);
    return merge(*out, classic->options);
}

static int refuse(const char *message)
{
    fprintf(stderr, "%s\n", message);
    return EXIT_USAGE;
}

/* Settings of the command line beside -c: what a configuration could also say. */
static bool has_settings(const struct classic *classic)
{
    for (unsigned id = 0; id < CATALOGUE_OPTION_COUNT; id++)
        if (classic->options->option[id].set && !(catalogue_options[id].flags & OPTION_FLAG_NOCONFIG))
            return true;
    return false;
}

static int check_defaults(const struct classic *classic)
{
    if (!is_set(classic, OPTION_ConfigDefault))
        return EXIT_OK;
    if (!is_set(classic, OPTION_Configuration))
        return refuse("The '--' switch must be used with -c switch (config update) to set defaults.");
    if (classic->config_path || has_settings(classic))
        return refuse("Cannot use specific settings with enforcing defaults.");
    return EXIT_OK;
}

/* Given as switches; the same in a configuration file, which may be meant for both systems, is only noted. */
static int check_system(const struct classic *classic)
{
#ifndef _WIN32
    static const enum catalogue_option_id missing[] = { OPTION_ClipboardInstance, OPTION_DriverName,
                                                        OPTION_CheckRevocation };

    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
        if (is_set(classic, missing[i]))
            return refuse("Option not implemented on Linux.");
#endif
    return EXIT_OK;
}

static int check_debug(const struct classic *classic)
{
    const char *value = classic->options->option[OPTION_DebugMode].value;

    return value && strcmp(value, "verbose") ? refuse("Possible options for DebugMode: verbose") : EXIT_OK;
}

static int check_rights(void)
{
#ifndef _WIN32 /* on Windows the room that needs the rights asks */
    if (!host_is_root()) {
        fputs("You need to run Sysmon as root.\n", stderr);
        return EXIT_NOT_ROOT;
    }
#endif
    return EXIT_OK;
}

/* -t alone: monitor in the foreground. */
static int debug_run(const struct classic *classic)
{
#ifdef CLI_RUN
    char name[] = "run", option[] = "--output", text[] = "text:-", oneline[] = "text:-,oneline";
    bool verbose = classic->options->option[OPTION_DebugMode].value != NULL;
    char *arguments[] = { name, option, verbose ? text : oneline, NULL };

    return cmd_run(3, arguments);
#else
    return usage_print(classic->argv[0]);
#endif
}

static int perform(const struct classic *classic)
{
#ifdef CLI_CLASSIC /* the system's room performs -i, -c and -u */
    if (is_set(classic, OPTION_UnInstall))
        return classic_uninstall(classic);
    if (is_set(classic, OPTION_Configuration))
        return classic_configure(classic);
    if (is_set(classic, OPTION_Install))
        return classic_install(classic);
    if (is_set(classic, OPTION_Manifest))
        return classic_manifest(classic);
#endif
    return is_set(classic, OPTION_DebugMode) ? debug_run(classic) : usage_print(classic->argv[0]);
}

/* The published order: what needs no privilege comes before the test for it. */
static int proceed(const struct classic *classic)
{
    const struct cli_option *option = classic->options->option;
    int code;

    if (option[OPTION_InternalRepresentation].set && classic->config_path)
        return rules_dump_or_check(classic->config, option[OPTION_InternalRepresentation].value);
    if (option[OPTION_OutputRules].set && classic->config_path)
        return rules_write_listing(classic->config, option[OPTION_OutputRules].value);
    if (is_set(classic, OPTION_PrintSchema))
        return schema_print(stdout, option[OPTION_PrintSchema].value, SYSTEM_HERE);
    code = check_defaults(classic);
    if (!code)
        code = check_system(classic);
    if (!code)
        code = check_debug(classic);
    if (!code)
        code = check_rights();
    return code ? code : perform(classic);
}

static bool is_switch(const char *argument, const char *name)
{
    char first = argument[0];

    if (first != '-' && (SYSTEM_HERE != CATALOGUE_WINDOWS || first != '/'))
        return false;
    for (argument++; *argument && *name; argument++, name++)
        if ((*argument | 32) != (*name | 32))
            return false;
    return *argument == *name;
}

/* Handled before the parser and only as the first argument (spec 05 section 1, end). */
static bool wants_help(char **argv)
{
    char question[3] = { argv[1][0], argv[1][1], '\0' };

    return is_switch(question, "?") || is_switch(argv[1], "h") || is_switch(argv[1], "help");
}

static int help(int argc, char **argv)
{
    if (argc > 2 && (!strcmp(argv[2], "config") || !strcmp(argv[2], "configuration")))
        configuration_help_write(stdout);
    else
        usage_write(stdout, argv[0]);
    return EXIT_OK;
}

static bool wants_logo(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (is_switch(argv[i], "nologo") || is_switch(argv[i], "z") || is_switch(argv[i], "service"))
            return false;
    return true;
}

static int parse_and_proceed(int argc, char **argv)
{
    struct cli_options options;
    struct classic classic = { .options = &options, .argc = argc, .argv = argv };
    struct config *config = NULL;
    int wrong, code;

    if (options_parse(&options, argc, argv, &wrong)) {
        fprintf(stderr, "Error: cannot understand '%s'.\n", argv[wrong]);
        return usage_print(argv[0]);
    }
    classic.config_path = options.option[OPTION_Install].value;
    if (!classic.config_path)
        classic.config_path = options.option[OPTION_Configuration].value;
    code = load(&config, &classic);
    if (!code) {
        classic.config = config;
        code = proceed(&classic);
    }
    config_free(config);
    return code;
}

int classic_main(int argc, char **argv)
{
    if (wants_logo(argc, argv))
        banner_print(stderr);
    if (argc < 2)
        return usage_print(argv[0]);
    if (wants_help(argv))
        return help(argc, argv);
    return parse_and_proceed(argc, argv);
}
