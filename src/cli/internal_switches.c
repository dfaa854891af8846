/* SPDX-License-Identifier: MIT */
#include "cli/internal_switches.h"

#include "cli/exit_codes.h"
#include "port/file.h"
#include "sysmon/listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int dump(const struct config *config, const char *path)
{
    int error;

    printf("Dumping to: '%s'\n", path);
    error = file_replace(path, config->blob, config->blob_size);
    if (error) {
        fprintf(stderr, "Error: cannot write '%s': %s\n", path, strerror(-error));
        return EXIT_DUMP_FAILED;
    }
    printf("Written %zu bytes\n", config->blob_size);
    return EXIT_OK;
}

static int compare(const struct config *config, const char *path, const void *data, size_t size)
{
    printf("Checking with: '%s'\n", path);
    if (size != config->blob_size) {
        printf("The file has %zu bytes\n", size);
        return EXIT_DIFFERENT;
    }
    printf("Read %zu bytes\n", size);
    if (size && memcmp(data, config->blob, size)) {
        puts("File contents DOES NOT match internal representation");
        return EXIT_DIFFERENT;
    }
    puts("File contents CORRECTLY match internal representation");
    return EXIT_OK;
}

int rules_dump_or_check(const struct config *config, const char *path)
{
    void *data = NULL;
    size_t size = 0;
    int error, code;

    printf("Dump/Check Internal Representation\nRulesSize = %zu\n", config->blob_size);
    error = file_read(path, CONFIG_MAX_BLOB_SIZE, &data, &size);
    if (error == -ENOENT)
        return dump(config, path);
    if (error) {
        fprintf(stderr, "Error: cannot read '%s': %s\n", path, strerror(-error));
        return EXIT_DUMP_FAILED;
    }
    code = compare(config, path, data, size);
    free(data);
    return code;
}

int rules_write_listing(const struct config *config, const char *path)
{
    FILE *out = fopen(path, "w");
    bool failed;

    if (!out) {
        fprintf(stderr, "Error: cannot write '%s': %s\n", path, strerror(errno));
        return EXIT_DUMP_FAILED;
    }
    failed = listing_print(out, config->blob, config->blob_size, 0) < 0;
    failed = fclose(out) || failed;
    return failed ? EXIT_DUMP_FAILED : EXIT_OK;
}
