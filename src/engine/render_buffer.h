/* SPDX-License-Identifier: MIT */
/* Appending to a growable buffer, and the escape that all forms share. Internal to the renderers. */
#pragma once

#include "sysmon/render.h"

#include <string.h>

/* Makes room for `size` more bytes. False when out of memory; the buffer is then marked. */
bool buffer_reserve(struct render_buffer *buffer, size_t size);

static inline void buffer_put(struct render_buffer *buffer, const char *data, size_t size)
{
    if (buffer->capacity - buffer->size < size && !buffer_reserve(buffer, size))
        return;
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
}

#define buffer_literal(buffer, literal) buffer_put((buffer), (literal), sizeof(literal) - 1)

static inline void buffer_string(struct render_buffer *buffer, const char *terminated)
{
    buffer_put(buffer, terminated, strlen(terminated));
}

static inline void buffer_decimal(struct render_buffer *buffer, uint64_t value)
{
    char digits[FORMAT_DECIMAL_SIZE];

    buffer_put(buffer, digits, format_decimal(digits, value));
}

/*
 * How one form escapes: `special` marks the bytes below 0x80 that cannot stand as they are, `put_special` writes one of
 * those, `put_wide` one well-formed multi-byte sequence. A backslash is always special, because of the shared escape.
 */
struct escape_form {
    bool special[128];
    const char *backslash; /* how the form writes one */
    void (*put_special)(struct render_buffer *buffer, const struct escape_form *form, char c);
    void (*put_wide)(struct render_buffer *buffer, const struct escape_form *form, const char *sequence, unsigned length);
};

/* `\x{HH}` for each byte. */
void buffer_escape_bytes(struct render_buffer *buffer, const struct escape_form *form, const char *bytes, unsigned count);
/* A value, escaped. */
void buffer_escaped(struct render_buffer *buffer, const struct escape_form *form, const char *text, size_t size);

void render_json(struct render_buffer *out, const struct event *event, const struct render_host *host);
void render_xml(struct render_buffer *out, const struct event *event, const struct render_host *host);
void render_text(struct render_buffer *out, const struct event *event, const struct render_host *host);
void render_oneline(struct render_buffer *out, const struct event *event, const struct render_host *host);

/* The value of a field, escaped, with the mark of a shortened one. */
void buffer_field(struct render_buffer *buffer, const struct escape_form *form, const struct event *event, unsigned field);

/* The name of the provider of this event. */
const char *render_provider(const struct event *event);
