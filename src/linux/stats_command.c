/* SPDX-License-Identifier: MIT */
/* `sysmon stats`: the counters of the running monitor. */
#include "cli/command.h"
#include "control.h"
#include "exporter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_SECONDS 10

struct arguments {
    const char *format, *listen, *runtime;
    bool help;
};

static int usage(FILE *out, int code)
{
    fputs("usage: sysmon stats [--format text|json|prometheus] [--json] [--prometheus] [--runtime DIRECTORY]\n"
          "       sysmon stats --listen 127.0.0.1:PORT|[::1]:PORT|unix:PATH [--runtime DIRECTORY]\n"
          "Shows the counters of the running monitor, or serves them over HTTP at /metrics.\n", out);
    return code;
}

static int parse(struct arguments *out, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char **value = !strcmp(argv[i], "--format") ? &out->format : !strcmp(argv[i], "--listen") ? &out->listen
                           : !strcmp(argv[i], "--runtime") ? &out->runtime : NULL;

        if (value && i + 1 < argc) {
            *value = argv[++i];
        } else if (!strcmp(argv[i], "--json") || !strcmp(argv[i], "--prometheus")) {
            out->format = argv[i] + 2;
        } else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            out->help = true;
        } else {
            fprintf(stderr, value ? "sysmon stats: %s needs a value\n" : "sysmon stats: unknown argument '%s'\n", argv[i]);
            return -1;
        }
    }
    return 0;
}

int cmd_stats(int argc, char **argv)
{
    struct arguments arguments = { "text", NULL, CONTROL_DIRECTORY, false };
    enum stats_format format;
    char request[32], *text;
    size_t size;
    int code;

    if (parse(&arguments, argc, argv))
        return usage(stderr, EXIT_USAGE);
    if (arguments.help)
        return usage(stdout, EXIT_OK);
    if (stats_format_parse(arguments.format, &format)) {
        fprintf(stderr, "sysmon stats: unknown format '%s': text, json or prometheus\n", arguments.format);
        return EXIT_USAGE;
    }
    if (arguments.listen)
        return exporter_run(arguments.listen, arguments.runtime);
    snprintf(request, sizeof request, "stats %s", arguments.format);
    code = control_call(arguments.runtime, request, ASK_SECONDS, &text, &size);
    if (!code)
        fwrite(text, 1, size, stdout);
    else
        fprintf(stderr, "sysmon stats: %s\n", text ? text : "out of memory");
    free(text);
    if (!code && fflush(stdout))
        code = EXIT_OUTPUT;
    return code;
}
