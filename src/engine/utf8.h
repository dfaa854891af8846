/* SPDX-License-Identifier: MIT */
/* Well-formed UTF-8 as Unicode 15 table 3-7 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes (1 to 4) of the well-formed sequence at `text`, 0 when it starts with none. `size` is at least 1. */
static inline unsigned utf8_sequence(const char *text, size_t size)
{
    const uint8_t *p = (const uint8_t *)text;
    uint8_t low = 0x80, high = 0xBF;
    unsigned length;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    length = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (size < length)
        return 0;
    switch (p[0]) {
    case 0xE0: low = 0xA0; break;
    case 0xED: high = 0x9F; break;
    case 0xF0: low = 0x90; break;
    case 0xF4: high = 0x8F; break;
    }
    if (p[1] < low || p[1] > high)
        return 0;
    for (unsigned i = 2; i < length; i++)
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    return length;
}

/* Code point of a well-formed sequence of `length` bytes. */
static inline uint32_t utf8_code_point(const char *text, unsigned length)
{
    const uint8_t *p = (const uint8_t *)text;

    switch (length) {
    case 1: return p[0];
    case 2: return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
    case 3: return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    default: return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
    }
}

/* Writes a code point up to U+10FFFF; returns the bytes used. A surrogate becomes three bytes that are not well-formed. */
static inline unsigned utf8_encode(char out[4], uint32_t c)
{
    static const uint8_t leads[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    unsigned length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (unsigned i = length - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(leads[length] | c);
    return length;
}
