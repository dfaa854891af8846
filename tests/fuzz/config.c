/* SPDX-License-Identifier: MIT */
/* Any bytes as a configuration: no crash, no leak, and what compiles must be readable again. The first byte picks the system. */
#include "sysmon/blob.h"
#include "sysmon/config.h"
#include "sysmon/listing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *nowhere;

static void need(bool condition)
{
    if (!condition)
        abort();
}

static void check_blob(const struct config *config)
{
    struct blob blob;

    if (!config->blob)
        return;
    need(blob_open(&blob, config->blob, config->blob_size) == 0 && blob_check(&blob) == 0);
    need(listing_print(nowhere, config->blob, config->blob_size, LISTING_ALL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_parameters parameters = { .system = CATALOGUE_LINUX };
    struct config_diagnostics diagnostics;
    struct config *config = NULL;
    int rc;

    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    if (!nowhere || size == 0)
        return 0;
    if (data[0] & 1)
        parameters.system = CATALOGUE_WINDOWS;
    if (data[0] & 2)
        parameters.image_load = parameters.network_connect = "a.exe,b,,c";
    rc = config_compile(&config, data + 1, size - 1, &parameters, &diagnostics);
    need((rc == 0) == (config != NULL) && (rc == 0) == (diagnostics.errors == 0));
    config_diagnostics_print(nowhere, "f", &diagnostics, CONFIG_NOTE);
    if (config)
        check_blob(config);
    config_free(config);
    config_diagnostics_free(&diagnostics);
    return 0;
}
