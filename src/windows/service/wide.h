/* SPDX-License-Identifier: MIT */
/* UTF-16 at the edge to Windows, UTF-8 inside. Every returned text is freed with free(). */
#pragma once

#include <stddef.h>
#include <wchar.h>

/* NULL: out of memory. Malformed input becomes U+FFFD. */
wchar_t *wide_from_utf8(const char *text);
char *wide_to_utf8(const wchar_t *text);
/* `size` units without terminator; the result is terminated. */
char *wide_to_utf8_size(const wchar_t *text, size_t size);
/* printf with wide strings (`%ls`); NULL: out of memory. */
wchar_t *wide_format(const wchar_t *format, ...);

/* argv in UTF-8, with a closing NULL; one allocation per word. */
char **wide_arguments(int argc, wchar_t **arguments);
void wide_arguments_free(char **argv);
