/* SPDX-License-Identifier: MIT */
/* UTF-16 of records, read byte by byte: never aligned, never trusted. Portable. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Units before the first terminator, at most `units`. */
size_t utf16_length(const uint8_t *data, size_t units);
/* Bytes of the UTF-8 form, written when `out` is not NULL. An unpaired surrogate becomes U+FFFD. */
size_t utf16_to_utf8(char *out, const uint8_t *data, size_t units);
/* The other way, from text that need not be well-formed: wrong bytes become U+FFFD. Units; written when `out` is not NULL. */
size_t utf16_from_utf8(uint16_t *out, const char *text, size_t size);
