/* SPDX-License-Identifier: MIT */
/*
 * Files, one record a line, with rotation: NAME becomes NAME.1, NAME.1 becomes NAME.2 … and the oldest goes.
 *
 * Only whole records stay in the file: what a full disk cut off is taken back at once, and what an earlier run left without
 * its end is cut before the first record is added.
 */
#include "compress.h"
#include "sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEEP 1000
#define DEFAULT_KEEP 5
#define ROTATION_RETRY 60000 /* milliseconds */

struct file_state {
    struct log_place *place;
    port_file file;
    bool regular;         /* has a size, can be rotated and cut */
    uint64_t size;        /* of the whole records in it */
    uint64_t opened;      /* clock_filetime() */
    uint64_t rotate_size; /* 0 = never */
    uint64_t rotate_time; /* seconds, 0 = never */
    uint64_t keep;        /* rotated files */
    uint64_t next_rotation; /* clock_milliseconds() before which a failed rotation is not tried again */
    bool zstd;
    struct compression *compression; /* under way, or NULL */
};

static void suffix_of(char out[32], uint64_t number, bool zstd)
{
    snprintf(out, 32, ".%llu%s", (unsigned long long)number, zstd ? ".zst" : "");
}

/* Offset behind the last newline. Reads backwards, so that a long file costs nothing. */
static int whole_records(port_file file, uint64_t size, uint64_t *whole)
{
    char block[4096];

    while (size) {
        size_t part = size < sizeof(block) ? (size_t)size : sizeof(block), got = 0;
        int error = log_read(file, size - part, block, part, &got);
        if (error)
            return error;
        for (size_t i = got; i-- > 0;)
            if (block[i] == '\n') {
                *whole = size - part + i + 1;
                return 0;
            }
        size -= part;
    }
    *whole = 0;
    return 0;
}

/* Cuts a record without its end, which a crash or a full disk left. */
static int mend(struct file_state *state)
{
    uint64_t size, whole;
    int error = log_size(state->file, &size);

    if (!error)
        error = whole_records(state->file, size, &whole);
    if (!error && whole != size)
        error = log_truncate(state->file, whole);
    if (!error)
        state->size = whole;
    return error;
}

static int file_sink_open(struct sink *sink)
{
    struct file_state *state = sink->state;
    port_file file;
    int error = log_open(&file, state->place, "", LOG_APPEND, &state->regular);

    if (error)
        return error;
    state->file = file;
    state->size = 0;
    state->opened = clock_filetime();
    error = state->regular ? mend(state) : 0;
    if (error) {
        log_close(state->file);
        state->file = PORT_FILE_NONE;
    }
    return error;
}

static void file_sink_close(struct sink *sink)
{
    struct file_state *state = sink->state;

    log_close(state->file);
    state->file = PORT_FILE_NONE;
}

/* NAME.1 … NAME.keep move up by one, compressed or not; the oldest goes. */
static void shift(struct file_state *state)
{
    char from[32], to[32];

    for (unsigned zstd = 0; zstd < 2; zstd++) {
        suffix_of(from, state->keep, zstd);
        log_remove(state->place, from);
    }
    for (uint64_t number = state->keep; number-- > 1;)
        for (unsigned zstd = 0; zstd < 2; zstd++) {
            suffix_of(from, number, zstd);
            suffix_of(to, number + 1, zstd);
            log_rename(state->place, from, to);
        }
}

static int rotate(struct sink *sink)
{
    struct file_state *state = sink->state;
    int error;

    compression_wait(state->compression); /* it reads NAME.1 */
    state->compression = NULL;
    shift(state);
    if (state->keep)
        error = log_rename(state->place, "", ".1");
    else
        error = log_truncate(state->file, 0);
    if (error)
        return error;
    if (state->keep && state->zstd)
        compression_start(&state->compression, state->place, ".1", ".1.zst");
    file_sink_close(sink);
    return file_sink_open(sink);
}

static bool is_due(const struct file_state *state, uint64_t more)
{
    if (!state->regular || !state->size || (state->next_rotation && clock_milliseconds() < state->next_rotation))
        return false;
    if (state->rotate_size && state->size + more > state->rotate_size)
        return true;
    return state->rotate_time && clock_filetime() - state->opened >= state->rotate_time * 10000000;
}

/* Appends records up to the limit of this file. */
static int append(struct file_state *state, struct record *const *records, unsigned count, unsigned *done)
{
    struct file_slice slices[SINK_BATCH];
    unsigned taken = 0, whole = 0;
    uint64_t size = state->size;
    size_t written;
    int error;

    do {
        slices[taken] = (struct file_slice){ records[taken]->data, records[taken]->size };
        size += records[taken++]->size;
    } while (taken < count && (!state->rotate_size || size + records[taken]->size <= state->rotate_size));
    error = log_append(state->file, slices, taken, &written);
    while (whole < taken && written >= slices[whole].size) {
        state->size += slices[whole].size;
        written -= slices[whole++].size;
    }
    *done += whole;
    if (written && state->regular && log_truncate(state->file, state->size) && !error)
        error = -EIO;
    return error;
}

/* Failing to rotate is no reason to lose events: the file goes on growing until a later attempt succeeds. */
static int rotate_if_due(struct sink *sink, uint64_t more)
{
    struct file_state *state = sink->state;
    int error;

    if (!is_due(state, more))
        return 0;
    error = rotate(sink);
    state->next_rotation = error ? clock_milliseconds() + ROTATION_RETRY : 0;
    return state->file == PORT_FILE_NONE ? error : 0;
}

static int file_sink_write(struct sink *sink, struct record *const *records, unsigned count, unsigned *done)
{
    struct file_state *state = sink->state;
    int error = 0;

    if (state->file == PORT_FILE_NONE) /* a rotation could not open the new file */
        error = file_sink_open(sink);
    while (!error && *done < count) {
        error = rotate_if_due(sink, records[*done]->size);
        if (!error)
            error = append(state, records + *done, count - *done, done);
    }
    return error;
}

static void file_sink_destroy(struct sink *sink)
{
    struct file_state *state = sink->state;

    compression_wait(state->compression);
    log_close(state->file);
    log_place_close(state->place);
    free(state);
}

static const struct sink_kind file_kind = {
    .name = "out-file",
    .open = file_sink_open,
    .write = file_sink_write,
    .close = file_sink_close,
    .destroy = file_sink_destroy,
    .keep_open = true,
    .longest_pause = 1000,
};

static int take_options(struct file_state *state, struct specification *specification)
{
    int error = specification_take_size(specification, "size", 4096, UINT64_MAX, &state->rotate_size);

    if (!error)
        error = specification_take_duration(specification, "time", &state->rotate_time);
    if (!error)
        error = specification_take_size(specification, "keep", 0, MAX_KEEP, &state->keep);
    if (!error)
        error = specification_take_flag(specification, "zstd", &state->zstd);
    if (!error && state->zstd && !compression_available())
        error = specification_reject(specification, "output option 'zstd': this build has no zstd");
    return error;
}

int file_create(struct sink *sink, struct specification *specification)
{
    struct file_state *state = calloc(1, sizeof(*state));
    int error;

    if (!state)
        return -ENOMEM;
    state->file = PORT_FILE_NONE;
    state->keep = DEFAULT_KEEP;
    sink->state = state;
    sink->kind = &file_kind;
    error = take_options(state, specification);
    if (error)
        return error;
    error = log_place_open(&state->place, specification->target);
    if (!error)
        error = file_sink_open(sink);
    if (error) {
        specification_reject(specification, "cannot write to '%s': %s%s", specification->target, strerror(-error),
                             error == -ELOOP ? " (it is a symbolic link; give the file itself, or '-' for standard output)" : "");
        return error;
    }
    sink->opened = true;
    return 0;
}
