/* SPDX-License-Identifier: MIT */
/* Configuration files of commands. */
#include "cli/config_file.h"

#include "port/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum catalogue_system system_named(const char *name)
{
    return !strcmp(name, "windows") ? CATALOGUE_WINDOWS : !strcmp(name, "linux") ? CATALOGUE_LINUX : (enum catalogue_system)0;
}

int config_file_load(struct config **config, const char *path, const struct config_parameters *parameters,
                     enum config_severity least, FILE *out, struct config_diagnostics *diagnostics)
{
    struct config_diagnostics own = { 0 };
    void *data = NULL;
    size_t size = 0;
    int rc = file_read(path, CONFIG_MAX_FILE_SIZE, &data, &size);

    if (diagnostics)
        *diagnostics = own;
    if (rc) {
        fprintf(out, "%s: cannot read the configuration: %s\n", path, rc == -EFBIG ? "larger than 64 MiB" : strerror(-rc));
        return EXIT_UNREADABLE;
    }
    rc = config_compile(config, data, size, parameters, &own);
    free(data);
    config_diagnostics_print(out, path, &own, least);
    if (diagnostics)
        *diagnostics = own;
    else
        config_diagnostics_free(&own);
    return rc == 0 ? EXIT_OK : rc == -ENOMEM ? EXIT_INTERNAL : EXIT_CONFIG;
}
