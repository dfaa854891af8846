/* SPDX-License-Identifier: MIT */
/*
 * Event XML, one line an event. Linux events have the form that the published Linux program writes to syslog (spec 07
 * section 6); Windows events have the form in which `wevtutil qe /f:xml` prints them.
 */
#include "render_buffer.h"

#include "utf8.h"

#define XMLNS "http://schemas.microsoft.com/win/2004/08/events/event"

static void put_reference(struct render_buffer *buffer, uint32_t code)
{
    buffer_literal(buffer, "&#");
    buffer_decimal(buffer, code);
    buffer_literal(buffer, ";");
}

/* XML 1.0 has no way to say a control character but tab, newline and carriage return: those get the shared escape. */
static void put_special(struct render_buffer *buffer, const struct escape_form *form, char c)
{
    switch (c) {
    case '<': buffer_literal(buffer, "&lt;"); break;
    case '>': buffer_literal(buffer, "&gt;"); break;
    case '&': buffer_literal(buffer, "&amp;"); break;
    case '\t':
    case '\n':
    case '\r':
    case 127: put_reference(buffer, (uint8_t)c); break;
    default: buffer_escape_bytes(buffer, form, &c, 1);
    }
}

/* U+0080 to U+009F act on terminals, two others are line ends to some readers; U+FFFE and U+FFFF are no XML characters. */
static void put_wide(struct render_buffer *buffer, const struct escape_form *form, const char *sequence, unsigned length)
{
    uint32_t code = utf8_code_point(sequence, length);

    if (code < 0xA0 || code == 0x2028 || code == 0x2029)
        put_reference(buffer, code);
    else if (code == 0xFFFE || code == 0xFFFF)
        buffer_escape_bytes(buffer, form, sequence, length);
    else
        buffer_put(buffer, sequence, length);
}

static const struct escape_form xml = {
    .special = { [0 ... 31] = true, ['<'] = true, ['>'] = true, ['&'] = true, ['\\'] = true, [127] = true },
    .backslash = "\\",
    .put_special = put_special,
    .put_wide = put_wide,
};

/* What differs between the two forms. */
struct dialect {
    const char *opening;       /* up to the event id; with the provider's GUID in lower case, as both print it */
    char quote;
    unsigned fraction;         /* digits of SystemTime */
    const char *channel;
    const char *user_attribute;
};

static const struct dialect linux_form = {
    "<Event><System><Provider Name=\"Linux-Sysmon\" Guid=\"{ff032593-a8d3-4f13-b0d6-01fc615a0f97}\"/><EventID>",
    '"', 9, "Linux-Sysmon/Operational", "UserId",
};
static const struct dialect windows_form = {
    "<Event xmlns='" XMLNS "'><System><Provider Name='Microsoft-Windows-Sysmon' "
    "Guid='{5770385f-c22a-43e0-bf4c-06f5698ffbd9}'/><EventID>",
    '\'', 7, "Microsoft-Windows-Sysmon/Operational", "UserID",
};

static void put_element(struct render_buffer *out, const char *name, uint64_t value)
{
    buffer_literal(out, "<");
    buffer_string(out, name);
    buffer_literal(out, ">");
    buffer_decimal(out, value);
    buffer_literal(out, "</");
    buffer_string(out, name);
    buffer_literal(out, ">");
}

/* `value` needs no escaping. */
static void put_attribute(struct render_buffer *out, const struct dialect *form, const char *name, const char *value, size_t size)
{
    buffer_literal(out, " ");
    buffer_string(out, name);
    buffer_literal(out, "=");
    buffer_put(out, &form->quote, 1);
    buffer_put(out, value, size);
    buffer_put(out, &form->quote, 1);
}

static void put_id_attribute(struct render_buffer *out, const struct dialect *form, const char *name, uint32_t value)
{
    char digits[FORMAT_DECIMAL_SIZE];

    put_attribute(out, form, name, digits, format_decimal(digits, value));
}

static void put_time(struct render_buffer *out, const struct dialect *form, uint64_t filetime)
{
    char time[48];
    unsigned size = format_time_fraction(time, filetime & INT64_MAX, 'T', form->fraction);

    time[size++] = 'Z';
    buffer_literal(out, "<TimeCreated");
    put_attribute(out, form, "SystemTime", time, size);
    buffer_literal(out, "/>");
}

/* The descriptor of event 100 is all zero where it is written (spec 02 section 6). */
static void put_descriptor(struct render_buffer *out, const struct event *event)
{
    const struct catalogue_event *type = event->type;
    bool blank = type->id == EVENT_EBPF_EVENT;

    put_element(out, "Version", blank ? 0 : type->version);
    put_element(out, "Level", blank ? 0 : type->level);
    put_element(out, "Task", blank ? 0 : type->id);
    put_element(out, "Opcode", 0);
    buffer_string(out, blank ? "<Keywords>0x0</Keywords>" : "<Keywords>0x8000000000000000</Keywords>");
}

static void put_system(struct render_buffer *out, const struct event *event, const struct render_host *host,
                       const struct dialect *form)
{
    buffer_string(out, form->opening);
    buffer_decimal(out, event->type->id);
    buffer_literal(out, "</EventID>");
    put_descriptor(out, event);
    put_time(out, form, event->write_time);
    put_element(out, "EventRecordID", event->record_id);
    buffer_literal(out, "<Correlation/><Execution");
    put_id_attribute(out, form, "ProcessID", event->writer_pid);
    put_id_attribute(out, form, "ThreadID", event->writer_tid);
    buffer_literal(out, "/><Channel>");
    buffer_string(out, form->channel);
    buffer_literal(out, "</Channel><Computer>");
    buffer_escaped(out, &xml, host->computer, strlen(host->computer));
    buffer_literal(out, "</Computer><Security");
    if (host->user)
        put_attribute(out, form, form->user_attribute, host->user, strlen(host->user));
    buffer_literal(out, "/></System><EventData>");
}

void render_xml(struct render_buffer *out, const struct event *event, const struct render_host *host)
{
    const struct dialect *form = event->system == CATALOGUE_LINUX ? &linux_form : &windows_form;

    put_system(out, event, host, form);
    for (unsigned i = 0; i < event->type->field_count; i++) {
        buffer_literal(out, "<Data");
        put_attribute(out, form, "Name", event->type->fields[i].name, event->type->fields[i].name_size);
        buffer_literal(out, ">");
        buffer_field(out, &xml, event, i);
        buffer_literal(out, "</Data>");
    }
    buffer_literal(out, "</EventData></Event>\n");
}
