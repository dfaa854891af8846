/* SPDX-License-Identifier: MIT */
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sysmon/config.h"

enum { CACHED = 16 };

static struct cached {
    char *xml;
    uint8_t *blob;
    size_t size;
} cache[CACHED];

static void compile(struct cached *entry, const char *xml)
{
    struct config_parameters parameters = {0};
    struct config_diagnostics diagnostics = {0};
    struct config *config = NULL;

    parameters.system = CATALOGUE_WINDOWS;
    if (config_compile(&config, xml, strlen(xml), &parameters, &diagnostics) != 0 || !config || !config->blob) {
        config_diagnostics_print(stdout, "rules of the test", &diagnostics, 0);
        printf("Bail out! a test's rules do not compile\n");
        exit(99);
    }
    entry->xml = strdup(xml);
    entry->size = config->blob_size;
    entry->blob = malloc(config->blob_size);
    memcpy(entry->blob, config->blob, config->blob_size);
    config_diagnostics_free(&diagnostics);
    config_free(config);
}

const uint8_t *rules_compile(const char *xml, size_t *size)
{
    for (unsigned i = 0; i < CACHED; i++) {
        if (!cache[i].xml)
            compile(&cache[i], xml);
        if (strcmp(cache[i].xml, xml) == 0) {
            *size = cache[i].size;
            return cache[i].blob;
        }
    }
    printf("Bail out! more than %d rule sets\n", CACHED);
    exit(99);
}

const uint8_t *rules_everything(size_t *size)
{
    static const char xml[] =
        "<Sysmon schemaversion=\"4.90\"><EventFiltering>"
        "<ProcessCreate onmatch=\"exclude\"/><FileCreateTime onmatch=\"exclude\"/><ProcessTerminate onmatch=\"exclude\"/>"
        "<DriverLoad onmatch=\"exclude\"/><ImageLoad onmatch=\"exclude\"/><CreateRemoteThread onmatch=\"exclude\"/>"
        "<RawAccessRead onmatch=\"exclude\"/><ProcessAccess onmatch=\"exclude\"/><FileCreate onmatch=\"exclude\"/>"
        "<RegistryEvent onmatch=\"exclude\"/><FileCreateStreamHash onmatch=\"exclude\"/><PipeEvent onmatch=\"exclude\"/>"
        "<FileDelete onmatch=\"exclude\"/><FileDeleteDetected onmatch=\"exclude\"/><ProcessTampering onmatch=\"exclude\"/>"
        "<FileBlockExecutable onmatch=\"exclude\"/><FileBlockShredding onmatch=\"exclude\"/>"
        "<FileExecutableDetected onmatch=\"exclude\"/>"
        "</EventFiltering></Sysmon>";

    return rules_compile(xml, size);
}
