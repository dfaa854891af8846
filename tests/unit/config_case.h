/* SPDX-License-Identifier: MIT */
/* Compiling a piece of configuration in a test and looking at what came of it. */
#pragma once

#include "sysmon/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct config_case {
    int rc;
    struct config *config;
    struct config_diagnostics diagnostics;
    char *printed; /* as for a file called `f` */
};

static inline struct config_case case_bytes(const void *data, size_t size, struct config_parameters parameters)
{
    struct config_case c = { 0 };
    size_t length;
    FILE *out;

    if (!parameters.system)
        parameters.system = CATALOGUE_WINDOWS;
    c.rc = config_compile(&c.config, data, size, &parameters, &c.diagnostics);
    out = open_memstream(&c.printed, &length);
    config_diagnostics_print(out, "f", &c.diagnostics, CONFIG_NOTE);
    fclose(out);
    return c;
}

static inline struct config_case case_text(const char *text)
{
    return case_bytes(text, strlen(text), (struct config_parameters){ 0 });
}

/* `filtering` is the content of EventFiltering. */
static inline struct config_case case_rules(const char *version, const char *filtering)
{
    size_t size = strlen(filtering) + 128;
    char *text = malloc(size);
    struct config_case c;

    snprintf(text, size, "<Sysmon schemaversion=\"%s\"><EventFiltering>%s</EventFiltering></Sysmon>", version, filtering);
    c = case_text(text);
    free(text);
    return c;
}

static inline void case_free(struct config_case *c)
{
    config_free(c->config);
    config_diagnostics_free(&c->diagnostics);
    free(c->printed);
}
