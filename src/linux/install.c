/* SPDX-License-Identifier: MIT */
/*
 * -i and -u: the monitor as a service of this machine. Installing either succeeds or leaves everything as it was; each step
 * that changes something has its way back in undo().
 */
#include "cli/command.h"
#include "control.h"
#include "held_signals.h"
#include "installed_config.h"
#include "service.h"
#include "service_manager.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct installation {
    struct store store;
    enum service_manager manager;
    char program[PATH_MAX]; /* what the service runs */
    bool copy;              /* it is to be a copy in the store */
    bool was_running, was_registered, registered, committed;
    char error[512];
};

static int refuse(const char *text, int code)
{
    fprintf(stderr, "Error: %s\n", text);
    return code;
}

/* A program that only root can change, where the system keeps its programs, needs no copy. */
static bool is_system_program(const char *path)
{
    static const char *const places[] = { "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/", STORE_DIRECTORY "/" };
    struct stat st;

    if (stat(path, &st) || st.st_uid != 0 || (st.st_mode & 022))
        return false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (!strncmp(path, places[i], strlen(places[i])))
            return true;
    return false;
}

static void find_program(struct installation *in)
{
    ssize_t size = readlink("/proc/self/exe", in->program, sizeof in->program - 1);

    in->program[size > 0 ? size : 0] = '\0';
    in->copy = !is_system_program(in->program);
    if (in->copy)
        snprintf(in->program, sizeof in->program, STORE_DIRECTORY "/" STORE_PROGRAM);
}

static int open_store(struct store *store, enum store_mode mode)
{
    int error = store_open(store, STORE_DIRECTORY, mode);

    if (!error)
        return EXIT_OK;
    if (error == -ENOENT)
        return EXIT_NOT_INSTALLED;
    if (error == -EBUSY)
        fputs("Error: another sysmon command is changing the installation: try again\n", stderr);
    else if (error == -EPERM)
        fputs("Error: " STORE_DIRECTORY " does not belong to root: remove it\n", stderr);
    else
        fprintf(stderr, "Error: cannot open " STORE_DIRECTORY ": %s\n", strerror(-error));
    return EXIT_INSTALL;
}

static int stage_program(struct installation *in)
{
    int fd, error;

    if (!in->copy)
        return 0;
    fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    error = store_stage_copy(&in->store, STORE_PROGRAM, fd, 0700);
    close(fd);
    return error;
}

/* Everything that can be refused, before anything changes. */
static int stage(struct installation *in, const struct classic *classic)
{
    struct installed_config config;
    int code = installed_config_read(&config, classic->config_path, classic->options, CONFIG_ERROR, stderr), error;

    if (code)
        return code;
    error = installed_config_stage(&config, &in->store, classic->argc, classic->argv);
    installed_config_free(&config);
    if (!error)
        error = stage_program(in);
    if (error)
        snprintf(in->error, sizeof in->error, "cannot write to " STORE_DIRECTORY ": %s", strerror(-error));
    return error ? EXIT_INSTALL : EXIT_OK;
}

static int put_in_place(struct installation *in)
{
    int error;

    if (held_signals_pending()) {
        snprintf(in->error, sizeof in->error, "interrupted");
        return EXIT_INSTALL;
    }
    error = store_commit(&in->store);
    if (error) {
        snprintf(in->error, sizeof in->error, "cannot replace the files of " STORE_DIRECTORY ": %s", strerror(-error));
        return EXIT_INSTALL;
    }
    in->committed = true;
    in->registered = true;
    return service_register(in->manager, in->program, in->error, sizeof in->error);
}

static void undo(struct installation *in)
{
    char ignored[512];

    if (in->committed && service_running()) /* started, but not in time */
        service_stop(in->manager, ignored, sizeof ignored);
    if (in->registered && !in->was_registered)
        service_unregister(in->manager, ignored, sizeof ignored);
    if (in->committed)
        store_rollback(&in->store);
    if (in->was_running && !service_start(in->manager, in->program, ignored, sizeof ignored))
        fputs("The monitor that was running before has been started again.\n", stderr);
}

/* Whoever installs for a later start says SYSMON_START=no: packages, when policy-rc.d forbids starting. */
static bool may_start(void)
{
    const char *start = getenv("SYSMON_START");

    return !start || strcmp(start, "no") != 0;
}

static int install(struct installation *in, const struct classic *classic)
{
    int code = stage(in, classic);

    if (code)
        return code;
    in->was_registered = service_is_registered(in->manager);
    if (service_running()) {
        puts("Stopping Sysmon.");
        code = service_stop(in->manager, in->error, sizeof in->error);
        if (code)
            return code;
        in->was_running = true;
    }
    code = put_in_place(in);
    if (code)
        return code;
    puts("Sysmon installed.");
    if (!may_start())
        return EXIT_OK;
    puts("Starting Sysmon.");
    fflush(stdout);
    return service_start(in->manager, in->program, in->error, sizeof in->error);
}

int classic_install(const struct classic *classic)
{
    struct installation in = { .manager = service_manager_here() };
    struct held_signals held;
    int code;

    if (classic->options->option[OPTION_Service].set)
        return service_main();
    if (geteuid())
        return refuse("You need to run Sysmon as root.", EXIT_NOT_ROOT);
    held_signals_begin(&held);
    find_program(&in);
    code = open_store(&in.store, STORE_CREATE);
    if (!code) {
        code = install(&in, classic);
        if (code && in.error[0])
            fprintf(stderr, "Error: Sysmon was not installed: %s\n", in.error);
        if (code)
            undo(&in);
        else
            store_finish(&in.store);
        store_close(&in.store);
    }
    if (!code)
        puts(may_start() ? "Sysmon started." : "Sysmon was not started.");
    fflush(stdout);
    held_signals_end(&held);
    return code;
}

/* There is nothing like an event manifest here. */
int classic_manifest(const struct classic *classic)
{
    return usage_print(classic->argv[0]);
}

/* --- -u ------------------------------------------------------------------------------------------------------------- */

static void remove_runtime(void)
{
    unlink(CONTROL_DIRECTORY "/control");
    unlink(CONTROL_DIRECTORY "/lock");
    unlink(CONTROL_DIRECTORY "/boot"); /* identity.c */
    rmdir(CONTROL_DIRECTORY);
    unlink(SERVICE_PID_FILE);
}

static int remove_all(struct store *store, enum service_manager manager, bool force)
{
    char error[512] = "";
    int code = service_stop(manager, error, sizeof error), step;

    if (code && code != EXIT_NOT_RUNNING) {
        fprintf(stderr, "Stopping the service failed: %s\n", error);
        if (!force)
            return code;
    } else {
        puts("Sysmon stopped.");
    }
    code = service_unregister(manager, error, sizeof error);
    step = store->directory >= 0 ? store_remove(store) : 0;
    if (step) {
        snprintf(error, sizeof error, "cannot remove " STORE_DIRECTORY ": %s", strerror(-step));
        code = EXIT_INSTALL;
    }
    if (code)
        fprintf(stderr, "Error: %s\n", error);
    else
        puts("Sysmon removed.");
    remove_runtime();
    return force ? EXIT_OK : code;
}

int classic_uninstall(const struct classic *classic)
{
    const char *value = classic->options->option[OPTION_UnInstall].value;
    enum service_manager manager = service_manager_here();
    bool force = value && !strcasecmp(value, "force");
    struct store store = { .directory = -1 };
    struct held_signals held;
    int code;

    if (geteuid())
        return refuse("You need to run Sysmon as root.", EXIT_NOT_ROOT);
    held_signals_begin(&held);
    code = open_store(&store, STORE_CHANGE);
    if (code && code != EXIT_NOT_INSTALLED && !force)
        return code;
    if (code == EXIT_NOT_INSTALLED && !force && !service_running()) {
        fputs("Sysmon is not installed on this computer\n", stderr);
        return code;
    }
    code = remove_all(&store, manager, force);
    store_close(&store);
    fflush(stdout);
    held_signals_end(&held);
    return code;
}
