/* SPDX-License-Identifier: MIT */
/* One ETW event, old or new form, as the decoders see it: portable, so that they run in tests and under a fuzzer. */
#pragma once

#include "sysmon/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace_record {
    struct sysmon_guid provider; /* class GUID of a classic event */
    uint16_t id;                 /* 0 for a classic event */
    uint8_t version, opcode;
    uint8_t pointer_size;        /* of the writer: 4 or 8 */
    uint32_t pid;                /* of the writing thread; 0xFFFFFFFF: not known */
    uint64_t time;               /* 100 ns since 1601 */
    const uint8_t *data;         /* not aligned, not trusted */
    size_t size;
};
