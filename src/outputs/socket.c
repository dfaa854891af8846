/* SPDX-License-Identifier: MIT */
/*
 * `unix:PATH`: records as lines over a stream socket on which somebody listens. Since whoever owns that socket sees every
 * event, the listener must be root, ourselves, or the user named with `user=`.
 */
#include "port/host.h"
#include "sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct socket_state {
    char *path;
    uint64_t user; /* besides root and ourselves */
    struct port_stream *stream;
};

static int socket_open(struct sink *sink)
{
    struct socket_state *state = sink->state;
    struct port_stream *stream;
    uint32_t user = 0;
    int error = stream_connect(&stream, STREAM_UNIX, state->path, NULL, sink->waker);

    if (error)
        return error;
    error = stream_peer_user(stream, &user);
    if (!error && user && user != state->user)
        error = -EPERM;
    if (error) {
        stream_close(stream);
        return error;
    }
    state->stream = stream;
    return 0;
}

static int socket_write(struct sink *sink, struct record *const *records, unsigned count, unsigned *done)
{
    struct socket_state *state = sink->state;
    struct file_slice slices[SINK_BATCH];
    size_t written;
    int error;

    if (stream_peer_closed(state->stream))
        return -EPIPE;
    for (unsigned i = 0; i < count; i++)
        slices[i] = (struct file_slice){ records[i]->data, records[i]->size };
    error = stream_send(state->stream, slices, count, sink->waker, &written);
    while (*done < count && written >= slices[*done].size)
        written -= slices[(*done)++].size;
    return error;
}

static void socket_close(struct sink *sink)
{
    struct socket_state *state = sink->state;

    stream_close(state->stream);
    state->stream = NULL;
}

static void socket_destroy(struct sink *sink)
{
    struct socket_state *state = sink->state;

    free(state->path);
    free(state);
}

static const struct sink_kind socket_kind = {
    .name = "out-unix",
    .open = socket_open,
    .write = socket_write,
    .close = socket_close,
    .destroy = socket_destroy,
    .longest_pause = 5000,
};

int socket_create(struct sink *sink, struct specification *specification)
{
    const char *path = specification->target + strlen("unix:");
    struct socket_state *state;
    char own[200];
    uint64_t user;
    int error;

    host_user(own, sizeof(own));
    user = strtoull(own, NULL, 10);
    error = specification_take_size(specification, "user", 0, UINT32_MAX, &user);
    if (error)
        return error;
    if (!path[0])
        return specification_reject(specification, "output '%s:unix:' needs the path of a socket", specification->kind);
    state = calloc(1, sizeof(*state));
    if (!state)
        return -ENOMEM;
    state->path = strdup(path);
    state->user = user;
    sink->state = state;
    sink->kind = &socket_kind;
    return state->path ? 0 : -ENOMEM;
}
