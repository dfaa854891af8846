/* SPDX-License-Identifier: MIT */
/* From a configuration to what is kept in the registry. */
#include "settings.h"
#include "wide.h"

#include "sysmon/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_on(const struct config *config, enum catalogue_option_id id)
{
    if (config->switched[id] != CONFIG_SWITCH_NONE)
        return config->switched[id] == CONFIG_SWITCH_ON;
    return config->option[id].set;
}

static uint32_t option_bits(const struct config *config)
{
    return (is_on(config, OPTION_NetworkConnect) ? WIRE_OPTION_NETWORK : 0) |
           (is_on(config, OPTION_ImageLoad) ? WIRE_OPTION_IMAGE : 0) | (is_on(config, OPTION_DnsQuery) ? WIRE_OPTION_DNS : 0) |
           (is_on(config, OPTION_CaptureClipboard) ? WIRE_OPTION_CLIPBOARD : 0);
}

/* `\NAME\` */
static int copy_archive(const char *name, wchar_t **out)
{
    wchar_t *wide;

    if (!name || !*name)
        return 0;
    wide = wide_from_utf8(name);
    if (wide)
        *out = wide_format(L"\\%ls\\", wide);
    free(wide);
    return *out ? 0 : -ENOMEM;
}

static int copy_text(const char *text, wchar_t **out)
{
    if (!text || !*text)
        return 0;
    *out = wide_from_utf8(text);
    return *out ? 0 : -ENOMEM;
}

static int copy_rules(const struct config *config, struct settings *out)
{
    if (!config->blob)
        return 0;
    out->rules = malloc(config->blob_size);
    if (!out->rules)
        return -ENOMEM;
    memcpy(out->rules, config->blob, config->blob_size);
    out->rules_size = config->blob_size;
    return 0;
}

/* REG_MULTI_SZ of the names, masks beside it. */
static int copy_access(const struct config *config, struct settings *out)
{
    size_t units = 1;
    wchar_t *at;

    if (!config->process_access_count)
        return 0;
    for (uint32_t i = 0; i < config->process_access_count; i++)
        units += strlen(config->process_access[i].name) + 1;
    at = out->access_names = calloc(units, sizeof(*at));
    if (!at)
        return -ENOMEM;
    for (uint32_t i = 0; i < config->process_access_count && i < WIRE_PROCESS_ACCESS_ENTRIES; i++) {
        wchar_t *name = wide_from_utf8(config->process_access[i].name);

        if (!name)
            return -ENOMEM;
        wcscpy(at, name); /* never longer than its UTF-8 form */
        at += wcslen(name) + 1;
        free(name);
        out->access_masks[out->access_count++] = config->process_access[i].mask;
    }
    out->access_names_size = (size_t)(at + 1 - out->access_names) * sizeof(*at);
    return 0;
}

int settings_from_config(struct settings *out, const struct config *config, const wchar_t *config_path, const char *config_hash)
{
    struct settings settings = {
        .options = option_bits(config),
        .hash_algorithms = config->hash_algorithms,
        .check_revocation = config->check_revocation,
        .dns_lookup = config->dns_lookup,
        .driver_queue_size = config->driver_queue_size,
        .signing_queue_size = config->signing_queue_size,
    };
    int status = copy_archive(config->option[OPTION_ArchiveDirectory].text, &settings.archive_directory);

    if (!status)
        status = copy_text(config->option[OPTION_FieldSizes].text, &settings.field_sizes);
    if (!status)
        status = copy_text(config_hash, &settings.config_hash);
    if (!status)
        status = copy_rules(config, &settings);
    if (!status)
        status = copy_access(config, &settings);
    if (!status && config_path && !(settings.config_file = _wcsdup(config_path)))
        status = -ENOMEM;
    if (status)
        settings_free(&settings);
    else
        *out = settings;
    return status;
}
