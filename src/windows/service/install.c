/* SPDX-License-Identifier: MIT */
/*
 * `-i`: a list of steps, each with its way back. When one fails, those before it are undone in reverse order, so that a failed
 * installation leaves nothing behind. Order and lines: spec 01 section 2.1.
 */
#include "control.h"
#include "event_manifest.h"
#include "wide_file.h"
#include "installation.h"
#include "resource.h"
#include "service.h"
#include "system.h"
#include "wide.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct install {
    struct installation names;
    struct settings settings;
    bool program_in_place; /* started from the Windows folder: nothing to copy or to delete */
};

struct step {
    const char *name; /* `Error: cannot NAME` */
    DWORD (*run)(struct install *install);
    void (*undo)(struct install *install); /* NULL: nothing to undo */
};

static DWORD copy_program(struct install *install)
{
    install->program_in_place = !_wcsicmp(install->names.program_source, install->names.program);
    if (install->program_in_place || CopyFileW(install->names.program_source, install->names.program, FALSE))
        return ERROR_SUCCESS;
    return GetLastError();
}

static void delete_program(struct install *install)
{
    if (!install->program_in_place)
        DeleteFileW(install->names.program);
}

static DWORD register_events(struct install *install)
{
    return event_manifest_register(install->names.program);
}

static void remove_events(struct install *install)
{
    event_manifest_remove(install->names.program);
}

static DWORD create_service(struct install *install)
{
    const struct service_definition definition = { install->names.service, install->names.program, L"System Monitor service",
                                                   SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START, true };
    DWORD error = control_create(&definition);

    if (!error)
        error = settings_set_driver_of(install->names.service, install->names.driver);
    if (!error)
        installation_say("%s installed.\n", install->names.service);
    else
        control_remove(install->names.service);
    return error;
}

static void delete_service(struct install *install)
{
    control_remove(install->names.service);
}

static DWORD release_driver(struct install *install)
{
    size_t size;
    const void *image = resource_find(RESOURCE_DRIVER_TYPE, RESOURCE_DRIVER_NAME, &size);

    return image ? wide_file_write(install->names.driver_file, image, size) : ERROR_RESOURCE_NAME_NOT_FOUND;
}

static void delete_driver_file(struct install *install)
{
    DeleteFileW(install->names.driver_file);
}

static DWORD create_driver(struct install *install)
{
    /* Relative, hence below %SystemRoot%: the boot loader knows no drive letters. */
    const wchar_t *file = wcsrchr(install->names.driver_file, L'\\') + 1;
    const struct service_definition definition = { install->names.driver, file, L"System Monitor driver", SERVICE_KERNEL_DRIVER,
                                                   SERVICE_BOOT_START, false };
    DWORD error = control_create(&definition);

    if (!error)
        installation_say("%s installed.\n", install->names.driver);
    return error;
}

static void delete_driver(struct install *install)
{
    control_remove(install->names.driver);
}

static DWORD write_settings(struct install *install)
{
    const wchar_t *value;
    DWORD error = settings_write_instances(install->names.driver);

    if (!error) {
        error = settings_store(&install->settings, install->names.driver, &value);
        if (error)
            installation_complain("Error: cannot write the registry value", value, error);
    }
    return error;
}

/* Wine resolves no relative image path: `\SystemRoot\` means the same on every system. */
static DWORD start_driver_service(struct install *install)
{
    DWORD error = control_start(install->names.driver, NULL, NULL);
    wchar_t path[64];

    if (error != ERROR_DLL_INIT_FAILED && error != ERROR_FILE_NOT_FOUND && error != ERROR_PATH_NOT_FOUND)
        return error;
    _snwprintf(path, 63, L"\\SystemRoot\\%ls.sys", install->names.driver);
    path[63] = 0;
    if (control_set_image_path(install->names.driver, path))
        return error;
    return control_start(install->names.driver, NULL, NULL);
}

static DWORD start_driver(struct install *install)
{
    DWORD error;

    installation_say("Starting %s.\n", install->names.driver);
    error = start_driver_service(install);
    if (error)
        installation_complain("StartService failed for", install->names.driver, error);
    else
        installation_say("%s started.\n", install->names.driver);
    return error;
}

static void stop_driver(struct install *install)
{
    control_stop(install->names.driver);
}

static void dot(void)
{
    putchar('.');
    fflush(stdout);
}

static DWORD start_service(struct install *install)
{
    DWORD error;

    installation_say("Starting %s.", install->names.service);
    error = control_start(install->names.service, SERVICE_ARGUMENT_CONFIGURED, dot);
    putchar('\n');
    if (error) {
        installation_complain("StartService failed for", install->names.service, error);
        control_stop(install->names.service); /* it may still be on its way up */
    } else {
        installation_say("%s started.\n", install->names.service);
    }
    return error;
}

static const struct step steps[] = {
    { "copy the program to the Windows folder", copy_program, delete_program },
    { "register the event manifest", register_events, remove_events },
    { "create the service", create_service, delete_service },
    { "write the driver to the Windows folder", release_driver, delete_driver_file },
    { "create the driver service", create_driver, delete_driver },
    { "write the settings", write_settings, NULL },
    { "start the driver", start_driver, stop_driver },
    { "start the service", start_service, NULL },
};

#define STEP_COUNT (sizeof(steps) / sizeof(steps[0]))

#ifdef INSTALL_FAULTS
/* Only in the program that the tests build: the step whose number is in the environment fails. */
static DWORD fault(unsigned step)
{
    const char *wanted = getenv("SYSMON_INSTALL_FAULT");

    return wanted && (unsigned)atoi(wanted) == step ? ERROR_NOT_READY : ERROR_SUCCESS;
}
#else
static DWORD fault(unsigned step)
{
    (void)step;
    return ERROR_SUCCESS;
}
#endif

static int run_steps(struct install *install)
{
    for (unsigned i = 0; i < STEP_COUNT; i++) {
        DWORD error = fault(i + 1);
        char text[600];

        if (!error)
            error = steps[i].run(install);
        if (!error)
            continue;
        system_error_text(error, text, sizeof(text));
        fprintf(stderr, "Error: cannot %s: %s\nNothing was installed: the steps before it have been undone.\n", steps[i].name, text);
        while (i-- > 0)
            if (steps[i].undo)
                steps[i].undo(install);
        return EXIT_INSTALL;
    }
    return EXIT_OK;
}

/* True, after a message, when a service of this name exists already or cannot be asked for. */
static bool is_taken(const char *message, const wchar_t *name)
{
    bool exists = false;
    DWORD error = control_exists(name, &exists);

    if (error)
        installation_complain("Error: cannot ask for the service", name, error);
    else if (exists)
        installation_say_error(message, name);
    return error || exists;
}

static bool driver_name_valid(const char *name)
{
    size_t length = strlen(name);

    if (length < 1 || length > SETTINGS_DRIVER_NAME_LIMIT)
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_' && *name != '-')
            return false;
    return true;
}

/* The wanted driver name; NULL for the default. 0, or an exit code after a message. */
static int driver_name(const struct classic *classic, wchar_t **out)
{
    const char *name = classic->config->option[OPTION_DriverName].text;

    *out = NULL;
    if (!name)
        return EXIT_OK;
    if (!driver_name_valid(name)) {
        fprintf(stderr, "Error: the driver name '%s' is not valid: 1 to %d letters, digits, '_' or '-'.\n", name,
                SETTINGS_DRIVER_NAME_LIMIT);
        return EXIT_USAGE;
    }
    *out = wide_from_utf8(name);
    return *out ? EXIT_OK : EXIT_INTERNAL;
}

int classic_install(const struct classic *classic)
{
    struct install install = { 0 };
    wchar_t *driver = NULL;
    int code = installation_check_rights();

    if (!code)
        code = driver_name(classic, &driver);
    if (!code && installation_describe(&install.names, driver ? driver : SETTINGS_DEFAULT_DRIVER))
        code = EXIT_INTERNAL;
    if (!code)
        code = installation_settings(&install.settings, classic);
    if (!code && (is_taken("The service %s is already registered. Uninstall Sysmon before reinstalling.\n", install.names.service) ||
                  is_taken("The driver %s is already registered. Uninstall Sysmon before reinstalling.\n", install.names.driver)))
        code = EXIT_INSTALL;
    if (!code)
        code = run_steps(&install);
    settings_free(&install.settings);
    installation_free(&install.names);
    free(driver);
    return code;
}
