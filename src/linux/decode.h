/* SPDX-License-Identifier: MIT */
/* Wire records to views with checked sizes. Nothing in a record is trusted. */
#pragma once

#include "sysmon/wire_linux.h"
#include "sysmon/event.h"

struct decoded_exec {
    const struct wire_exec *exec;
    struct match_text image, directory, cgroup; /* path texts: decode_path() */
    struct match_text tty, arguments;
};

/* 0, or -EBADMSG when sizes and record disagree. The record must be aligned to 8 bytes. */
int decode_header(const struct wire_header **out, const void *record, size_t size);
int decode_exec(struct decoded_exec *out, const void *record, size_t size);
int decode_arguments(const struct wire_arguments **out, struct match_text *text, const void *record, size_t size);
int decode_exit(const struct wire_exit **out, const void *record, size_t size);
int decode_fork(const struct wire_fork **out, const void *record, size_t size);
int decode_access(const struct wire_access **out, const void *record, size_t size);
int decode_connection(const struct wire_connection **out, const void *record, size_t size);
int decode_program(const struct wire_program **out, const void *record, size_t size);
int decode_dns(const struct wire_dns **out, struct match_text *payload, const void *record, size_t size);

struct decoded_name {
    const struct wire_name *name;
    struct match_text path, base; /* path texts */
    struct match_text argument, attribute, value;
};

int decode_name(struct decoded_name *out, const void *record, size_t size);

/* Leaf-first components to an absolute path; returns its size. `out` must hold text.size + 2 bytes; it is terminated. */
size_t decode_path(char *out, struct match_text text);
/*
 * Arguments, each ended by NUL, to one line that splits back: joined by blanks; one that is empty or has blanks, quotes or
 * backslashes stands in single quotes, as a shell would read it ('\'' for a quote). Returns the size; `out` NULL measures.
 */
size_t decode_command_line(char *out, struct match_text arguments);
