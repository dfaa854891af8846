/* SPDX-License-Identifier: MIT */
/* A buffer as a byte source. */
#include "sysmon/source.h"

#include <string.h>

static int64_t read_buffer(void *context, uint64_t offset, void *data, size_t size)
{
    const struct byte_buffer *buffer = context;
    size_t left = offset < buffer->size ? buffer->size - (size_t)offset : 0;

    if (size > left)
        size = left;
    if (size)
        memcpy(data, (const char *)buffer->data + offset, size);
    return (int64_t)size;
}

struct byte_source byte_source_buffer(struct byte_buffer *buffer)
{
    return (struct byte_source){ read_buffer, buffer };
}
