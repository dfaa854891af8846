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
#define CONFIG_MAX_FILE_SIZE (64u << 20)  /* bytes */
#define CONFIG_MAX_DEPTH 16               /* nested elements */
#define CONFIG_MAX_ELEMENTS 400000u
#define CONFIG_MAX_ATTRIBUTES 32          /* of one element */
#define CONFIG_MAX_FILTERS 250000u
#define CONFIG_MAX_TAG_BLOCKS 65534u      /* event elements of one tag, spec 03 section 7.1 */
#define CONFIG_MAX_VALUE (1u << 20)       /* bytes of UTF-8 of one filter value or option */
#define CONFIG_MAX_BLOB_SIZE (256u << 20) /* bytes of compiled rules */
#define CONFIG_MAX_NAME 255               /* bytes of UTF-8, spec 03 section 6 */
#define CONFIG_MAX_PROCESS_ACCESS 9       /* entries, spec 03 section 4: "already at 10" */
#define CONFIG_MAX_DIAGNOSTICS 200        /* more are counted, not kept; errors displace notes */

enum config_severity { CONFIG_NOTE, CONFIG_WARNING, CONFIG_ERROR };

struct config_diagnostic {
    enum config_severity severity;
    uint32_t line, column; /* 1-based, in characters; 0 = the file as a whole */
    char *message;         /* what is wrong, and the way out */
    char *source_line;     /* the offending line of the file (a window of a long one), NULL when there is none */
    char *caret_line;      /* blanks, then `^~~~` under the offending text of source_line */
};

struct config_diagnostics {
    struct config_diagnostic *item; /* in order of position */
    unsigned count, errors, warnings, notes; /* errors etc. count all, also those not kept */
};

struct config_parameters {
    enum catalogue_system system; /* what this system cannot serve is noted */
    /* Comma lists of -l and -n, compiled into the first block of their event (spec 03 section 4, end). NULL: not given. */
    const char *image_load, *network_connect;
    bool no_lint; /* leave out notes and warnings about rules that load but are unlikely to do what they look like */
};

struct config_option_value {
    bool set;
    char *text; /* NULL: set without a value */
    uint32_t line, column;
};

/* What the blocks of a tag of the same name say about an option (spec 03 section 5). */
enum config_switch { CONFIG_SWITCH_NONE, CONFIG_SWITCH_ON, CONFIG_SWITCH_OFF };

struct config_process_access {
    char *name;
    uint32_t mask; /* 0xFFFFFFFF: any access */
};

struct config {
    uint32_t schema_version; /* of the file; ours when there was no file */
    struct config_option_value option[CATALOGUE_OPTION_COUNT]; /* index: enum catalogue_option_id */
    uint8_t switched[CATALOGUE_OPTION_COUNT]; /* enum config_switch */
    uint32_t hash_algorithms;  /* registry form (spec 01 section 2.3); 0 = not given */
    bool check_revocation, dns_lookup; /* as configured, else the default: true */
    struct config_process_access process_access[CONFIG_MAX_PROCESS_ACCESS];
    uint32_t process_access_count;
    uint32_t driver_queue_size, signing_queue_size; /* 0 = not given */
    uint32_t *field_sizes;     /* [CATALOGUE_EVENT_COUNT][CATALOGUE_MAX_FIELDS] characters, 0 = unlimited; NULL: none given */
    uint8_t *blob;             /* NULL: no block at all, manifest defaults decide */
    size_t blob_size;
    uint32_t block_count, filter_count;
};

/*
 * Compiles a configuration. `data` is the file's content in any accepted encoding; NULL = no file, only the parameters.
 * On success `*out` is a new configuration and 0 is returned. Otherwise a negative errno, at least one error among the
 * diagnostics, and `*out` is untouched. Diagnostics are filled in both cases; the caller frees both.
 */
int config_compile(struct config **out, const void *data, size_t size, const struct config_parameters *parameters,
                   struct config_diagnostics *diagnostics);
void config_free(struct config *config);
void config_diagnostics_free(struct config_diagnostics *diagnostics);
/* `name:line:column: error: message`, the line, a caret; only those of severity `least` and above. */
void config_diagnostics_print(FILE *out, const char *name, const struct config_diagnostics *diagnostics,
                              enum config_severity least);

/*
 * Checks one option's value as given by a switch (-h, -k, -r, -a) or an element and stores its meaning, together with a copy
 * of the text, in `config`. `text` NULL: set without a value. Returns 0, or -EINVAL with a message in `error` and `config`
 * unchanged, or -ENOMEM.
 */
int config_set_option(struct config *config, enum catalogue_option_id option, const char *text, char *error, size_t size);
/* A configuration without a file: every option unset, no rules. NULL when out of memory. */
struct config *config_new(void);

#ifdef __cplusplus
}
#endif
