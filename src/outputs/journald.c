/* SPDX-License-Identifier: MIT */
/*
 * The systemd journal, by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), without a library: one datagram an event,
 * `NAME=value` a line, or, for a value with a newline, NAME, a newline, its size in 64 bits little-endian and the raw bytes. So the
 * journal holds every value as it was; what does not fit a datagram goes in a sealed memory file.
 *
 *   journalctl -t sysmon SYSMON_EVENT_ID=11 SYSMON_IMAGE=/usr/bin/touch
 */
#include "sink.h"

#include "engine/render_buffer.h"

#include <errno.h>
#include <stdlib.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define LEVEL_ERROR 2

struct journald_state {
    char *path;
    struct port_stream *stream;
};

/* Field names of the journal are upper case. */
static void put_name(struct render_buffer *out, const char *name)
{
    buffer_literal(out, "SYSMON_");
    for (; *name; name++) {
        char upper = *name >= 'a' && *name <= 'z' ? (char)(*name - 32) : *name;
        buffer_put(out, &upper, 1);
    }
}

static void put_value(struct render_buffer *out, const char *name, const struct match_text *text, bool cut)
{
    uint64_t size = text->size + (cut ? EVENT_CUT_MARK_SIZE : 0);

    put_name(out, name);
    if (text->size && memchr(text->data, '\n', text->size)) {
        char length[8];
        for (unsigned i = 0; i < sizeof(length); i++)
            length[i] = (char)(size >> 8 * i);
        buffer_literal(out, "\n");
        buffer_put(out, length, sizeof(length));
    } else {
        buffer_literal(out, "=");
    }
    buffer_put(out, text->data, text->size);
    if (cut)
        buffer_literal(out, EVENT_CUT_MARK);
    buffer_literal(out, "\n");
}

static void put_number(struct render_buffer *out, const char *name, uint64_t value)
{
    buffer_string(out, name);
    buffer_decimal(out, value);
    buffer_literal(out, "\n");
}

static void render_journal(struct render_buffer *out, const struct event *event, const struct render_host *host)
{
    static const struct match_text missing = { "-", 1 };

    buffer_literal(out, "MESSAGE=");
    render_oneline(out, event, host); /* ends the line */
    put_number(out, "PRIORITY=", event->type->level == LEVEL_ERROR ? 3 : 6);
    buffer_literal(out, "SYSLOG_IDENTIFIER=sysmon\nSYSLOG_FACILITY=1\n");
    put_number(out, "SYSMON_EVENT_ID=", event->type->id);
    put_number(out, "SYSMON_RECORD_ID=", event->record_id);
    for (unsigned i = 0; i < event->type->field_count; i++)
        put_value(out, event->type->fields[i].name, event->text[i].data ? &event->text[i] : &missing, event->cut >> i & 1);
    for (unsigned i = 0; i < event->extra_count; i++)
        put_value(out, event->extra[i].name, &event->extra[i].text, false);
}

static int journald_open(struct sink *sink)
{
    struct journald_state *state = sink->state;

    return stream_connect(&state->stream, STREAM_UNIX_DATAGRAM, state->path, NULL, sink->waker);
}

static int journald_write(struct sink *sink, struct record *const *records, unsigned count, unsigned *done)
{
    struct journald_state *state = sink->state;

    while (*done < count) {
        const struct file_slice slice = { records[*done]->data, records[*done]->size };
        int error = stream_send_datagram(state->stream, &slice, 1, sink->waker);
        if (error == -EMSGSIZE || error == -ENOBUFS)
            error = stream_send_memory(state->stream, &slice, 1, sink->waker);
        if (error)
            return error;
        ++*done;
    }
    return 0;
}

static void journald_close(struct sink *sink)
{
    struct journald_state *state = sink->state;

    stream_close(state->stream);
    state->stream = NULL;
}

static void journald_destroy(struct sink *sink)
{
    struct journald_state *state = sink->state;

    free(state->path);
    free(state);
}

static const struct sink_kind journald_kind = {
    .name = "out-journald",
    .open = journald_open,
    .write = journald_write,
    .close = journald_close,
    .destroy = journald_destroy,
    .longest_pause = 5000,
};

int journald_create(struct sink *sink, struct specification *specification)
{
    struct journald_state *state = calloc(1, sizeof(*state));

    if (!state)
        return -ENOMEM;
    sink->state = state;
    sink->kind = &journald_kind;
    sink->render = render_journal;
    state->path = strdup(specification->target[0] ? specification->target : JOURNAL_SOCKET);
    return state->path ? 0 : -ENOMEM;
}
