/* SPDX-License-Identifier: MIT */
#include "fold.h"

#include "fold_table.h"

uint32_t fold_upper(uint32_t c)
{
    if (c < 0x80)
        return c >= 'a' && c <= 'z' ? c - 32 : c;
    if (c >= FOLD_LIMIT)
        return c;
    return (c & ~0xffffu) | ((c + fold_delta[fold_block[c >> 6]][c & 63]) & 0xffff);
}

static void encode(uint32_t c, struct fold_unit *unit)
{
    if (c < 0x80) {
        unit->byte[0] = (uint8_t)c;
        unit->size = 1;
    } else if (c < 0x800) {
        unit->byte[0] = (uint8_t)(0xc0 | c >> 6);
        unit->byte[1] = (uint8_t)(0x80 | (c & 63));
        unit->size = 2;
    } else if (c < 0x10000) {
        unit->byte[0] = (uint8_t)(0xe0 | c >> 12);
        unit->byte[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        unit->byte[2] = (uint8_t)(0x80 | (c & 63));
        unit->size = 3;
    } else {
        unit->byte[0] = (uint8_t)(0xf0 | c >> 18);
        unit->byte[1] = (uint8_t)(0x80 | (c >> 12 & 63));
        unit->byte[2] = (uint8_t)(0x80 | (c >> 6 & 63));
        unit->byte[3] = (uint8_t)(0x80 | (c & 63));
        unit->size = 4;
    }
}

static uint32_t stray(uint8_t byte, struct fold_unit *unit)
{
    unit->byte[0] = byte;
    unit->size = 1;
    return 1;
}

/* Length of the sequence a lead byte announces; 1 for everything that is no lead byte. */
static uint32_t announced(uint8_t lead)
{
    if (lead < 0xc2 || lead > 0xf4)
        return 1;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* The second byte also excludes overlong forms, surrogates and what lies beyond U+10FFFF. */
static bool second_allowed(uint8_t lead, uint8_t second)
{
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

    return second >= low && second <= high;
}

uint32_t fold_forward(const uint8_t *text, const uint8_t *end, struct fold_unit *unit)
{
    uint32_t size = announced(*text), c;

    if (*text < 0x80) {
        encode(fold_upper(*text), unit);
        return 1;
    }
    if (size == 1 || (size_t)(end - text) < size || !second_allowed(text[0], text[1]))
        return stray(*text, unit);
    c = *text & (0x7fu >> size);
    for (uint32_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return stray(*text, unit);
        c = c << 6 | (text[i] & 63);
    }
    encode(fold_upper(c), unit);
    return size;
}

uint32_t fold_backward(const uint8_t *start, const uint8_t *text, struct fold_unit *unit)
{
    uint32_t size = 1;

    while (size < 4 && size < (size_t)(text - start) && (text[-(int)size] & 0xc0) == 0x80)
        size++;
    if (fold_forward(text - size, text, unit) == size)
        return size;
    return stray(text[-1], unit);
}

uint32_t fold_utf16(const struct blob_text *text, uint32_t first, uint32_t last, uint8_t *out)
{
    uint32_t used = 0;

    for (uint32_t i = first; i < last; i++) {
        struct fold_unit unit;
        uint32_t c = blob_unit(text, i);

        if (c >= 0xd800 && c <= 0xdbff && i + 1 < last) {
            uint32_t low = blob_unit(text, i + 1);

            if (low >= 0xdc00 && low <= 0xdfff) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                i++;
            }
        }
        encode(fold_upper(c), &unit);
        for (uint32_t k = 0; k < unit.size; k++)
            out[used++] = unit.byte[k];
    }
    return used;
}

uint32_t fold_text(const uint8_t *text, uint32_t size, uint8_t *out)
{
    const uint8_t *end = text + size;
    uint32_t used = 0;

    while (text < end) {
        struct fold_unit unit;

        text += fold_forward(text, end, &unit);
        for (uint32_t k = 0; k < unit.size; k++)
            out[used++] = unit.byte[k];
    }
    return used;
}

int fold_compare(const uint8_t *text, uint32_t size, const uint8_t *value, uint32_t value_size)
{
    const uint8_t *end = text + size, *value_end = value + value_size;

    while (text < end) {
        struct fold_unit unit;

        text += fold_forward(text, end, &unit);
        for (uint32_t k = 0; k < unit.size; k++, value++) {
            if (value == value_end)
                return 1;
            if (unit.byte[k] != *value)
                return unit.byte[k] < *value ? -1 : 1;
        }
    }
    return value == value_end ? 0 : -1;
}

int64_t fold_begins(const uint8_t *text, uint32_t size, const uint8_t *value, uint32_t value_size)
{
    const uint8_t *at = text, *end = text + size, *value_end = value + value_size;

    while (value < value_end) {
        struct fold_unit unit;

        if (at == end)
            return -1;
        at += fold_forward(at, end, &unit);
        for (uint32_t k = 0; k < unit.size; k++, value++)
            if (value == value_end || unit.byte[k] != *value)
                return -1;
    }
    return at - text;
}

int64_t fold_ends(const uint8_t *text, uint32_t size, const uint8_t *value, uint32_t value_size)
{
    const uint8_t *at = text + size, *value_end = value + value_size;

    while (value < value_end) {
        struct fold_unit unit;

        if (at == text)
            return -1;
        at -= fold_backward(text, at, &unit);
        for (uint32_t k = unit.size; k-- > 0; value_end--)
            if (value == value_end || unit.byte[k] != value_end[-1])
                return -1;
    }
    return text + size - at;
}
