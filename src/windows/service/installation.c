/* SPDX-License-Identifier: MIT */
#include "installation.h"
#include "configuration_file.h"
#include "system.h"
#include "wide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static wchar_t *base_name(const wchar_t *path)
{
    const wchar_t *slash = wcsrchr(path, L'\\');
    wchar_t *name = _wcsdup(slash ? slash + 1 : path), *dot = name ? wcsrchr(name, L'.') : NULL;

    if (dot)
        *dot = 0;
    return name;
}

int installation_describe(struct installation *out, const wchar_t *driver)
{
    struct installation made = { 0 };
    wchar_t *windows = system_windows_directory();

    made.program_source = system_program_path();
    if (made.program_source)
        made.service = base_name(made.program_source);
    if (made.service)
        made.driver = driver ? _wcsdup(driver) : settings_driver_of(made.service);
    if (made.service && !made.driver && !driver)
        made.driver = _wcsdup(SETTINGS_DEFAULT_DRIVER);
    if (windows && made.service && made.driver) {
        made.program = wide_format(L"%ls\\%ls.exe", windows, made.service);
        made.driver_file = wide_format(L"%ls\\%ls.sys", windows, made.driver);
    }
    free(windows);
    if (!made.program || !made.driver_file) {
        installation_free(&made);
        return -ENOMEM;
    }
    *out = made;
    return 0;
}

void installation_free(struct installation *installation)
{
    free(installation->service);
    free(installation->driver);
    free(installation->program_source);
    free(installation->program);
    free(installation->driver_file);
    memset(installation, 0, sizeof(*installation));
}

bool installation_elevated(void)
{
    SID_IDENTIFIER_AUTHORITY authority = { SECURITY_NT_AUTHORITY };
    BOOL member = FALSE;
    PSID administrators;

    if (!AllocateAndInitializeSid(&authority, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS, 0, 0, 0, 0, 0, 0,
                                  &administrators))
        return false;
    if (!CheckTokenMembership(NULL, administrators, &member)) /* false for a filtered token: the group is deny-only there */
        member = FALSE;
    FreeSid(administrators);
    return member;
}

bool installation_wrong_program(void)
{
    if (!system_is_wow64())
        return false;
    fputs("This is the 32-bit program and Windows is 64-bit: run Sysmon64.exe instead.\n", stderr);
    return true;
}

int installation_check_rights(void)
{
    if (!installation_elevated()) {
        fputs("You need to launch Sysmon as an Administrator.\n", stderr);
        return EXIT_NOT_ROOT;
    }
    return installation_wrong_program() ? EXIT_INSTALL : EXIT_OK;
}

static void say(FILE *out, const char *format, const wchar_t *name)
{
    const char *hole = strstr(format, "%s");
    char *utf8 = wide_to_utf8(name);

    fprintf(out, "%.*s%s%s", (int)(hole - format), format, utf8 ? utf8 : "", hole + 2);
    fflush(out);
    free(utf8);
}

void installation_say(const char *format, const wchar_t *name)
{
    say(stdout, format, name);
}

void installation_say_error(const char *format, const wchar_t *name)
{
    say(stderr, format, name);
}

void installation_complain(const char *what, const wchar_t *name, unsigned long error)
{
    char text[600], *utf8 = wide_to_utf8(name);

    system_error_text(error, text, sizeof(text));
    fprintf(stderr, "%s %s:\n%s\n", what, utf8 ? utf8 : "", text);
    free(utf8);
}

int installation_settings(struct settings *out, const struct classic *classic)
{
    wchar_t *path = classic->config_path ? wide_from_utf8(classic->config_path) : NULL;
    char hash[HASH_TEXT_SIZE] = "";
    int code = EXIT_OK;

    if (path && configuration_file_hash(path, classic->config->hash_algorithms, hash)) {
        fprintf(stderr, "Error: cannot read '%s' again to compute its hash.\n", classic->config_path);
        code = EXIT_UNREADABLE;
    } else if ((classic->config_path && !path) || settings_from_config(out, classic->config, path, *hash ? hash : NULL)) {
        fputs("Error: out of memory.\n", stderr);
        code = EXIT_INTERNAL;
    }
    free(path);
    return code;
}
