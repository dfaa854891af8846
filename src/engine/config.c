/* SPDX-License-Identifier: MIT */
/* The way of a configuration: decode, parse, check, compile. Nothing leaves here unless all of it went well. */
#include "config_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct config *config_new(void)
{
    struct config *config = calloc(1, sizeof *config);

    if (!config)
        return NULL;
    config->schema_version = CATALOGUE_SCHEMA_VERSION;
    config->check_revocation = config->dns_lookup = true;
    return config;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (int i = 0; i < CATALOGUE_OPTION_COUNT; i++)
        free(config->option[i].text);
    for (uint32_t i = 0; i < config->process_access_count; i++)
        free(config->process_access[i].name);
    free(config->field_sizes);
    free(config->blob);
    free(config);
}

/* A syntax error still lets the part before it be checked, so that one run shows all there is to see. */
static int check_file(struct loader *l, struct config_text *text, const void *data, size_t size)
{
    int rc = config_text_decode(text, data, size, &l->report);

    if (rc)
        return rc;
    rc = tree_parse(&l->tree, text, &l->report);
    if (l->tree.root && rc != -ENOMEM)
        grammar_check(l);
    if (l->error)
        return l->error;
    if (!rc && !l->report.out->errors && !l->parameters->no_lint)
        lint_blocks(l);
    return rc ? rc : l->report.out->errors ? -EINVAL : 0;
}

int config_compile(struct config **out, const void *data, size_t size, const struct config_parameters *parameters,
                   struct config_diagnostics *diagnostics)
{
    struct config_text text = { 0 };
    struct loader l = { .parameters = parameters, .report = { .out = diagnostics } };
    int rc;

    *diagnostics = (struct config_diagnostics){ 0 };
    l.config = config_new();
    rc = l.config ? 0 : -ENOMEM;
    if (!rc && data)
        rc = check_file(&l, &text, data, size);
    if (!rc)
        rc = blocks_compile(&l);
    if (!rc && l.report.failed)
        rc = -ENOMEM;
    if (rc && !diagnostics->errors)
        report_add(&l.report, CONFIG_ERROR, REPORT_NOWHERE, 0, rc == -ENOMEM ? "out of memory" : "internal error while compiling");
    report_finish(&l.report);
    if (!rc) {
        *out = l.config;
        l.config = NULL;
    }
    config_free(l.config);
    free(l.block);
    tree_free(&l.tree);
    free(text.data);
    return rc;
}
