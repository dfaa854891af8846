/* SPDX-License-Identifier: MIT */
/* `sysmon run`: monitor in the foreground. */
#include "cli/command.h"
#include "cli/config_file.h"
#include "linux/control.h"
#include "linux/default_config.h"
#include "linux/monitor.h"
#include "port/file.h"
#include "sysmon/hash.h"
#include "sysmon/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_OUTPUTS 16
#define DEFAULT_OUTPUT "text:-,oneline"
#define FLUSH_MS 5000
#define BUILT_IN "built-in configuration"

struct arguments {
    const char *config, *runtime;
    const char *output[MAX_OUTPUTS];
    unsigned outputs, duration;
    bool help;
};

struct run {
    struct arguments arguments;
    struct outputs *outputs;
    struct control *control;
    struct monitor *monitor;
    int loss; /* event descriptor: an output lost something */
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

static int load_config(const struct arguments *arguments, struct config **out)
{
    struct config_parameters parameters = { .system = CATALOGUE_LINUX };
    struct config_diagnostics diagnostics = { 0 };
    int result;

    if (arguments->config)
        return config_file_load(out, arguments->config, &parameters, CONFIG_WARNING, stderr, NULL);
    result = config_compile(out, default_config, default_config_size, &parameters, &diagnostics);
    if (result)
        config_diagnostics_print(stderr, BUILT_IN, &diagnostics, CONFIG_ERROR);
    config_diagnostics_free(&diagnostics);
    return result ? EXIT_INTERNAL : EXIT_OK;
}

/* Name and hash for event 16: the hash of the file by the algorithms it asks for, but IMPHASH (spec 01 section 2.3). */
static void describe(const struct arguments *arguments, const struct config *config, struct monitor_configuration *out,
                     char hash[HASH_TEXT_SIZE])
{
    uint32_t mask = hash_mask(config->hash_algorithms) & ~(uint32_t)HASH_IMPHASH;
    struct hash_values values;
    struct byte_buffer buffer = { 0 };
    struct byte_source bytes = byte_source_buffer(&buffer);
    void *data = NULL;

    *out = (struct monitor_configuration){ config, arguments->config ? arguments->config : BUILT_IN, NULL };
    if (!arguments->config || file_read(arguments->config, CONFIG_MAX_FILE_SIZE, &data, &buffer.size))
        return;
    buffer.data = data;
    if (!hash_compute(&values, mask ? mask : HASH_DEFAULT, &bytes)) {
        hash[hash_format(hash, &values, false)] = 0;
        out->hash = hash;
    }
    free(data);
}

/* --- callbacks of the monitor's loop ---------------------------------------------------------------------------------- */

static void write_event(void *context, struct event *event)
{
    outputs_write(((struct run *)context)->outputs, event);
}

static int reload(void *context, char *message, size_t size)
{
    struct run *run = context;
    struct monitor_configuration configuration;
    char hash[HASH_TEXT_SIZE];
    struct config *config;
    int result = load_config(&run->arguments, &config), error;

    if (result) {
        snprintf(message, size, "%s: not loaded, the rules stay as they are",
                 run->arguments.config ? run->arguments.config : BUILT_IN);
        return result;
    }
    describe(&run->arguments, config, &configuration, hash);
    error = monitor_configure(run->monitor, &configuration);
    config_free(config);
    if (error)
        snprintf(message, size, "the rules could not be replaced: %s", strerror(-error));
    return error ? EXIT_INTERNAL : EXIT_OK;
}

static void hang_up(void *context)
{
    struct run *run = context;
    char message[256];

    outputs_reopen(run->outputs);
    if (reload(run, message, sizeof message))
        fprintf(stderr, "sysmon run: %s\n", message);
}

static void stop(void *context)
{
    monitor_stop(((struct run *)context)->monitor);
}

static void stats(void *context, struct stats *out)
{
    struct run *run = context;

    monitor_stats(run->monitor, out);
}

static void serve(void *context)
{
    control_serve(((struct run *)context)->control);
}

/* From an output's thread. */
static void on_loss(void *context)
{
    (void)!write(((struct run *)context)->loss, &(uint64_t){ 1 }, sizeof(uint64_t));
}

static void report_loss(void *context)
{
    struct run *run = context;
    char text[512];
    uint64_t count;

    (void)!read(run->loss, &count, sizeof count);
    if (outputs_take_loss(run->outputs, text, sizeof text))
        monitor_event_error(run->monitor, "Outputs", text);
}

/* ------------------------------------------------------------------------------------------------------------------------ */

static int open_outputs(struct run *run)
{
    static const char *const fallback[] = { DEFAULT_OUTPUT };
    const struct arguments *arguments = &run->arguments;
    struct outputs_options options = { .on_loss = on_loss, .context = run };
    char error[512];

    run->loss = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (run->loss < 0)
        return EXIT_INTERNAL;
    if (outputs_open(&run->outputs, arguments->outputs ? arguments->output : fallback,
                     arguments->outputs ? arguments->outputs : 1, &options, error, sizeof error)) {
        fprintf(stderr, "sysmon run: %s\n", error);
        return EXIT_OUTPUT;
    }
    return EXIT_OK;
}

static int open_control(struct run *run)
{
    const struct control_handlers handlers = { .context = run, .reload = reload, .stats = stats, .stop = stop };
    char error[512];
    int result = control_open(&run->control, run->arguments.runtime, &handlers, error, sizeof error);

    if (result)
        fprintf(stderr, "sysmon run: %s\n", error);
    return result;
}

static int open_monitor(struct run *run, const struct config *config)
{
    struct monitor_options options = { .write = write_event, .reload = hang_up, .context = run };
    char error[8192], hash[HASH_TEXT_SIZE];
    int result;

    describe(&run->arguments, config, &options.configuration, hash);
    result = monitor_open(&run->monitor, &options, error, sizeof error);
    if (result) {
        fprintf(stderr, "sysmon run: %s\n", error);
        return result;
    }
    if (monitor_watch(run->monitor, control_descriptor(run->control), serve, run) ||
        monitor_watch(run->monitor, run->loss, report_loss, run))
        return EXIT_INTERNAL;
    return EXIT_OK;
}

static int run_all(struct run *run, const struct config *config)
{
    int result = open_control(run);

    if (!result)
        result = open_outputs(run);
    if (!result)
        result = open_monitor(run, config);
    if (!result && monitor_run(run->monitor, run->arguments.duration))
        result = EXIT_INTERNAL;
    if (run->monitor && !result)
        monitor_print_totals(run->monitor, stderr);
    monitor_close(run->monitor);
    outputs_close(run->outputs, FLUSH_MS);
    control_close(run->control);
    if (run->loss >= 0)
        close(run->loss);
    return result;
}

int cmd_run(int argc, char **argv)
{
    struct run run = { .arguments = { .runtime = CONTROL_DIRECTORY }, .loss = -1 };
    struct config *config;
    int result;

    if (parse(&run.arguments, argc, argv))
        return usage(stderr, EXIT_USAGE);
    if (run.arguments.help)
        return usage(stdout, EXIT_OK);
    result = load_config(&run.arguments, &config);
    if (result)
        return result;
    if (geteuid()) {
        fputs("sysmon run: must be root: the kernel half is BPF\n", stderr);
        result = EXIT_NOT_ROOT;
    } else {
        result = run_all(&run, config);
    }
    config_free(config);
    return result;
}
