/* SPDX-License-Identifier: MIT */
/*
 * Configuration files (spec 03): XML text to options and a rules blob (spec 04), with diagnostics a person can act on.
 */
#pragma once

#include "sysmon/catalogue.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits on hostile input; each yields a diagnostic, never a crash. */
#define CONFIG_MAX_FILE_SIZE (64u << 20)
#define CONFIG_MAX_DEPTH 16
#define CONFIG_MAX_FILTERS 1000000u
#define CONFIG_MAX_NAME 255         /* bytes of UTF-8, spec 03 section 6 */
#define CONFIG_MAX_DIAGNOSTICS 200  /* more are counted, not kept */

enum config_severity { CONFIG_NOTE, CONFIG_WARNING, CONFIG_ERROR };

struct config_diagnostic {
    enum config_severity severity;
    uint32_t line, column; /* 1-based; 0 = the file as a whole */
    char *message;         /* what is wrong, and the way out */
    char *source_line;     /* the offending line of the file, NULL when there is none */
};

struct config_diagnostics {
    struct config_diagnostic *item;
    unsigned count, errors, warnings, notes; /* errors etc. count all, also those not kept */
};

/* Command-line additions that are compiled into the first block of their event (spec 03 section 4, end). */
struct config_parameters {
    const char *name;             /* for messages */
    enum catalogue_system system; /* what this system cannot serve is noted */
    const char *image_load;       /* value of -l, NULL = not given */
    const char *network_connect;  /* value of -n */
};

struct config_option_value {
    bool set;
    char *text; /* NULL: set without a value */
    uint32_t line, column;
};

struct config {
    uint32_t schema_version;
    struct config_option_value option[CATALOGUE_OPTION_COUNT]; /* index: enum catalogue_option_id */
    uint32_t hash_algorithms;  /* registry form (spec 01 section 2.3); 0 = not given */
    uint8_t *blob;             /* NULL: no block at all, manifest defaults decide */
    size_t blob_size;
    uint32_t filter_count, block_count;
    uint16_t *field_sizes;     /* [CATALOGUE_EVENT_COUNT][CATALOGUE_MAX_FIELDS], 0 = unlimited; NULL: none given */
};

/*
 * Compiles a configuration. `data` is the file's content in any accepted encoding. On success (no error diagnostics)
 * `*out` is a new configuration, 0 is returned. Otherwise a negative errno and `*out` is untouched. Diagnostics are
 * filled in both cases; the caller frees both. At most CONFIG_MAX_FILE_SIZE bytes.
 */
int config_compile(struct config **out, const void *data, size_t size, const struct config_parameters *parameters,
                   struct config_diagnostics *diagnostics);
void config_free(struct config *config);
void config_diagnostics_free(struct config_diagnostics *diagnostics);
/* file:line:column: error: message, the line, a caret. */
void config_diagnostics_print(FILE *out, const char *name, const struct config_diagnostics *diagnostics);

#ifdef __cplusplus
}
#endif
