/* SPDX-License-Identifier: MIT */
/* Random access to bytes that are not trusted: a file, a mapping, a buffer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct byte_source {
    /* Reads up to `size` bytes at `offset`: the number read, fewer only at the end, or a negative errno. */
    int64_t (*read)(void *context, uint64_t offset, void *data, size_t size);
    void *context;
};

/* A buffer as a source; the structure is the source's context and must outlive it. */
struct byte_buffer {
    const void *data;
    size_t size;
};

struct byte_source byte_source_buffer(struct byte_buffer *buffer);

#ifdef __cplusplus
}
#endif
