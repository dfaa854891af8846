/* SPDX-License-Identifier: MIT */
/*
 * `KIND:TARGET[,option[=value]…]`. A comma that belongs to the target is written `\,`; in `kafka:` the commas between
 * brokers need nothing, because the options begin after the topic.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPECIFICATION_MAX_OPTIONS 32

struct specification {
    char *text; /* owns what the pointers below point into */
    const char *kind, *target;
    struct {
        const char *name, *value; /* value NULL: a bare word */
    } option[SPECIFICATION_MAX_OPTIONS];
    unsigned option_count;
    char *error; /* where to say what is wrong */
    size_t error_size;
};

/* Functions return 0 or a negative errno and then one line in `error`. */
int specification_parse(struct specification *out, const char *text, char *error, size_t size);
void specification_free(struct specification *specification);
/* Says what is wrong with the specification; returns -EINVAL. */
int specification_reject(struct specification *specification, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Each option can be taken once; what remains at the end is unknown. `*out` is untouched when the option is absent. */
int specification_take_flag(struct specification *specification, const char *name, bool *out);
int specification_take_text(struct specification *specification, const char *name, const char **out);
/* Number with an optional suffix K, M, G (binary). */
int specification_take_size(struct specification *specification, const char *name, uint64_t least, uint64_t most, uint64_t *out);
/* Seconds, with an optional suffix s, m, h, d. */
int specification_take_duration(struct specification *specification, const char *name, uint64_t *seconds);
/* Rejects options that nobody took. */
int specification_finish(struct specification *specification);
