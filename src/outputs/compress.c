/* SPDX-License-Identifier: MIT */
#include "compress.h"

#include <stdlib.h>

#ifdef OUTPUT_ZSTD
#include "port/thread.h"

#include <errno.h>
#include <stdio.h>
#include <zstd.h>

#define LEVEL 3

struct compression {
    const struct log_place *place;
    char from[32], to[32], temporary[40];
    port_thread thread;
};

bool compression_available(void)
{
    return true;
}

/* All of `in` through the stream; `last` also writes the end of the frame. */
static int feed(ZSTD_CCtx *context, ZSTD_inBuffer *in, bool last, port_file target, char *out, size_t capacity)
{
    size_t remaining;

    do {
        ZSTD_outBuffer buffer = { out, capacity, 0 };
        struct file_slice slice;
        size_t written;
        int error;

        remaining = ZSTD_compressStream2(context, &buffer, in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(remaining))
            return -EIO;
        slice = (struct file_slice){ out, buffer.pos };
        error = log_append(target, &slice, 1, &written);
        if (error)
            return error;
    } while (last ? remaining != 0 : in->pos < in->size);
    return 0;
}

static int copy_compressed(port_file source, port_file target)
{
    size_t in_size = ZSTD_CStreamInSize(), out_size = ZSTD_CStreamOutSize(), got;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    char *in = malloc(in_size), *out = malloc(out_size);
    uint64_t offset = 0;
    int error = context && in && out ? 0 : -ENOMEM;

    if (!error) {
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL);
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    }
    for (bool last = false; !error && !last;) {
        ZSTD_inBuffer buffer = { in, 0, 0 };
        error = log_read(source, offset, in, in_size, &got);
        if (error)
            break;
        buffer.size = got;
        offset += got;
        last = !got;
        error = feed(context, &buffer, last, target, out, out_size);
    }
    ZSTD_freeCCtx(context);
    free(in);
    free(out);
    return error;
}

/* Under a temporary name until it is complete: a half-written file never has the final one. */
static void compress(void *argument)
{
    struct compression *work = argument;
    port_file source, target;
    bool regular;
    int error = log_open(&source, work->place, work->from, LOG_READ, &regular);

    if (error)
        return;
    log_remove(work->place, work->temporary);
    error = log_open(&target, work->place, work->temporary, LOG_CREATE, &regular);
    if (!error) {
        error = copy_compressed(source, target);
        if (!error)
            error = log_sync(target);
        log_close(target);
        if (!error)
            error = log_rename(work->place, work->temporary, work->to);
        log_remove(work->place, error ? work->temporary : work->from);
    }
    log_close(source);
}

void compression_start(struct compression **out, const struct log_place *place, const char *from, const char *to)
{
    struct compression *work = malloc(sizeof(*work));

    *out = NULL;
    if (!work)
        return;
    work->place = place;
    snprintf(work->from, sizeof(work->from), "%s", from);
    snprintf(work->to, sizeof(work->to), "%s", to);
    snprintf(work->temporary, sizeof(work->temporary), "%s.part", to);
    if (thread_start(&work->thread, compress, work, "out-zstd")) {
        free(work);
        return;
    }
    *out = work;
}

void compression_wait(struct compression *work)
{
    if (!work)
        return;
    thread_join(work->thread);
    free(work);
}

#else

bool compression_available(void)
{
    return false;
}

void compression_start(struct compression **out, const struct log_place *place, const char *from, const char *to)
{
    *out = NULL;
}

void compression_wait(struct compression *compression)
{
}
#endif
