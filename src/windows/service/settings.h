/* SPDX-License-Identifier: MIT */
/*
 * What is kept in the registry between the tool, the service and the driver (spec 01 section 2.3): the value DriverName of the service and
 * the Parameters and Instances keys of the driver.
 */
#pragma once

#include "sysmon/config.h"

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>
#include <windows.h>

#define SETTINGS_DRIVER_NAME_LIMIT 8 /* characters */
#define SETTINGS_DEFAULT_DRIVER L"SysmonDrv"
#define SETTINGS_DEFAULT_ARCHIVE L"\\Sysmon\\"

/* Owned texts are NULL when the value is absent. */
struct settings {
    uint32_t options;           /* WIRE_OPTION_… */
    uint32_t hash_algorithms;   /* registry form, 0: absent, the default holds */
    bool check_revocation, dns_lookup;
    uint8_t *rules;             /* NULL: absent */
    size_t rules_size;
    wchar_t *config_file, *config_hash, *archive_directory, *field_sizes;
    wchar_t *access_names;      /* REG_MULTI_SZ, double terminator */
    size_t access_names_size;   /* bytes */
    uint32_t access_masks[10];
    uint32_t access_count;
    uint32_t driver_queue_size, signing_queue_size; /* 0: absent */
};

void settings_free(struct settings *settings);

/*
 * `config_path` and `config_hash` are what ConfigFile and ConfigHash get, NULL: none. Returns 0 or -ENOMEM; `*out` is untouched on
 * failure.
 */
int settings_from_config(struct settings *out, const struct config *config, const wchar_t *config_path, const char *config_hash);

/* All Windows errors. Absent values give their defaults. */
DWORD settings_load(struct settings *out, const wchar_t *driver);
/*
 * Writes every value and deletes those that are absent. On failure the values that were there before are put back, and
 * `failed` (may be NULL) names the value that could not be written.
 */
DWORD settings_store(const struct settings *settings, const wchar_t *driver, const wchar_t **failed);

/* The driver that belongs to a service; free(). NULL when the service has no such value. */
wchar_t *settings_driver_of(const wchar_t *service);
DWORD settings_set_driver_of(const wchar_t *service, const wchar_t *driver);
/* The minifilter's Instances keys. */
DWORD settings_write_instances(const wchar_t *driver);

/* HKLM\SYSTEM\CurrentControlSet\Services\NAME\Parameters, opened for `access`. */
DWORD settings_open_key(const wchar_t *name, REGSAM access, HKEY *key);
