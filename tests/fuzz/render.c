/* SPDX-License-Identifier: MIT */
/* Any bytes as the fields of an event: every form stays one valid record and the text form gives the bytes back. */
#include "sysmon/render.h"

#include "engine/utf8.h"

#include <stdlib.h>
#include <string.h>

#define SEPARATOR 0x1E

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool condition)
{
    if (!condition)
        abort();
}

/* Fields are what stands between separators. */
static void fill(struct event *event, const char *text, size_t size)
{
    for (unsigned i = 0; i < event->type->field_count && size; i++) {
        const char *end = memchr(text, SEPARATOR, size);
        size_t length = end ? (size_t)(end - text) : size;
        event_set_text(event, i, text, length);
        text += length + (end != NULL);
        size -= length + (end != NULL);
    }
}

/* Well-formed UTF-8 without control characters but the newlines and tabs that the form itself writes. */
static void check_record(const struct render_buffer *buffer, enum render_format format)
{
    size_t newlines = 0;

    need(buffer->size && buffer->data[buffer->size - 1] == '\n');
    for (size_t at = 0; at < buffer->size;) {
        unsigned length = utf8_sequence(buffer->data + at, buffer->size - at);
        uint32_t code = length ? utf8_code_point(buffer->data + at, length) : 0;
        need(length);
        newlines += code == '\n';
        need(code >= 0xA0 || (code >= 0x20 && code < 0x7F) || code == '\n' || (code == '\t' && format == RENDER_TEXT));
        at += length;
    }
    need(format == RENDER_TEXT || newlines == 1);
}

static size_t restore(char *out, const char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned value;
        if (size - i >= 6 && !memcmp(text + i, "\\x{", 3) && text[i + 5] == '}') {
            char digits[3] = { text[i + 3], text[i + 4], 0 };
            if (strspn(digits, "0123456789ABCDEF") == 2) {
                value = (unsigned)strtoul(digits, NULL, 16);
                out[used++] = (char)value;
                i += 5;
                continue;
            }
        }
        out[used++] = text[i];
    }
    return used;
}

/* The lines of the text form, restored, are the fields. */
static void check_text(const struct render_buffer *buffer, const struct event *event)
{
    const char *at = memchr(buffer->data, '\n', buffer->size) + 1;
    char *restored = malloc(buffer->size + 1);

    need(restored != NULL);
    for (unsigned i = 0; i < event->type->field_count; i++) {
        const char *end = memchr(at, '\n', (size_t)(buffer->data + buffer->size - at));
        const char *value = at + 1 + event->type->fields[i].name_size + 2;
        size_t size = restore(restored, value, (size_t)(end - value));
        if (event->cut >> i & 1) {
            need(size >= EVENT_CUT_MARK_SIZE && !memcmp(restored + size - EVENT_CUT_MARK_SIZE, EVENT_CUT_MARK, EVENT_CUT_MARK_SIZE));
            size -= EVENT_CUT_MARK_SIZE;
        }
        need(size == event->text[i].size && !memcmp(restored, event->text[i].data, size));
        at = end + 1;
    }
    free(restored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct render_host host = { "host\xff", "0" };
    struct render_buffer buffer = { 0 };
    uint16_t sizes[CATALOGUE_MAX_FIELDS];
    struct event event;

    if (size < 3)
        return 0;
    event_init(&event, &catalogue_events[data[0] % CATALOGUE_EVENT_COUNT], data[1] & 1 ? CATALOGUE_LINUX : CATALOGUE_WINDOWS);
    fill(&event, (const char *)data + 3, size - 3);
    for (unsigned i = 0; i < CATALOGUE_MAX_FIELDS; i++)
        sizes[i] = data[2];
    event_trim(&event, data[1] & 2 ? sizes : NULL);
    for (unsigned format = 0; format < RENDER_FORMAT_COUNT; format++) {
        buffer.size = 0;
        need(render_event(&buffer, (enum render_format)format, &event, &host) == (long)buffer.size);
        check_record(&buffer, (enum render_format)format);
        if (format == RENDER_TEXT)
            check_text(&buffer, &event);
    }
    render_buffer_free(&buffer);
    return 0;
}
