/* SPDX-License-Identifier: MIT */
/* Collecting what is to be said about a configuration: positions, source lines and carets are worked out here. */
#pragma once

#include "sysmon/config.h"

/* For the file as a whole. */
#define REPORT_NOWHERE SIZE_MAX

struct report {
    struct config_diagnostics *out;
    const char *text; /* the decoded file: UTF-8, LF line ends; NULL: every position is REPORT_NOWHERE */
    size_t size;
    size_t *line_starts; /* built at the first use */
    size_t line_count;
    bool failed; /* out of memory */
};

/* `span`: bytes to underline, at least the first character. `offset` and `span` may point anywhere. */
void report_add(struct report *report, enum config_severity severity, size_t offset, size_t span, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* 1-based line and column (in characters) of an offset. */
void report_position(struct report *report, size_t offset, uint32_t *line, uint32_t *column);
/* Sorts by position and frees what collecting needed; the diagnostics stay with their owner. */
void report_finish(struct report *report);
