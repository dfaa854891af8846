/* SPDX-License-Identifier: MIT */
/* `sysmon compile`: a configuration to the rules blob that the registry and rules.bin hold, or to its listing. */
#include "cli/command.h"
#include "cli/config_file.h"
#include "port/file.h"
#include "sysmon/listing.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: sysmon compile [--system windows|linux] CONFIG -o FILE\n"
    "       sysmon compile [--system windows|linux] CONFIG --list\n"
    "       sysmon compile --list-blob FILE\n"
    "\n"
    "  -o FILE           write the compiled rules there, replacing the file as a whole\n"
    "  --list            print every compiled rule in words\n"
    "  --list-blob FILE  the same for rules that are compiled already\n"
    "\n"
    "Exit: 0 done; 2 a file cannot be read; 3 the configuration has errors, or the blob is damaged;\n"
    "4 the output cannot be written; 87 wrong arguments.\n";

struct compile {
    struct config_parameters parameters;
    const char *config, *output, *blob;
    bool list;
};

static int parse(struct compile *c, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;

        if (!strcmp(argv[i], "--list"))
            c->list = true;
        else if (!strcmp(argv[i], "-o") && next)
            c->output = argv[++i];
        else if (!strcmp(argv[i], "--list-blob") && next)
            c->blob = argv[++i];
        else if (!strcmp(argv[i], "--system") && next && system_named(next))
            c->parameters.system = system_named(argv[++i]);
        else if (argv[i][0] != '-' && !c->config)
            c->config = argv[i];
        else
            return -1;
    }
    if (c->blob)
        return c->config || c->output || c->list ? -1 : 0;
    return c->config && (c->output || c->list) ? 0 : -1;
}

static int list_blob(const char *path)
{
    void *data = NULL;
    size_t size = 0;
    int rc = file_read(path, CONFIG_MAX_BLOB_SIZE, &data, &size);

    if (rc) {
        fprintf(stderr, "%s: cannot read the rules: %s\n", path, strerror(-rc));
        return EXIT_UNREADABLE;
    }
    rc = listing_print(stdout, data, size, LISTING_TITLE | LISTING_ALL);
    if (rc)
        fprintf(stderr, "%s: %s\n", path, rc == BLOB_E_VERSION ? "rules of a binary version older than 15.00; compile them anew"
                                                              : "not compiled rules, or damaged");
    free(data);
    return rc ? EXIT_CONFIG : EXIT_OK;
}

static int compile(const struct compile *c)
{
    struct config *config = NULL;
    int code = config_file_load(&config, c->config, &c->parameters, CONFIG_WARNING, stderr, NULL), rc = 0;

    if (code)
        return code;
    if (c->list)
        listing_print(stdout, config->blob, config->blob_size, LISTING_TITLE | LISTING_ALL);
    if (c->output)
        rc = file_replace(c->output, config->blob ? (const void *)config->blob : "", config->blob_size);
    config_free(config);
    if (rc) {
        fprintf(stderr, "%s: cannot write: %s\n", c->output, strerror(-rc));
        return EXIT_OUTPUT;
    }
    return EXIT_OK;
}

int cmd_compile(int argc, char **argv)
{
    struct compile c = { .parameters = { .system = SYSTEM_HERE, .no_lint = true } };

    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        fputs(usage, stdout);
        return EXIT_OK;
    }
    if (parse(&c, argc, argv)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    return c.blob ? list_blob(c.blob) : compile(&c);
}
