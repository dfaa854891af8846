/* SPDX-License-Identifier: MIT */
/* Texts of numbers, GUIDs and times (spec 02 section 3). No libc formatting: these run for every event. */
#include "sysmon/event.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

unsigned format_decimal(char out[20], uint64_t value)
{
    char digits[20];
    unsigned count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    for (unsigned i = 0; i < count; i++)
        out[i] = digits[count - 1 - i];
    return count;
}

unsigned format_hex(char out[18], uint64_t value)
{
    unsigned digits = 1, size = 0;

    while (digits < 16 && value >> 4 * digits)
        digits++;
    out[size++] = '0';
    out[size++] = 'x';
    while (digits--)
        out[size++] = hex_digits[value >> 4 * digits & 15];
    return size;
}

unsigned format_guid(char out[38], const struct sysmon_guid *guid)
{
    /* Order of printing: the first three groups are little-endian; 0xFF stands for a dash. */
    static const uint8_t order[] = { 3, 2, 1, 0, 0xFF, 5, 4, 0xFF, 7, 6, 0xFF, 8, 9, 0xFF, 10, 11, 12, 13, 14, 15 };
    unsigned size = 0;

    out[size++] = '{';
    for (unsigned i = 0; i < sizeof(order); i++) {
        if (order[i] == 0xFF) {
            out[size++] = '-';
            continue;
        }
        out[size++] = hex_digits[guid->bytes[order[i]] >> 4];
        out[size++] = hex_digits[guid->bytes[order[i]] & 15];
    }
    out[size++] = '}';
    return size;
}

/* Decimal, zero-padded to at least `width` digits. */
static unsigned put_padded(char *out, uint32_t value, unsigned width)
{
    char digits[20];
    unsigned count = format_decimal(digits, value), size = 0;

    while (size + count < width)
        out[size++] = '0';
    memcpy(out + size, digits, count);
    return size + count;
}

/* Gregorian date of a day number, day 0 being 1601-01-01: 400-year cycles, years counted from March. */
static void civil_date(uint32_t days, uint32_t *year, uint32_t *month, uint32_t *day)
{
    /* 1600-03-01 is day 0 of a 400-year cycle and 306 days before 1601-01-01. */
    uint32_t shifted = days + 306, cycle = shifted / 146097, rest = shifted % 146097;
    uint32_t of_cycle = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
    uint32_t of_year = rest - (365 * of_cycle + of_cycle / 4 - of_cycle / 100);
    uint32_t from_march = (5 * of_year + 2) / 153;

    *day = of_year - (153 * from_march + 2) / 5 + 1;
    *month = from_march < 10 ? from_march + 3 : from_march - 9;
    *year = 1600 + cycle * 400 + of_cycle + (*month <= 2);
}

unsigned format_time_fraction(char out[48], uint64_t filetime, char separator, unsigned digits)
{
    uint32_t seconds = (uint32_t)(filetime / 10000000 % 86400), fraction = (uint32_t)(filetime % 10000000);
    uint32_t year, month, day, kept = digits;
    unsigned size;

    civil_date((uint32_t)(filetime / 864000000000ull), &year, &month, &day);
    size = put_padded(out, year, 4);
    out[size++] = '-';
    size += put_padded(out + size, month, 2);
    out[size++] = '-';
    size += put_padded(out + size, day, 2);
    out[size++] = separator;
    size += put_padded(out + size, seconds / 3600, 2);
    out[size++] = ':';
    size += put_padded(out + size, seconds / 60 % 60, 2);
    out[size++] = ':';
    size += put_padded(out + size, seconds % 60, 2);
    out[size++] = '.';
    for (; kept < 7; kept++)
        fraction /= 10;
    size += put_padded(out + size, fraction, digits < 7 ? digits : 7);
    for (; kept > 7; kept--)
        out[size++] = '0';
    return size;
}

unsigned format_time(char out[48], uint64_t filetime)
{
    static const char incorrect[] = "Incorrect filetime: ";

    /* Windows refuses to convert times with the top bit set. */
    if (filetime >> 63) {
        memcpy(out, incorrect, sizeof(incorrect) - 1);
        return sizeof(incorrect) - 1 + format_hex(out + sizeof(incorrect) - 1, filetime);
    }
    return format_time_fraction(out, filetime, ' ', 3);
}

size_t format_percent(char *out, const char *text, size_t size)
{
    size_t written = 0;

    for (size_t i = 0; i < size; i++) {
        if (out)
            out[written] = text[i];
        written++;
        if (text[i] != '%')
            continue;
        if (out)
            out[written] = '%';
        written++;
    }
    return written;
}
