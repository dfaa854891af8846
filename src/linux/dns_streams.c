/* SPDX-License-Identifier: MIT */
#include "linux/dns_streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_SIZE 2u
#define MAX_HOLES 4

struct interval {
    uint32_t from, to;
};

/* The window begins at the length of the message that is next: `have[0]` from 0 on is what can be cut. */
struct stream {
    uint64_t socket, used;
    bool outgoing, open;
    uint32_t base; /* sequence number of the window's first byte */
    unsigned intervals;
    struct interval have[MAX_HOLES]; /* in order, apart */
    uint8_t *window;
};

struct dns_streams {
    uint64_t clock;
    struct stream stream[DNS_STREAMS];
};

int dns_streams_create(struct dns_streams **out)
{
    struct dns_streams *streams = calloc(1, sizeof *streams);

    if (!streams)
        return -ENOMEM;
    *out = streams;
    return 0;
}

void dns_streams_destroy(struct dns_streams *streams)
{
    for (unsigned i = 0; streams && i < DNS_STREAMS; i++)
        free(streams->stream[i].window);
    free(streams);
}

static void begin(struct stream *stream, uint32_t base)
{
    stream->base = base;
    stream->intervals = 0;
}

static struct stream *find(struct dns_streams *streams, uint64_t socket, bool outgoing, uint32_t sequence)
{
    struct stream *oldest = &streams->stream[0];

    for (unsigned i = 0; i < DNS_STREAMS; i++) {
        struct stream *stream = &streams->stream[i];

        if (stream->open && stream->socket == socket && stream->outgoing == outgoing)
            return stream;
        if (stream->used < oldest->used)
            oldest = stream;
    }
    oldest->socket = socket;
    oldest->outgoing = outgoing;
    oldest->open = true;
    begin(oldest, sequence);
    return oldest;
}

/* Joins [from, to) with what is there. False: too many holes. */
static bool note(struct stream *stream, uint32_t from, uint32_t to)
{
    struct interval all[MAX_HOLES + 1];
    unsigned count = 0;

    for (unsigned i = 0; i < stream->intervals; i++) {
        struct interval *have = &stream->have[i];

        if (have->to < from || have->from > to) {
            all[count++] = *have;
            continue;
        }
        from = have->from < from ? have->from : from;
        to = have->to > to ? have->to : to;
    }
    if (count == MAX_HOLES)
        return false;
    all[count] = (struct interval){ from, to };
    for (unsigned i = count; i && all[i].from < all[i - 1].from; i--) {
        struct interval swap = all[i];
        all[i] = all[i - 1];
        all[i - 1] = swap;
    }
    stream->intervals = count + 1;
    memcpy(stream->have, all, stream->intervals * sizeof *all);
    return true;
}

/* The window moves on by `size` bytes, which may be more than it holds. */
static void forget(struct stream *stream, uint32_t size)
{
    uint32_t end = stream->intervals ? stream->have[stream->intervals - 1].to : 0;
    unsigned kept = 0;

    if (end > size)
        memmove(stream->window, stream->window + size, end - size);
    for (unsigned i = 0; i < stream->intervals; i++) {
        struct interval have = stream->have[i];

        if (have.to <= size)
            continue;
        stream->have[kept++] = (struct interval){ have.from > size ? have.from - size : 0, have.to - size };
    }
    stream->intervals = kept;
    stream->base += size;
}

static void cut_messages(struct stream *stream, dns_message_function *message, void *context)
{
    while (stream->intervals && !stream->have[0].from && stream->have[0].to >= LENGTH_SIZE) {
        uint32_t size = LENGTH_SIZE + (uint32_t)(stream->window[0] << 8 | stream->window[1]), there = stream->have[0].to;

        if (there < size && there < DNS_STREAM_WINDOW)
            return;
        message(context, stream->window + LENGTH_SIZE, (there < size ? there : size) - LENGTH_SIZE);
        forget(stream, size);
    }
}

/* Takes bytes from the front of the segment into the window; returns how many are done with. */
static size_t place(struct stream *stream, uint32_t sequence, const uint8_t *data, size_t size)
{
    int32_t at = (int32_t)(sequence - stream->base);

    if (at < 0) /* again, or the rest of a message that was too long */
        return size < (uint32_t)-at ? size : (uint32_t)-at;
    if (at >= (int32_t)DNS_STREAM_WINDOW) { /* what lies between is lost: start again here */
        begin(stream, sequence);
        at = 0;
    }
    if (size > DNS_STREAM_WINDOW - (uint32_t)at)
        size = DNS_STREAM_WINDOW - (uint32_t)at;
    if (!note(stream, (uint32_t)at, (uint32_t)at + (uint32_t)size)) {
        begin(stream, sequence);
        return size;
    }
    memcpy(stream->window + at, data, size);
    return size;
}

int dns_streams_add(struct dns_streams *streams, uint64_t socket, bool outgoing, uint32_t sequence, const uint8_t *data,
                    size_t size, dns_message_function *message, void *context)
{
    struct stream *stream = find(streams, socket, outgoing, sequence);

    stream->used = ++streams->clock;
    if (!stream->window)
        stream->window = malloc(DNS_STREAM_WINDOW);
    if (!stream->window)
        return -ENOMEM;
    while (size) {
        size_t done = place(stream, sequence, data, size);

        sequence += (uint32_t)done;
        data += done;
        size -= done;
        cut_messages(stream, message, context);
    }
    return 0;
}
