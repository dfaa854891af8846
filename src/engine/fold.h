/* SPDX-License-Identifier: MIT */
/*
 * Letter case and raw bytes, for comparing text the way rules do (spec 03 section 8).
 *
 * Text is read as a row of units: a valid UTF-8 sequence is one unit, and so is every byte that belongs to none. Each unit
 * becomes the bytes of its simple Unicode upper case (a stray byte stays itself). Which bytes form a unit does not depend on
 * the direction of reading, and no byte of one unit can stand for a part of another, so comparing the folded bytes compares
 * the text. Values come from UTF-16; their lone surrogates become the three bytes UTF-8 would use, which is how such text
 * looks when it reaches us as raw bytes.
 *
 * Freestanding: also compiled into the Windows driver.
 */
#pragma once

#include "sysmon/blob.h"

struct fold_unit {
    uint8_t byte[4];
    uint8_t size;
};

uint32_t fold_upper(uint32_t code_point);
/* The unit at `text` (text < end) and the one before `text` (start < text). Return the raw bytes it takes. */
uint32_t fold_forward(const uint8_t *text, const uint8_t *end, struct fold_unit *unit);
uint32_t fold_backward(const uint8_t *start, const uint8_t *text, struct fold_unit *unit);
/* Folds units of UTF-16 [first, last) to `out`, at most 3 bytes each; returns the bytes written. */
uint32_t fold_utf16(const struct blob_text *text, uint32_t first, uint32_t last, uint8_t *out);
/* Folds raw text to `out`, at most 3 bytes for each of its bytes; returns the bytes written. */
uint32_t fold_text(const uint8_t *text, uint32_t size, uint8_t *out);
/* Order of the text against a folded value: negative, 0, positive. */
int fold_compare(const uint8_t *text, uint32_t size, const uint8_t *value, uint32_t value_size);
/* Does the text, from its start or from its end, run through the whole folded value? Returns raw bytes taken, -1 if not. */
int64_t fold_begins(const uint8_t *text, uint32_t size, const uint8_t *value, uint32_t value_size);
int64_t fold_ends(const uint8_t *text, uint32_t size, const uint8_t *value, uint32_t value_size);
