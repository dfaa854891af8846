/* SPDX-License-Identifier: MIT */
/* A configuration file's bytes as one form of text: UTF-8 with LF line ends, checked, no XML declaration. */
#pragma once

#include "diagnostics.h"

struct config_text {
    char *data; /* allocated, followed by a zero byte */
    size_t size;
};

/*
 * Accepts UTF-8, UTF-16LE and (when declared) ISO-8859-1, with or without a byte order mark (spec 03 section 1). The XML
 * declaration becomes blanks, so that lines keep their numbers. Returns 0; on failure a negative errno, errors are in
 * the report. In both cases the caller frees `out->data`; the report's text is set to it as soon as it exists.
 */
int config_text_decode(struct config_text *out, const void *data, size_t size, struct report *report);
