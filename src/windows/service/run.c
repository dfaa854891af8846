/* SPDX-License-Identifier: MIT */
/*
 * `run`: monitoring in the foreground, without an installation. The driver is brought along for the time being and taken away
 * afterwards. `stats`: the counters of whoever monitors.
 */
#include "cli/command.h"
#include "cli/config_file.h"
#include "configuration_file.h"
#include "control.h"
#include "installation.h"
#include "monitor.h"
#include "resource.h"
#include "stats_pipe.h"
#include "system.h"
#include "wide.h"
#include "wide_file.h"

#include "sysmon/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OUTPUTS 16

struct arguments {
    const char *config, *outputs[MAX_OUTPUTS];
    unsigned output_count;
    DWORD seconds; /* 0: until interrupted */
    bool event_log, help;
};

static HANDLE interrupted;

static int usage(FILE *out, int code)
{
    fputs("usage: Sysmon64 run [-c|--config FILE] [--output KIND:TARGET]... [--event-log] [--duration SECONDS]\n"
          "Monitors in the foreground; without --output, one line an event on standard output.\n", out);
    return code;
}

static int parse(struct arguments *out, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        bool config = !strcmp(word, "-c") || !strcmp(word, "--config");

        if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
            out->help = true;
        } else if (!strcmp(word, "--event-log")) {
            out->event_log = true;
        } else if (config && value) {
            out->config = argv[++i];
        } else if (!strcmp(word, "--duration") && value && strtoul(value, NULL, 10)) {
            out->seconds = strtoul(argv[++i], NULL, 10);
        } else if (!strcmp(word, "--output") && value && out->output_count < MAX_OUTPUTS) {
            out->outputs[out->output_count++] = argv[++i];
        } else {
            fprintf(stderr, "run: cannot understand '%s'\n", word);
            return -1;
        }
    }
    if (!out->output_count)
        out->outputs[out->output_count++] = "text:-,oneline";
    return 0;
}

static BOOL WINAPI on_interrupt(DWORD kind)
{
    SetEvent(interrupted);
    return TRUE;
}

/* Settings of the file, or defaults. An exit code after a message. */
static int load_settings(struct settings *out, const char *path)
{
    const struct config_parameters parameters = { .system = SYSTEM_HERE, .no_lint = true };
    struct config *config = NULL;
    char hash[HASH_TEXT_SIZE] = "";
    wchar_t *wide = path ? wide_from_utf8(path) : NULL;
    int code = EXIT_OK;

    if (path)
        code = config_file_load(&config, path, &parameters, CONFIG_WARNING, stderr, NULL);
    else
        config = config_new();
    if (!code && wide)
        configuration_file_hash(wide, config->hash_algorithms, hash);
    if (!code && (!config || settings_from_config(out, config, wide, *hash ? hash : NULL)))
        code = EXIT_INTERNAL;
    config_free(config);
    free(wide);
    return code;
}

/* The driver for the time of this run, on demand instead of at boot. */
static DWORD bring_driver(const struct installation *names, const struct settings *settings)
{
    wchar_t path[64];
    struct service_definition definition = { names->driver, path, L"System Monitor driver", SERVICE_KERNEL_DRIVER,
                                             SERVICE_DEMAND_START, false };
    size_t size;
    const void *image = resource_find(RESOURCE_DRIVER_TYPE, RESOURCE_DRIVER_NAME, &size);
    DWORD error;

    _snwprintf(path, 63, L"\\SystemRoot\\%ls.sys", names->driver);
    path[63] = 0;
    error = image ? wide_file_write(names->driver_file, image, size) : ERROR_RESOURCE_NAME_NOT_FOUND;
    if (!error)
        error = control_create(&definition);
    if (!error)
        error = settings_write_instances(names->driver);
    if (!error)
        error = settings_store(settings, names->driver, NULL);
    if (!error)
        error = control_start(names->driver, NULL, NULL);
    return error;
}

static void remove_driver(const struct installation *names)
{
    control_stop(names->driver);
    control_remove(names->driver);
    DeleteFileW(names->driver_file);
}

static int monitor_until_done(const struct arguments *arguments, const struct installation *names)
{
    const struct monitor_options options = { .driver = names->driver, .outputs = arguments->outputs,
                                             .output_count = arguments->output_count, .event_log = arguments->event_log,
                                             .configured = true, .name = names->service };
    char message[1024];
    struct monitor *monitor;

    if (monitor_start(&monitor, &options, message, sizeof(message))) {
        fprintf(stderr, "run: %s\n", message);
        return EXIT_OUTPUT;
    }
    SetConsoleCtrlHandler(on_interrupt, TRUE);
    WaitForSingleObject(interrupted, arguments->seconds ? arguments->seconds * 1000 : INFINITE);
    monitor_stop(monitor);
    SetConsoleCtrlHandler(on_interrupt, FALSE);
    return EXIT_OK;
}

static int run(const struct arguments *arguments, const struct installation *names)
{
    struct settings settings = { 0 };
    bool service = false, driver = false;
    int code = load_settings(&settings, arguments->config);
    DWORD error;

    control_exists(names->service, &service);
    control_exists(names->driver, &driver);
    if (!code && (service || driver)) {
        fputs("run: Sysmon is installed on this computer and monitors already. Give its service an output (docs/windows.md), or\n"
              "remove it with -u first.\n", stderr);
        code = EXIT_SECOND_INSTANCE;
    }
    if (!code) {
        error = bring_driver(names, &settings);
        if (error) /* the monitor says so too, in an event 255, and goes on with what needs no driver */
            installation_complain("run: no driver, sources without one go on:", names->driver, error);
        code = monitor_until_done(arguments, names);
        remove_driver(names);
    }
    settings_free(&settings);
    return code;
}

int cmd_run(int argc, char **argv)
{
    struct arguments arguments = { 0 };
    struct installation names;
    int code;

    if (parse(&arguments, argc, argv))
        return usage(stderr, EXIT_USAGE);
    if (arguments.help)
        return usage(stdout, EXIT_OK);
    code = installation_check_rights();
    if (code)
        return code;
    interrupted = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!interrupted || installation_describe(&names, SETTINGS_DEFAULT_DRIVER))
        return EXIT_INTERNAL;
    code = run(&arguments, &names);
    installation_free(&names);
    CloseHandle(interrupted);
    return code;
}

int cmd_stats(int argc, char **argv)
{
    const char *format = argc > 1 ? argv[argc - 1] : "text";
    enum stats_format parsed;
    struct installation names;
    char *text;
    size_t size;
    DWORD error;

    while (*format == '-')
        format++;
    if (argc > 3 || (argc == 3 && strcmp(argv[1], "--format")) || stats_format_parse(format, &parsed)) {
        fputs("usage: Sysmon64 stats [--format text|json|prometheus]\nShows the counters of the running monitor.\n", stderr);
        return EXIT_USAGE;
    }
    if (installation_describe(&names, NULL))
        return EXIT_INTERNAL;
    error = stats_pipe_ask(names.service, format, &text, &size);
    installation_free(&names);
    if (error) {
        fputs(error == ERROR_ACCESS_DENIED ? "stats: only an administrator may ask the monitor.\n"
                                           : "stats: no monitor of this name is running.\n", stderr);
        return error == ERROR_ACCESS_DENIED ? EXIT_NOT_ROOT : EXIT_NOT_RUNNING;
    }
    fwrite(text, 1, size, stdout);
    free(text);
    return EXIT_OK;
}
