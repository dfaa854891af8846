/* SPDX-License-Identifier: MIT */
/* `-u [force]`: everything away, in the order and with the lines of spec 01 section 5. Archive directories stay. */
#include "control.h"
#include "event_manifest.h"
#include "installation.h"
#include "wide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stops and deletes one service. True: gone, or `force` and everything possible was done. */
static bool remove_service(const wchar_t *name, bool force)
{
    bool exists = false;
    DWORD error = control_exists(name, &exists);

    if (!error && !exists) {
        if (!force)
            installation_say_error("The service %s is not registered. Use -u force to remove what is left.\n", name);
        control_remove(name); /* keys that an earlier failure left */
        return force;
    }
    installation_say("Stopping %s.\n", name);
    error = control_stop(name);
    if (error)
        installation_complain("Stopping the service failed:", name, error);
    else
        installation_say("%s stopped.\n", name);
    if (error && !force)
        return false;
    error = control_remove(name);
    if (error)
        installation_complain("DeleteService failed:", name, error);
    else
        installation_say("%s removed.\n", name);
    return !error || force;
}

/* A program cannot delete itself while it runs: then it goes with the next start of Windows. */
static bool delete_file(const wchar_t *path)
{
    DWORD error = DeleteFileW(path) ? ERROR_SUCCESS : GetLastError();

    if (!error || error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND)
        return true;
    if (MoveFileExW(path, NULL, MOVEFILE_DELAY_UNTIL_REBOOT))
        return true;
    installation_complain("Error: cannot delete", path, error);
    return false;
}

static int remove_all(const struct installation *names, bool force)
{
    bool done = remove_service(names->service, force) && remove_service(names->driver, force);

    if (!done)
        return EXIT_INSTALL;
    event_manifest_remove(names->program);
    puts("Removing service files.");
    fflush(stdout);
    done = delete_file(names->driver_file);
    done = delete_file(names->program) && done;
    return done || force ? EXIT_OK : EXIT_INSTALL;
}

int classic_uninstall(const struct classic *classic)
{
    const char *word = classic->options->option[OPTION_UnInstall].value;
    bool force = word && !_stricmp(word, "force"), service = false, driver = false;
    struct installation names;
    int code;

    if (word && !force) {
        fputs("Invalid option for -u.\n", stderr);
        return usage_print(classic->argv[0]);
    }
    code = installation_check_rights();
    if (code)
        return code;
    if (installation_describe(&names, NULL))
        return EXIT_INTERNAL;
    control_exists(names.service, &service);
    control_exists(names.driver, &driver);
    if (!service && !driver && !force) {
        puts("Sysmon is not installed on this computer");
        code = EXIT_NOT_INSTALLED;
    } else {
        code = remove_all(&names, force);
    }
    installation_free(&names);
    return code;
}
