/* SPDX-License-Identifier: MIT */
/* `sysmon check`: is this configuration right, and does it do what it looks like? */
#include "cli/command.h"
#include "cli/config_file.h"

#include <string.h>

static const char usage[] =
    "Usage: sysmon check [--system windows|linux] [--quiet] [--strict] CONFIG...\n"
    "\n"
    "Reads configurations as the monitor would and prints every finding as file:line:column.\n"
    "\n"
    "  --system NAME  check for that system (default: this one)\n"
    "  --quiet        leave out notes\n"
    "  --strict       warnings count as errors\n"
    "\n"
    "Exit: 0 every file loads; 1 a file has errors; 2 a file cannot be read; 87 wrong arguments.\n";

struct check {
    struct config_parameters parameters;
    enum config_severity least;
    bool strict;
};

/* Index of the first file, or negative: wrong arguments. */
static int parse(struct check *check, int argc, char **argv)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!strcmp(argv[i], "--quiet"))
            check->least = CONFIG_WARNING;
        else if (!strcmp(argv[i], "--strict"))
            check->strict = true;
        else if (!strcmp(argv[i], "--system") && i + 1 < argc && system_named(argv[i + 1]))
            check->parameters.system = system_named(argv[++i]);
        else
            return -1;
    }
    return i < argc ? i : -1;
}

static int check_file(const struct check *check, const char *path)
{
    struct config_diagnostics findings;
    struct config *config = NULL;
    int code = config_file_load(&config, path, &check->parameters, check->least, stdout, &findings);

    if (code == EXIT_CONFIG || (code == EXIT_OK && check->strict && findings.warnings))
        code = EXIT_FOUND;
    if (code == EXIT_OK)
        printf("%s: valid: schema %u.%02u, %u blocks, %u filters", path, (unsigned)(config->schema_version >> 16),
               (unsigned)(config->schema_version & 0xffff), (unsigned)config->block_count, (unsigned)config->filter_count);
    else if (code == EXIT_FOUND)
        printf("%s: not valid: %u errors", path, findings.errors);
    if (code == EXIT_OK || code == EXIT_FOUND)
        printf(", %u warnings, %u notes\n", findings.warnings, findings.notes);
    config_free(config);
    config_diagnostics_free(&findings);
    return code;
}

int cmd_check(int argc, char **argv)
{
    struct check check = { .parameters.system = SYSTEM_HERE, .least = CONFIG_NOTE };
    int worst = EXIT_OK, first;

    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        fputs(usage, stdout);
        return EXIT_OK;
    }
    first = parse(&check, argc, argv);
    if (first < 0) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    for (int i = first; i < argc; i++) {
        int code = check_file(&check, argv[i]);

        if (code > worst)
            worst = code;
    }
    return worst;
}
