/* SPDX-License-Identifier: MIT */
/* The growable buffer, the shared escape, and the choice of a renderer. */
#include "render_buffer.h"

#include "utf8.h"

#include <errno.h>
#include <stdlib.h>

/* A field has at most 31839 characters and an event 23 fields, so a record stays far below this. */
#define BUFFER_MAX_SIZE (64u << 20)
#define BUFFER_FIRST_SIZE 2048

bool buffer_reserve(struct render_buffer *buffer, size_t size)
{
    size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_FIRST_SIZE;
    char *data;

    if (buffer->failed || size > BUFFER_MAX_SIZE - buffer->size) {
        buffer->failed = true;
        return false;
    }
    while (capacity - buffer->size < size)
        capacity *= 2;
    data = realloc(buffer->data, capacity);
    if (!data) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void render_buffer_free(struct render_buffer *buffer)
{
    free(buffer->data);
    memset(buffer, 0, sizeof(*buffer));
}

void buffer_escape_bytes(struct render_buffer *buffer, const struct escape_form *form, const char *bytes, unsigned count)
{
    static const char digits[] = "0123456789ABCDEF";
    char escape[] = "x{00}";

    for (unsigned i = 0; i < count; i++) {
        escape[2] = digits[(uint8_t)bytes[i] >> 4];
        escape[3] = digits[(uint8_t)bytes[i] & 15];
        buffer_string(buffer, form->backslash);
        buffer_put(buffer, escape, sizeof(escape) - 1);
    }
}

static bool is_upper_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

/* Does the value itself contain what would be read as our escape? */
static bool looks_escaped(const char *text, size_t size)
{
    return size >= 6 && text[1] == 'x' && text[2] == '{' && is_upper_hex(text[3]) && is_upper_hex(text[4]) && text[5] == '}';
}

size_t render_unescape(char *out, const char *text, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t used = 0;

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\\' && looks_escaped(text + i, size - i)) {
            const char *high = memchr(digits, text[i + 3], 16), *low = memchr(digits, text[i + 4], 16);
            out[used++] = (char)((high - digits) << 4 | (low - digits));
            i += 5;
        } else {
            out[used++] = text[i];
        }
    }
    return used;
}

/* The byte or sequence at `text` that is not plain; returns the bytes consumed. */
static unsigned put_odd(struct render_buffer *buffer, const struct escape_form *form, const char *text, size_t size)
{
    unsigned length = utf8_sequence(text, size);

    if (!length) {
        buffer_escape_bytes(buffer, form, text, 1);
        return 1;
    }
    if (length > 1)
        form->put_wide(buffer, form, text, length);
    else if (text[0] != '\\')
        form->put_special(buffer, form, text[0]);
    else if (looks_escaped(text, size))
        buffer_escape_bytes(buffer, form, text, 1);
    else
        buffer_string(buffer, form->backslash);
    return length;
}

void buffer_escaped(struct render_buffer *buffer, const struct escape_form *form, const char *text, size_t size)
{
    size_t plain = 0, at = 0;

    while (at < size) {
        uint8_t c = (uint8_t)text[at];
        if (c < 0x80 && !form->special[c]) {
            at++;
            continue;
        }
        buffer_put(buffer, text + plain, at - plain);
        at += put_odd(buffer, form, text + at, size - at);
        plain = at;
    }
    buffer_put(buffer, text + plain, at - plain);
}

void buffer_field(struct render_buffer *buffer, const struct escape_form *form, const struct event *event, unsigned field)
{
    const struct match_text *text = &event->text[field];

    if (!text->data) { /* the kernel half did not know it and nobody filled it in */
        buffer_literal(buffer, "-");
        return;
    }
    buffer_escaped(buffer, form, text->data, text->size);
    if (event->cut >> field & 1)
        buffer_literal(buffer, EVENT_CUT_MARK);
}

const char *render_provider(const struct event *event)
{
    return event->system == CATALOGUE_LINUX ? "Linux-Sysmon" : "Microsoft-Windows-Sysmon";
}

long render_event(struct render_buffer *out, enum render_format format, const struct event *event,
                  const struct render_host *host)
{
    static void (*const renderers[RENDER_FORMAT_COUNT])(struct render_buffer *, const struct event *,
                                                        const struct render_host *) = {
        [RENDER_TEXT] = render_text,
        [RENDER_ONELINE] = render_oneline,
        [RENDER_JSON] = render_json,
        [RENDER_XML] = render_xml,
    };
    size_t before = out->size;

    out->failed = false;
    renderers[format](out, event, host);
    if (out->failed) {
        out->size = before;
        return -ENOMEM;
    }
    return (long)(out->size - before);
}
