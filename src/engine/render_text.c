/* SPDX-License-Identifier: MIT */
/*
 * Text for people. The long form lists every field on its own line; the one-line form leaves out what says nothing
 * (`-`, GUIDs, the time that already stands in front) and quotes values that contain blanks.
 */
#include "render_buffer.h"

#include "utf8.h"

#include <errno.h>

static void put_special(struct render_buffer *buffer, const struct escape_form *form, char c)
{
    buffer_escape_bytes(buffer, form, &c, 1);
}

/*
 * What acts on a terminal instead of being shown: control characters, line and paragraph separators, and the marks that
 * turn the writing direction, with which names pretend to have another extension.
 */
static bool acts_on_terminal(uint32_t code)
{
    return code < 0xA0 || (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0x200E ||
           code == 0x200F || code == 0x061C;
}

static void put_wide(struct render_buffer *buffer, const struct escape_form *form, const char *sequence, unsigned length)
{
    if (acts_on_terminal(utf8_code_point(sequence, length)))
        buffer_escape_bytes(buffer, form, sequence, length);
    else
        buffer_put(buffer, sequence, length);
}

static const struct escape_form text_form = {
    .special = { [0 ... 31] = true, ['\\'] = true, [127] = true },
    .backslash = "\\",
    .put_special = put_special,
    .put_wide = put_wide,
};
/* Between double quotes, for values that contain both kinds. */
static const struct escape_form quoted_form = {
    .special = { [0 ... 31] = true, ['"'] = true, ['\\'] = true, [127] = true },
    .backslash = "\\",
    .put_special = put_special,
    .put_wide = put_wide,
};

static void put_long_line(struct render_buffer *out, const char *name, const struct event *event, int field,
                          const struct match_text *text)
{
    buffer_literal(out, "\t");
    buffer_string(out, name);
    buffer_literal(out, ": ");
    if (field >= 0)
        buffer_field(out, &text_form, event, (unsigned)field);
    else
        buffer_escaped(out, &text_form, text->data, text->size);
    buffer_literal(out, "\n");
}

void render_text(struct render_buffer *out, const struct event *event, const struct render_host *host)
{
    buffer_literal(out, "Event ");
    buffer_decimal(out, event->type->id);
    buffer_literal(out, " ");
    buffer_string(out, event->type->template_text);
    buffer_literal(out, "\n");
    for (unsigned i = 0; i < event->type->field_count; i++)
        put_long_line(out, event->type->fields[i].name, event, (int)i, NULL);
    for (unsigned i = 0; i < event->extra_count; i++)
        put_long_line(out, event->extra[i].name, event, -1, &event->extra[i].text);
}

static bool contains(const struct match_text *text, char c)
{
    return text->size && memchr(text->data, c, text->size);
}

/* The quote to put around a value, NUL for none: single ones when only double ones are inside. */
static char quote_for(const struct match_text *text)
{
    if (text->size && !contains(text, ' ') && text->data[0] != '"' && text->data[0] != '\'')
        return '\0';
    return contains(text, '"') && !contains(text, '\'') ? '\'' : '"';
}

static void put_pair(struct render_buffer *out, const char *name, const struct match_text *text, bool cut)
{
    char quote = quote_for(text);

    buffer_literal(out, " ");
    buffer_string(out, name);
    buffer_literal(out, "=");
    buffer_put(out, &quote, quote != '\0');
    buffer_escaped(out, quote == '"' ? &quoted_form : &text_form, text->data, text->size);
    if (cut)
        buffer_literal(out, EVENT_CUT_MARK);
    buffer_put(out, &quote, quote != '\0');
}

static bool says_something(const struct event *event, unsigned field)
{
    const struct catalogue_field *type = &event->type->fields[field];
    const struct match_text *text = &event->text[field];

    if (!text->data || (text->size == 1 && text->data[0] == '-') || type->type == CATALOGUE_GUID)
        return false;
    return type->name_size != 7 || memcmp(type->name, "UtcTime", 7) != 0;
}

void render_oneline(struct render_buffer *out, const struct event *event, const struct render_host *host)
{
    char time[48];

    buffer_put(out, time, format_time(time, event->time ? event->time : event->write_time));
    buffer_literal(out, " ");
    buffer_decimal(out, event->type->id);
    buffer_literal(out, " ");
    buffer_string(out, event->type->tag ? event->type->tag : event->type->template_text);
    for (unsigned i = 0; i < event->type->field_count; i++)
        if (says_something(event, i))
            put_pair(out, event->type->fields[i].name, &event->text[i], event->cut >> i & 1);
    for (unsigned i = 0; i < event->extra_count; i++)
        put_pair(out, event->extra[i].name, &event->extra[i].text, false);
    buffer_literal(out, "\n");
}

long render_text_value(struct render_buffer *out, const char *text, size_t size)
{
    size_t before = out->size;

    out->failed = false;
    buffer_escaped(out, &text_form, text, size);
    if (out->failed) {
        out->size = before;
        return -ENOMEM;
    }
    return (long)(out->size - before);
}
