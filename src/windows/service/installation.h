/* SPDX-License-Identifier: MIT */
/* The installed product: its names and files. */
#pragma once

#include <stdbool.h>
#include <wchar.h>

#include "cli/command.h"
#include "settings.h"

struct installation {
    wchar_t *service;        /* base name of this program (spec 01 section 1) */
    wchar_t *driver;
    wchar_t *program_source; /* this file */
    wchar_t *program;        /* %SystemRoot%\SERVICE.exe */
    wchar_t *driver_file;    /* %SystemRoot%\DRIVER.sys */
};

/* `driver` NULL: the one that belongs to the service, else the default name. Returns 0 or -ENOMEM. */
int installation_describe(struct installation *out, const wchar_t *driver);
void installation_free(struct installation *installation);

/* An administrator with full rights. */
bool installation_elevated(void);
/* The 32-bit program on 64-bit Windows: says so and returns true; nothing may be installed then. */
bool installation_wrong_program(void);
/* Says what is missing on stderr and returns an exit code other than 0 when this process may not administrate. */
int installation_check_rights(void);

/* Print a line with one `%s` for the name: on stdout, and on stderr. */
void installation_say(const char *format, const wchar_t *name);
void installation_say_error(const char *format, const wchar_t *name);
/* Prints `WHAT NAME:` and the text of a Windows error on stderr. */
void installation_complain(const char *what, const wchar_t *name, unsigned long error);

/* Settings of a classic command line, which is merged into its configuration. 0, or an exit code after a message. */
int installation_settings(struct settings *out, const struct classic *classic);
