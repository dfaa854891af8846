/* SPDX-License-Identifier: MIT */
/* Standard output: a file, a pipe, a terminal or a socket. What was cut off by a failure is continued where it stopped. */
#include "sink.h"

#include <errno.h>
#include <stdlib.h>

struct stdout_state {
    struct port_stream *stream; /* NULL: an ordinary file */
    size_t carried;             /* bytes of the next record that are already out */
};

static int stdout_open(struct sink *sink)
{
    return 0;
}

static int stdout_write(struct sink *sink, struct record *const *records, unsigned count, unsigned *done)
{
    struct stdout_state *state = sink->state;
    struct file_slice slices[SINK_BATCH];
    size_t written, at;
    int error;

    for (unsigned i = 0; i < count; i++)
        slices[i] = (struct file_slice){ records[i]->data, records[i]->size };
    slices[0].data += state->carried;
    slices[0].size -= state->carried;
    error = state->stream ? stream_send(state->stream, slices, count, sink->waker, &written)
                          : log_append(log_standard_output(), slices, count, &written);
    at = written;
    while (*done < count && at >= slices[*done].size) {
        at -= slices[(*done)++].size;
        state->carried = 0;
    }
    state->carried += at;
    return error;
}

static void stdout_close(struct sink *sink)
{
}

static void stdout_destroy(struct sink *sink)
{
    struct stdout_state *state = sink->state;

    stream_close(state->stream);
    free(state);
}

static const struct sink_kind stdout_kind = {
    .name = "out-stdout",
    .open = stdout_open,
    .write = stdout_write,
    .close = stdout_close,
    .destroy = stdout_destroy,
    .keep_open = true,
    .mortal = true,
    .longest_pause = 1000,
};

int stdout_create(struct sink *sink, struct specification *specification)
{
    struct stdout_state *state = calloc(1, sizeof(*state));
    int error;

    if (!state)
        return -ENOMEM;
    error = stream_standard_output(&state->stream);
    if (error && error != -ENOTTY) {
        free(state);
        return specification_reject(specification, "standard output is closed");
    }
    sink->state = state;
    sink->kind = &stdout_kind;
    return 0;
}
