/* SPDX-License-Identifier: MIT */
/* `-c`: store a new configuration, reset to defaults, or show the running one (spec 01 section 3.9, 05 section 7). */
#include "control.h"
#include "driver_client.h"
#include "event_manifest.h"
#include "installation.h"
#include "service.h"
#include "system.h"
#include "wide.h"

#include "sysmon/hash.h"
#include "sysmon/listing.h"
#include "sysmon/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rest of `-c` listing's lines: label padded to column 34. */
static void line(const char *label, const wchar_t *value)
{
    char *utf8 = wide_to_utf8(value);

    printf("%-34s%s\n", label, utf8 ? utf8 : "");
    free(utf8);
}

static const wchar_t *on_off(bool on)
{
    return on ? L"enabled" : L"disabled";
}

static void print_hashes(uint32_t registry)
{
    static const char *const names[] = { "SHA1", "MD5", "SHA256", "IMPHASH" };
    uint32_t mask = hash_mask(registry);
    char text[64] = "";
    size_t used = 0;

    mask = mask ? mask : HASH_DEFAULT;
    for (unsigned i = 0; i < 4; i++)
        if (mask & (1u << i))
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? "," : "", names[i]);
    printf("%-34s%s\n", " - HashingAlgorithms:", text);
}

static void print_settings(const struct installation *names, const struct settings *s)
{
    puts("Current configuration:");
    line(" - Service name:", names->service);
    line(" - Driver name:", names->driver);
    if (s->config_file)
        line(" - Config file:", s->config_file);
    if (s->config_hash && *s->config_hash)
        line(" - Config hash:", s->config_hash);
    if (s->field_sizes && *s->field_sizes)
        line(" - Field Sizes:", s->field_sizes);
    puts("");
    print_hashes(s->hash_algorithms);
    line(" - Network connection:", on_off(s->options & WIRE_OPTION_NETWORK));
    line(" - Archive Directory:", s->archive_directory ? s->archive_directory : L"-");
    line(" - Image loading:", on_off(s->options & WIRE_OPTION_IMAGE));
    line(" - CRL checking:", on_off(s->check_revocation));
    line(" - DNS lookup:", on_off(s->dns_lookup));
    puts("");
}

static int show(const struct installation *names)
{
    struct settings settings;
    DWORD error = settings_load(&settings, names->driver);

    if (error) {
        fprintf(stderr, "Failed to open driver configuration with last ruleError %lu\n", error);
        return EXIT_NOT_INSTALLED;
    }
    print_settings(names, &settings);
    if (listing_print(stdout, settings.rules, settings.rules_size, LISTING_TITLE) < 0)
        fputs("The rules end here: the stored value is damaged. Store a configuration again with -c FILE.\n", stderr);
    settings_free(&settings);
    return EXIT_OK;
}

/* The service reloads and writes event 16; without it the driver is told, or nobody runs and the next start reads it all. */
static void tell(const struct installation *names)
{
    if (control_send(names->service, SERVICE_CONTROL_CONFIGURED))
        driver_notify(names->driver);
}

static int update(const struct installation *names, const struct classic *classic)
{
    struct settings settings;
    const wchar_t *failed = L"";
    int code = installation_settings(&settings, classic);
    DWORD error;

    if (code)
        return code;
    error = settings_store(&settings, names->driver, &failed);
    settings_free(&settings);
    if (error) {
        installation_complain("Error: the configuration was not changed; cannot write the registry value", failed, error);
        return EXIT_INSTALL;
    }
    tell(names);
    puts("Configuration updated.");
    return EXIT_OK;
}

/* Any setting beside -c on the command line? */
static bool has_settings(const struct classic *classic)
{
    for (unsigned id = 0; id < CATALOGUE_OPTION_COUNT; id++)
        if (classic->options->option[id].set && !(catalogue_options[id].flags & OPTION_FLAG_NOCONFIG))
            return true;
    return false;
}

int classic_configure(const struct classic *classic)
{
    bool exists = false, defaults = classic->options->option[OPTION_ConfigDefault].set;
    struct installation names;
    int code = installation_check_rights();

    if (code)
        return code;
    if (installation_describe(&names, NULL))
        return EXIT_INTERNAL;
    control_exists(names.service, &exists);
    if (!exists) {
        puts("Sysmon is not installed on this computer");
        code = EXIT_OK;
    } else if (classic->config_path || defaults || has_settings(classic)) {
        if (defaults)
            puts("Updating configuration to use all defaults.");
        code = update(&names, classic);
    } else {
        code = show(&names);
    }
    installation_free(&names);
    return code;
}

int classic_manifest(const struct classic *classic)
{
    struct installation names;
    int code = installation_check_rights();
    DWORD error;
    char text[600];

    (void)classic;
    if (code)
        return code;
    if (installation_describe(&names, NULL))
        return EXIT_INTERNAL;
    error = event_manifest_register(names.program_source);
    if (error) {
        system_error_text(error, text, sizeof(text));
        fprintf(stderr, "Error: cannot register the event manifest: %s\n", text);
    }
    installation_free(&names);
    return error ? EXIT_INSTALL : EXIT_OK;
}
