/* SPDX-License-Identifier: MIT */
/* ETW events of spec 09 sections 5.12 and 6.5, and a translator without a system behind it. */
#pragma once

#include "trace_record.h"
#include "translate.h"

#include <stdlib.h>
#include <string.h>

#define T0 0x01DA6EB61A2B3C4Dull /* 2024 */

/* Hexadecimal digits, blanks ignored; the size. */
static inline size_t from_hex(uint8_t *out, const char *text)
{
    size_t size = 0;

    for (; *text; text++) {
        char digits[3] = { text[0], text[0] == ' ' ? '\0' : text[1], '\0' };

        if (*text == ' ')
            continue;
        out[size++] = (uint8_t)strtoul(digits, NULL, 16);
        text++;
    }
    return size;
}

struct vector {
    const char *name;
    bool udp;
    uint8_t opcode;
    const char *hex;
};

static const struct vector network_vectors[] = {
    { "N1", false, 12, "34120000 00000000 5db8d822 c0a8010a 01bb c350 b405 0100 0000 0100 ffff0000 0800 0800 00000000 0000000000000000" },
    { "N2", false, 31, "3c040000 00000000 fe800000000000000001000200030004 fe80000000000000000a000b000c000d c93b 0d3d a005 0100 0000 0100"
                       "ffff0000 0800 0800 00000000 0000000000000000" },
    { "N3", true, 10, "fc040000 30000000 e00000fc 0a000211 14eb efd8 00000000 0000000000000000" },
    { "N4", true, 27, "fc040000 30000000 ff020000000000000000000000010003 fe80000000000000647b25b71cc4b972 14eb c146 00000000 0000000000000000" },
    { "N5", false, 10, "34120000 05020000 5db8d822 c0a8010a 01bb c350 64000000 65000000 00000000 c0b2018a" },
    { "N6", true, 11, "04000000 32000000 0a0003ff 0a00030f 0089 0089 00000000 0000000000000000" },
};

static const char dns_vector[] =
    "7700 7700 7700 2e00 6500 7800 6100 6d00 7000 6c00 6500 2e00 6300 6f00 6d00 0000 01000000 0040000000000000 00000000"
    "7400 7900 7000 6500 3a00 2000 2000 3500 2000 6500 6400 6700 6500 2e00 6500 7800 6100 6d00 7000 6c00 6500 2e00 6e00 6500 7400 3b00"
    "3a00 3a00 6600 6600 6600 6600 3a00 3100 3900 3200 2e00 3000 2e00 3200 2e00 3100 3000 3b00 0000";
static const char dns_failure_vector[] = "7700 7000 6100 6400 0000 01000000 0000000000000000 2b230000 0000";

static const struct facts no_facts;
