/* SPDX-License-Identifier: MIT */
/* -c: show or replace the configuration of the installed monitor. A running one acknowledges the new one. */
#include "cli/command.h"
#include "control.h"
#include "held_signals.h"
#include "installed_config.h"
#include "service_manager.h"
#include "sysmon/listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RELOAD_SECONDS 60
#define MAX_RULES (256u << 20)

static int open_store(struct store *store, enum store_mode mode)
{
    int error = store_open(store, STORE_DIRECTORY, mode);

    if (!error && store_is_installed(store))
        return EXIT_OK;
    if (!error || error == -ENOENT) {
        fputs("Sysmon is not installed on this computer\n", stderr);
        return EXIT_NOT_INSTALLED;
    }
    fprintf(stderr, "Error: cannot open " STORE_DIRECTORY ": %s\n",
            error == -EBUSY ? "another sysmon command is changing the installation" : strerror(-error));
    return EXIT_INSTALL;
}

/* Field sizes, an empty line, the rules (spec 05 section 7, Linux). */
static int dump(void)
{
    struct store store;
    void *sizes, *rules;
    size_t size;
    int code = open_store(&store, STORE_READ), error;

    if (code)
        return code;
    if (!store_read(&store, STORE_FIELD_SIZES, 1 << 16, &sizes, &size)) {
        printf("%-34s%s\n", " - Field Sizes:", (char *)sizes);
        free(sizes);
    }
    error = store_read(&store, STORE_RULES, MAX_RULES, &rules, &size);
    store_close(&store);
    if (error == -ENOENT) {
        puts("No config to display");
        return EXIT_OK;
    }
    if (error) {
        fprintf(stderr, "Error: cannot read " STORE_DIRECTORY "/" STORE_RULES ": %s\n", strerror(-error));
        return EXIT_UNREADABLE;
    }
    puts("");
    error = listing_print(stdout, rules, size, LISTING_TITLE);
    free(rules);
    if (error)
        fputs("Error: " STORE_DIRECTORY "/" STORE_RULES " is damaged: configure anew with sysmon -c FILE\n", stderr);
    return error ? EXIT_CONFIG : EXIT_OK;
}

/* `sysmon run` in the foreground holds the place of the service, but its configuration is its own. */
static bool is_service(void)
{
    char *text;
    size_t size;
    bool service = control_call(CONTROL_DIRECTORY, "ping", RELOAD_SECONDS, &text, &size) != EXIT_OK || !strcmp(text, CONTROL_SERVICE);

    free(text);
    return service; /* without an answer as well: the reload then says why */
}

/* The running monitor takes the stored files, or says why not. */
static int tell_monitor(void)
{
    char *text;
    size_t size;
    int code;

    if (!service_running() || !is_service()) {
        puts("The service is not running: the configuration applies when it starts.");
        return EXIT_OK;
    }
    code = control_call(CONTROL_DIRECTORY, "reload", RELOAD_SECONDS, &text, &size);
    if (code)
        fprintf(stderr, "Error: the running monitor kept its configuration: %s\n", text ? text : "out of memory");
    free(text);
    return code;
}

static int replace(struct store *store, const struct installed_config *config, const struct classic *classic)
{
    int error = installed_config_stage(config, store, classic->argc, classic->argv), code;

    if (!error)
        error = store_commit(store);
    if (error) {
        fprintf(stderr, "Error: cannot write to " STORE_DIRECTORY ": %s\n", strerror(-error));
        return EXIT_INSTALL;
    }
    code = tell_monitor();
    if (code)
        store_rollback(store);
    else
        store_finish(store);
    return code;
}

int classic_configure(const struct classic *classic)
{
    bool defaults = classic->options->option[OPTION_ConfigDefault].set;
    struct installed_config config;
    struct held_signals held;
    struct store store;
    int code;

    if (geteuid()) {
        fputs("Error: You need to run Sysmon as root.\n", stderr);
        return EXIT_NOT_ROOT;
    }
    if (!classic->config_path && !defaults)
        return dump();
    code = installed_config_read(&config, classic->config_path, classic->options, CONFIG_ERROR, stderr);
    if (code)
        return code;
    held_signals_begin(&held);
    code = open_store(&store, STORE_CHANGE);
    if (!code) {
        if (defaults)
            puts("Updating configuration to use all defaults.");
        code = replace(&store, &config, classic);
        store_close(&store);
    }
    if (!code)
        puts("Configuration updated.");
    fflush(stdout);
    held_signals_end(&held);
    installed_config_free(&config);
    return code;
}
