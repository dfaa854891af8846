/* SPDX-License-Identifier: MIT */
#include "settings.h"
#include "registry.h"
#include "wide.h"

#include "sysmon/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const wchar_t services_key[] = L"SYSTEM\\CurrentControlSet\\Services\\%ls%ls";

static wchar_t *key_path(const wchar_t *name, const wchar_t *rest)
{
    return wide_format(services_key, name, rest);
}

DWORD settings_open_key(const wchar_t *name, REGSAM access, HKEY *key)
{
    wchar_t *path = key_path(name, L"\\Parameters");
    DWORD error = ERROR_OUTOFMEMORY;

    if (path)
        error = access & (KEY_SET_VALUE | KEY_CREATE_SUB_KEY) ? registry_create(path, access, key)
                                                              : registry_open(path, access, key);
    free(path);
    return error;
}

void settings_free(struct settings *settings)
{
    free(settings->rules);
    free(settings->config_file);
    free(settings->config_hash);
    free(settings->archive_directory);
    free(settings->field_sizes);
    free(settings->access_names);
    memset(settings, 0, sizeof(*settings));
}

static bool flag_value(HKEY key, const wchar_t *name, bool fallback)
{
    struct registry_value value;
    bool set = fallback;

    if (!registry_get(key, name, &value)) {
        for (DWORD i = 0; i < value.size; i++)
            set = value.data[i] != 0 || (i && set);
        if (!value.size)
            set = fallback;
        free(value.data);
    }
    return set;
}

static uint32_t number_value(HKEY key, const wchar_t *name)
{
    struct registry_value value;
    uint32_t number = 0;

    if (registry_get(key, name, &value))
        return 0;
    if (value.size >= sizeof(number))
        memcpy(&number, value.data, sizeof(number));
    free(value.data);
    return number;
}

static DWORD load_binary(struct settings *out, HKEY key)
{
    struct registry_value value;
    DWORD error = registry_get(key, L"Rules", &value);

    if (!error) {
        out->rules = value.data;
        out->rules_size = value.size;
    } else if (error != ERROR_FILE_NOT_FOUND) {
        return error;
    }
    if (!registry_get(key, L"ProcessAccessMasks", &value)) {
        out->access_count = value.size / sizeof(uint32_t);
        if (out->access_count > WIRE_PROCESS_ACCESS_ENTRIES)
            out->access_count = WIRE_PROCESS_ACCESS_ENTRIES;
        memcpy(out->access_masks, value.data, out->access_count * sizeof(uint32_t));
        free(value.data);
    }
    if (!registry_get(key, L"ProcessAccessNames", &value)) {
        out->access_names = (wchar_t *)(void *)value.data;
        out->access_names_size = value.size;
    }
    return ERROR_SUCCESS;
}

DWORD settings_load(struct settings *out, const wchar_t *driver)
{
    struct settings settings = { .check_revocation = true, .dns_lookup = true };
    HKEY key;
    DWORD error = settings_open_key(driver, KEY_READ, &key);

    if (error)
        return error;
    error = load_binary(&settings, key);
    settings.options = number_value(key, L"Options");
    settings.hash_algorithms = number_value(key, L"HashingAlgorithm");
    settings.driver_queue_size = number_value(key, L"DriverQueueSize");
    settings.signing_queue_size = number_value(key, L"SigningQueueSize");
    settings.check_revocation = flag_value(key, L"CheckRevocation", true);
    settings.dns_lookup = flag_value(key, L"DnsLookup", true);
    settings.config_file = registry_get_text(key, L"ConfigFile");
    settings.config_hash = registry_get_text(key, L"ConfigHash");
    settings.archive_directory = registry_get_text(key, L"ArchiveDirectory");
    settings.field_sizes = registry_get_text(key, L"FieldSizes");
    RegCloseKey(key);
    if (error)
        settings_free(&settings);
    else
        *out = settings;
    return error;
}

/* ---- writing ---- */

struct row {
    const wchar_t *name;
    DWORD type;
    const void *data; /* NULL: the value is to be absent */
    DWORD size;
};

#define ROW_COUNT 13

static DWORD text_size(const wchar_t *text)
{
    return text ? (DWORD)((wcslen(text) + 1) * sizeof(*text)) : 0;
}

/* Rules last: a watcher that reads in between sees old rules with new options, and is woken again. */
static void make_rows(struct row rows[ROW_COUNT], const struct settings *s, uint8_t flags[2])
{
    flags[0] = s->check_revocation;
    flags[1] = s->dns_lookup;
    const struct row made[ROW_COUNT] = {
        { L"Options", REG_DWORD, &s->options, 4 },
        { L"HashingAlgorithm", REG_DWORD, s->hash_algorithms ? &s->hash_algorithms : NULL, 4 },
        { L"CheckRevocation", REG_BINARY, &flags[0], 1 },
        { L"DnsLookup", REG_BINARY, &flags[1], 1 },
        { L"ArchiveDirectory", REG_SZ, s->archive_directory, text_size(s->archive_directory) },
        { L"FieldSizes", REG_SZ, s->field_sizes, text_size(s->field_sizes) },
        { L"ProcessAccessNames", REG_MULTI_SZ, s->access_count ? s->access_names : NULL, (DWORD)s->access_names_size },
        { L"ProcessAccessMasks", REG_BINARY, s->access_count ? s->access_masks : NULL, s->access_count * 4 },
        { L"DriverQueueSize", REG_DWORD, s->driver_queue_size ? &s->driver_queue_size : NULL, 4 },
        { L"SigningQueueSize", REG_DWORD, s->signing_queue_size ? &s->signing_queue_size : NULL, 4 },
        { L"ConfigFile", REG_SZ, s->config_file, text_size(s->config_file) },
        { L"ConfigHash", REG_SZ, s->config_hash, text_size(s->config_hash) },
        { L"Rules", REG_BINARY, s->rules, (DWORD)s->rules_size },
    };
    memcpy(rows, made, sizeof(made));
}

static DWORD write_row(HKEY key, const struct row *row)
{
    DWORD error;

    if (row->data)
        return RegSetValueExW(key, row->name, 0, row->type, row->data, row->size);
    error = RegDeleteValueW(key, row->name);
    return error == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : error;
}

static void put_back(HKEY key, const struct row rows[ROW_COUNT], struct registry_value before[ROW_COUNT], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct row row = { rows[i].name, before[i].type, before[i].data, before[i].size };

        write_row(key, &row);
    }
}

DWORD settings_store(const struct settings *settings, const wchar_t *driver, const wchar_t **failed)
{
    struct registry_value before[ROW_COUNT] = { { 0 } };
    struct row rows[ROW_COUNT];
    uint8_t flags[2];
    HKEY key;
    unsigned done;
    DWORD error = settings_open_key(driver, KEY_READ | KEY_SET_VALUE, &key);

    if (error) {
        if (failed)
            *failed = L"Parameters";
        return error;
    }
    make_rows(rows, settings, flags);
    for (unsigned i = 0; i < ROW_COUNT; i++)
        if (registry_get(key, rows[i].name, &before[i]))
            before[i] = (struct registry_value){ 0 };
    for (done = 0; done < ROW_COUNT && !error; done++)
        error = write_row(key, &rows[done]);
    if (error) {
        if (failed)
            *failed = rows[done - 1].name;
        put_back(key, rows, before, done);
    }
    for (unsigned i = 0; i < ROW_COUNT; i++)
        free(before[i].data);
    RegCloseKey(key);
    return error;
}

wchar_t *settings_driver_of(const wchar_t *service)
{
    wchar_t *driver;
    HKEY key;

    if (settings_open_key(service, KEY_READ, &key))
        return NULL;
    driver = registry_get_text(key, L"DriverName");
    RegCloseKey(key);
    return driver;
}

DWORD settings_set_driver_of(const wchar_t *service, const wchar_t *driver)
{
    HKEY key;
    DWORD error = settings_open_key(service, KEY_SET_VALUE, &key);

    if (error)
        return error;
    error = registry_set_text(key, L"DriverName", driver);
    RegCloseKey(key);
    return error;
}

DWORD settings_write_instances(const wchar_t *driver)
{
    wchar_t *path = key_path(driver, L"\\Instances");
    DWORD zero = 0, error = path ? ERROR_SUCCESS : ERROR_OUTOFMEMORY;
    HKEY key = NULL, instance = NULL;

    if (!error)
        error = registry_create(path, KEY_SET_VALUE | KEY_CREATE_SUB_KEY, &key);
    if (!error)
        error = registry_set_text(key, L"DefaultInstance", L"Sysmon Instance");
    if (!error)
        error = RegCreateKeyExW(key, L"Sysmon Instance", 0, NULL, 0, KEY_SET_VALUE, NULL, &instance, NULL);
    if (!error)
        error = registry_set_text(instance, L"Altitude", L"385201");
    if (!error)
        error = RegSetValueExW(instance, L"Flags", 0, REG_DWORD, (BYTE *)&zero, sizeof(zero));
    if (instance)
        RegCloseKey(instance);
    if (key)
        RegCloseKey(key);
    free(path);
    return error;
}
