/* SPDX-License-Identifier: MIT */
#include "utf16.h"

#define REPLACEMENT 0xFFFDu

static uint32_t unit_at(const uint8_t *data, size_t index)
{
    return (uint32_t)(data[2 * index] | data[2 * index + 1] << 8);
}

size_t utf16_length(const uint8_t *data, size_t units)
{
    size_t count = 0;

    while (count < units && unit_at(data, count))
        count++;
    return count;
}

static unsigned put(char *out, uint32_t c)
{
    static const uint8_t lead[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    unsigned size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (unsigned i = size; out && i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    if (out)
        out[0] = (char)(size == 1 ? c : lead[size] | c);
    return size;
}

size_t utf16_to_utf8(char *out, const uint8_t *data, size_t units)
{
    size_t written = 0;

    for (size_t i = 0; i < units; i++) {
        uint32_t c = unit_at(data, i);

        if (c >= 0xD800 && c < 0xDC00 && i + 1 < units && (unit_at(data, i + 1) & 0xFC00) == 0xDC00)
            c = 0x10000 + ((c & 0x3FF) << 10) + (unit_at(data, ++i) & 0x3FF);
        else if (c >= 0xD800 && c < 0xE000)
            c = REPLACEMENT;
        written += put(out ? out + written : NULL, c);
    }
    return written;
}

/* One character from the front of `text`; returns the bytes it took, at least 1. */
static unsigned take(const uint8_t *text, size_t size, uint32_t *out)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned need = text[0] < 0x80 ? 1 : text[0] < 0xC2 ? 0 : text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : text[0] < 0xF5 ? 4 : 0;
    uint32_t c = need < 2 ? text[0] : text[0] & (0x7Fu >> need);

    *out = REPLACEMENT;
    if (!need || need > size)
        return 1;
    for (unsigned i = 1; i < need; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 1;
        c = c << 6 | (text[i] & 0x3F);
    }
    if (c < least[need] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return 1;
    *out = c;
    return need;
}

size_t utf16_from_utf8(uint16_t *out, const char *text, size_t size)
{
    size_t written = 0;

    for (size_t i = 0; i < size;) {
        uint32_t c;

        i += take((const uint8_t *)text + i, size - i, &c);
        if (c >= 0x10000) {
            if (out) {
                out[written] = (uint16_t)(0xD800 + ((c - 0x10000) >> 10));
                out[written + 1] = (uint16_t)(0xDC00 + ((c - 0x10000) & 0x3FF));
            }
            written += 2;
        } else {
            if (out)
                out[written] = (uint16_t)c;
            written++;
        }
    }
    return written;
}
