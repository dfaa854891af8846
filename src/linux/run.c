/* SPDX-License-Identifier: MIT */
/* `sysmon run`: monitor in the foreground. */
#include "cli/command.h"
#include "linux/clipboard_helper.h"
#include "linux/control.h"
#include "linux/default_config.h"
#include "linux/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_OUTPUTS 16
#define DEFAULT_OUTPUT "text:-,oneline"
#define BUILT_IN "built-in configuration"

struct arguments {
    const char *config, *runtime;
    const char *output[MAX_OUTPUTS];
    unsigned outputs, duration;
    bool help;
};

static int usage(FILE *out, int code)
{
    fputs("usage: sysmon run [-c CONFIG] [--output KIND:TARGET[,option…]]… [--duration SECONDS] [--runtime DIRECTORY]\n"
          "Monitors until Ctrl-C (or for SECONDS) and writes events: text, json or xml to `-`, a file or unix:PATH; syslog,\n"
          "journald, kafka. Without -c a built-in configuration, without --output one line an event on the terminal.\n"
          "SIGHUP reads CONFIG again.\n", out);
    return code;
}

static bool parse_number(const char *text, unsigned *out)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (errno || *end || end == text || *text == '-' || value > 100000000)
        return false;
    *out = (unsigned)value;
    return true;
}

static int parse_value(struct arguments *out, const char *name, const char *value)
{
    if (!strcmp(name, "-c")) {
        out->config = value;
    } else if (!strcmp(name, "--runtime")) {
        out->runtime = value;
    } else if (!strcmp(name, "--output")) {
        if (out->outputs == MAX_OUTPUTS) {
            fprintf(stderr, "sysmon run: more than %d outputs\n", MAX_OUTPUTS);
            return -1;
        }
        out->output[out->outputs++] = value;
    } else if (!parse_number(value, &out->duration) || !out->duration) {
        fprintf(stderr, "sysmon run: --duration '%s': a number of seconds from 1 on is needed\n", value);
        return -1;
    }
    return 0;
}

static int parse(struct arguments *out, int argc, char **argv)
{
    static const char *const valued[] = { "-c", "--runtime", "--output", "--duration" };

    for (int i = 1; i < argc; i += 2) {
        unsigned known = 0;

        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            out->help = true;
            return 0;
        }
        while (known < 4 && strcmp(argv[i], valued[known]))
            known++;
        if (known == 4 || i + 1 == argc) {
            fprintf(stderr, known < 4 ? "sysmon run: %s needs a value\n" : "sysmon run: unknown argument '%s'\n", argv[i]);
            return -1;
        }
        if (parse_value(out, argv[i], argv[i + 1]))
            return -1;
    }
    return 0;
}

/* Findings of a file are printed by the first load and are one line of an answer afterwards. */
static int load(void *context, struct installed_config *out, char *error, size_t size)
{
    const struct arguments *arguments = context;
    const struct cli_options none = { 0 };

    if (arguments->config)
        return installed_config_open(out, arguments->config, &none, error, size);
    return installed_config_built_in(out, BUILT_IN, default_config, default_config_size, error, size);
}

/* The person at the terminal sees every finding, and sees them before anything needs root. */
static int check_config(const struct arguments *arguments)
{
    const struct cli_options none = { 0 };
    struct installed_config config;
    int code;

    if (!arguments->config)
        return EXIT_OK;
    code = installed_config_read(&config, arguments->config, &none, CONFIG_WARNING, stderr);
    if (!code)
        installed_config_free(&config);
    return code;
}

static int run(const struct arguments *arguments)
{
    static const char *const fallback[] = { DEFAULT_OUTPUT };
    const struct session_options options = {
        .load = load,
        .context = (void *)(uintptr_t)arguments,
        .outputs = arguments->outputs ? arguments->output : fallback,
        .output_count = arguments->outputs ? arguments->outputs : 1,
        .runtime = arguments->runtime,
        .role = "foreground",
    };
    struct session *session;
    char error[8192] = "";
    int result = session_open(&session, &options, error, sizeof error);

    if (result) {
        fprintf(stderr, "sysmon run: %s\n", error);
        return result;
    }
    result = session_run(session, arguments->duration);
    if (!result)
        session_print_totals(session, stderr);
    session_close(session);
    return result;
}

int cmd_run(int argc, char **argv)
{
    struct arguments arguments = { .runtime = CONTROL_DIRECTORY };
    int result;

    if (argc == 2 && !strcmp(argv[1], "--clipboard")) /* only the monitor itself says so */
        return clipboard_helper();
    if (parse(&arguments, argc, argv))
        return usage(stderr, EXIT_USAGE);
    if (arguments.help)
        return usage(stdout, EXIT_OK);
    result = check_config(&arguments);
    if (result)
        return result;
    if (geteuid()) {
        fputs("sysmon run: must be root: the kernel half is BPF\n", stderr);
        return EXIT_NOT_ROOT;
    }
    return run(&arguments);
}
