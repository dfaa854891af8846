/* SPDX-License-Identifier: MIT */
/* JSON: one object a line. Header members first, then the catalogue's fields in order, then extras. */
#include "render_buffer.h"

#include "utf8.h"

static void put_unicode(struct render_buffer *buffer, uint32_t code)
{
    static const char digits[] = "0123456789abcdef";
    char escape[] = "\\uxxxx";

    escape[2] = digits[code >> 12 & 15];
    escape[3] = digits[code >> 8 & 15];
    escape[4] = digits[code >> 4 & 15];
    escape[5] = digits[code & 15];
    buffer_put(buffer, escape, sizeof(escape) - 1);
}

static void put_special(struct render_buffer *buffer, const struct escape_form *form, char c)
{
    switch (c) {
    case '"': buffer_literal(buffer, "\\\""); break;
    case '\n': buffer_literal(buffer, "\\n"); break;
    case '\r': buffer_literal(buffer, "\\r"); break;
    case '\t': buffer_literal(buffer, "\\t"); break;
    default: put_unicode(buffer, (uint8_t)c);
    }
}

/* JSON itself does not mind these: the second set of control characters acts on terminals, and some readers see line ends. */
static void put_wide(struct render_buffer *buffer, const struct escape_form *form, const char *sequence, unsigned length)
{
    uint32_t code = utf8_code_point(sequence, length);

    if (code < 0xA0 || code == 0x2028 || code == 0x2029)
        put_unicode(buffer, code);
    else
        buffer_put(buffer, sequence, length);
}

static const struct escape_form json = {
    .special = { [0 ... 31] = true, ['"'] = true, ['\\'] = true, [127] = true },
    .backslash = "\\\\",
    .put_special = put_special,
    .put_wide = put_wide,
};

/* A text that is a JSON number as it stands: decimal digits without a leading zero. */
static bool is_number(const struct match_text *text)
{
    if (!text->data || !text->size || text->size > FORMAT_DECIMAL_SIZE || (text->data[0] == '0' && text->size > 1))
        return false;
    for (uint32_t i = 0; i < text->size; i++)
        if (text->data[i] < '0' || text->data[i] > '9')
            return false;
    return true;
}

static bool is_bool(const struct match_text *text)
{
    return text->data && ((text->size == 4 && !memcmp(text->data, "true", 4)) ||
                          (text->size == 5 && !memcmp(text->data, "false", 5)));
}

/* Recorded events may hold anything in a numeric field (`-`): what is not a number stays a string. */
static bool is_bare(uint16_t type, const struct match_text *text)
{
    switch (type) {
    case CATALOGUE_BOOL: return is_bool(text);
    case CATALOGUE_UINT16:
    case CATALOGUE_UINT32:
    case CATALOGUE_PID: return is_number(text);
    default: return false;
    }
}

static void put_name(struct render_buffer *out, const char *name, size_t size)
{
    buffer_literal(out, ",\"");
    buffer_put(out, name, size);
    buffer_literal(out, "\":");
}

static void put_field(struct render_buffer *out, const struct event *event, unsigned field)
{
    const struct catalogue_field *type = &event->type->fields[field];

    put_name(out, type->name, type->name_size);
    if (is_bare(type->type, &event->text[field])) {
        buffer_put(out, event->text[field].data, event->text[field].size);
        return;
    }
    buffer_literal(out, "\"");
    buffer_field(out, &json, event, field);
    buffer_literal(out, "\"");
}

static void put_extra(struct render_buffer *out, const struct event_extra *extra)
{
    put_name(out, extra->name, strlen(extra->name));
    if (extra->is_number && is_number(&extra->text)) {
        buffer_put(out, extra->text.data, extra->text.size);
        return;
    }
    buffer_literal(out, "\"");
    buffer_escaped(out, &json, extra->text.data, extra->text.size);
    buffer_literal(out, "\"");
}

static void put_header(struct render_buffer *out, const struct event *event, const struct render_host *host)
{
    char time[48];

    buffer_literal(out, "{\"EventID\":");
    buffer_decimal(out, event->type->id);
    buffer_literal(out, ",\"Provider\":\"");
    buffer_string(out, render_provider(event));
    buffer_literal(out, "\",\"Computer\":\"");
    buffer_escaped(out, &json, host->computer, strlen(host->computer));
    buffer_literal(out, "\",\"EventRecordID\":");
    buffer_decimal(out, event->record_id);
    buffer_literal(out, ",\"SystemTime\":\"");
    buffer_put(out, time, format_time_fraction(time, event->write_time & INT64_MAX, 'T', 7));
    buffer_literal(out, "Z\"");
}

void render_json(struct render_buffer *out, const struct event *event, const struct render_host *host)
{
    put_header(out, event, host);
    for (unsigned i = 0; i < event->type->field_count; i++)
        put_field(out, event, i);
    for (unsigned i = 0; i < event->extra_count; i++)
        put_extra(out, &event->extra[i]);
    buffer_literal(out, "}\n");
}
