/* SPDX-License-Identifier: MIT */
/* Driver records as a test needs them: header, body, extensions. */
#pragma once

#include "sysmon/wire.h"

#include <stdint.h>
#include <string.h>

struct built_record {
    uint8_t bytes[0x8000];
    uint32_t size, sizes_at, next;
};

static inline void record_begin(struct built_record *out, uint32_t type, const void *body, uint32_t body_size, uint32_t sizes_at)
{
    struct wire_header header = { .EventType = type, .SequenceNumber = 1 };

    memset(out, 0, sizeof(*out));
    memcpy(out->bytes, &header, sizeof(header));
    memcpy(out->bytes + WIRE_BODY_OFFSET, body, body_size);
    out->sizes_at = WIRE_BODY_OFFSET + sizes_at;
    out->size = WIRE_BODY_OFFSET + body_size;
    memcpy(out->bytes + 4, &out->size, 4);
}

static inline void record_bytes(struct built_record *out, unsigned extension, const void *data, uint32_t size)
{
    memcpy(out->bytes + out->sizes_at + 4 * extension, &size, 4);
    memcpy(out->bytes + out->size, data, size);
    out->size += size;
    memcpy(out->bytes + 4, &out->size, 4);
}

/* ASCII to UTF-16. Extensions come in index order. */
static inline void record_text(struct built_record *out, unsigned extension, const char *text)
{
    uint8_t wide[2048];
    uint32_t size = 0;

    for (; *text; text++) {
        wide[size++] = (uint8_t)*text;
        wide[size++] = 0;
    }
    record_bytes(out, extension, wide, size);
}

#define RECORD_BEGIN(out, type, body) record_begin(out, type, &(body), sizeof(body), \
    (uint32_t)((const char *)(body).Extensions - (const char *)&(body)))
