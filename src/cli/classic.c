/* SPDX-License-Identifier: MIT */
/* The classic command line in the published order (spec 05 section 3, end). */
#include "cli/command.h"
#include "cli/config_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int usage_print(const char *program)
{
    fprintf(stderr, "Usage:\n");
    for (const struct command *command = commands; command->name; command++)
        fprintf(stderr, "  %s %-10s %s\n", program, command->name, command->summary);
    return EXIT_USAGE;
}

static void banner(void)
{
    printf("\n%s v%s - System activity monitor\n\n", PRODUCT_NAME, PRODUCT_VERSION);
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
    return usage_print(classic->argv[0]);
}

int classic_main(int argc, char **argv)
{
    struct cli_options options;
    struct classic classic = { .options = &options, .argc = argc, .argv = argv };
    struct config *config = NULL;
    int wrong, code;

    if (argc < 2)
        return usage_print(argv[0]);
    if (options_parse(&options, argc, argv, &wrong)) {
        fprintf(stderr, "Error: cannot understand '%s'.\n", argv[wrong]);
        return usage_print(argv[0]);
    }
    if (!is_set(&classic, OPTION_NoLogo) && !is_set(&classic, OPTION_ClipboardInstance))
        banner();
    classic.config_path = options.option[OPTION_Install].value;
    if (!classic.config_path)
        classic.config_path = options.option[OPTION_Configuration].value;
    code = load(&config, &classic);
    if (!code) {
        classic.config = config;
        code = perform(&classic);
    }
    config_free(config);
    return code;
}
