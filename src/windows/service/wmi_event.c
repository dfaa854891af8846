/* SPDX-License-Identifier: MIT */
#include "wmi_event.h"

#include <errno.h>
#include <string.h>

#define TEXTS (2 + WMI_TEXT_COUNT) /* with the two classes */
#define TEXT_LIMIT 65535u

struct packed {
    uint64_t time;
    uint32_t size[TEXTS], sid_size;
};

static const struct match_text *text_of(const struct wmi_change *change, unsigned i)
{
    return i == 0 ? &change->event_class : i == 1 ? &change->target_class : &change->text[i - 2];
}

_Static_assert(sizeof(struct packed) + (WMI_TEXT_COUNT - 1) / 3 * TEXT_LIMIT + 128 < WMI_PACKED_LIMIT, "two or three texts a class");

size_t wmi_pack(void *out, const struct wmi_change *change)
{
    struct packed head = { .time = change->time, .sid_size = change->sid_size <= 68 ? change->sid_size : 0 };
    size_t size = sizeof(head);

    for (unsigned i = 0; i < TEXTS; i++) {
        const struct match_text *text = text_of(change, i);

        head.size[i] = text->size < TEXT_LIMIT ? text->size : TEXT_LIMIT;
        if (size + head.size[i] + 68 > WMI_PACKED_LIMIT)
            head.size[i] = 0;
        if (out && head.size[i])
            memcpy((char *)out + size, text->data, head.size[i]);
        size += head.size[i];
    }
    if (out) {
        memcpy(out, &head, sizeof(head));
        if (head.sid_size)
            memcpy((char *)out + size, change->sid, head.sid_size);
    }
    return size + head.sid_size;
}

int wmi_unpack(struct wmi_change *change, const void *data, size_t size)
{
    struct wmi_change found = { 0 };
    struct packed head;
    size_t at = sizeof(head);

    if (size < sizeof(head))
        return -EBADMSG;
    memcpy(&head, data, sizeof(head));
    found.time = head.time;
    for (unsigned i = 0; i < TEXTS; i++) {
        struct match_text *text = (struct match_text *)text_of(&found, i);

        if (head.size[i] > size - at)
            return -EBADMSG;
        if (head.size[i])
            *text = (struct match_text){ (const char *)data + at, head.size[i] };
        at += head.size[i];
    }
    if (head.sid_size != size - at)
        return -EBADMSG;
    found.sid = (const uint8_t *)data + at;
    found.sid_size = head.sid_size;
    *change = found;
    return 0;
}

static char escape_of(char c)
{
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    const char *found = c ? strchr(from, c) : NULL;

    return found ? to[found - from] : '\0';
}

struct match_text wmi_quote(struct pool *pool, struct match_text text)
{
    char *out = pool_take(pool, 2 * (size_t)text.size + 4);
    uint32_t size = 0;

    if (!out)
        return (struct match_text){ NULL, 0 };
    out[size++] = ' ';
    out[size++] = '"';
    for (uint32_t i = 0; i < text.size; i++) {
        char escape = escape_of(text.data[i]);

        if (escape)
            out[size++] = '\\';
        out[size++] = escape ? escape : text.data[i];
    }
    out[size++] = '"';
    return (struct match_text){ out, size };
}

bool wmi_sid_is_sound(const uint8_t *sid, uint32_t size)
{
    return size >= 8 && sid[0] == 1 && sid[1] <= 15 && size == 8u + 4u * sid[1];
}

static bool is(struct match_text text, const char *name)
{
    size_t size = strlen(name);

    if (text.size != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if ((text.data[i] ^ name[i]) & ~0x20)
            return false;
    return true;
}

static const char *operation_of(struct match_text event_class)
{
    return is(event_class, "__InstanceCreationEvent")       ? "Created"
           : is(event_class, "__InstanceModificationEvent") ? "Modified"
           : is(event_class, "__InstanceDeletionEvent")     ? "Deleted"
                                                            : NULL;
}

struct work {
    struct pool *pool;
    const struct wmi_change *change;
    struct event *event;
};

/* A property that is NULL reads `-`. */
static void set_quoted(struct work *w, unsigned field, enum wmi_text which, enum wmi_text otherwise)
{
    struct match_text text = w->change->text[which];

    if (!text.size)
        text = w->change->text[otherwise];
    if (text.size)
        text = wmi_quote(w->pool, text);
    event_set_text(w->event, field, text.data, text.size);
}

static void filter(struct work *w)
{
    event_init(w->event, catalogue_find(EVENT_WMI_FILTER), CATALOGUE_WINDOWS);
    event_set_string(w->event, WMI_FILTER_EventType, "WmiFilterEvent");
    set_quoted(w, WMI_FILTER_EventNamespace, WMI_TEXT_NAMESPACE, WMI_TEXT_NAMESPACE);
    set_quoted(w, WMI_FILTER_Name, WMI_TEXT_NAME, WMI_TEXT_NAME);
    set_quoted(w, WMI_FILTER_Query, WMI_TEXT_QUERY, WMI_TEXT_QUERY);
}

static void consumer(struct work *w, const char *type, enum wmi_text destination, enum wmi_text otherwise)
{
    event_init(w->event, catalogue_find(EVENT_WMI_CONSUMER), CATALOGUE_WINDOWS);
    event_set_string(w->event, WMI_CONSUMER_EventType, "WmiConsumerEvent");
    set_quoted(w, WMI_CONSUMER_Name, WMI_TEXT_NAME, WMI_TEXT_NAME);
    event_set_string(w->event, WMI_CONSUMER_Type, type);
    set_quoted(w, WMI_CONSUMER_Destination, destination, otherwise);
}

static void binding(struct work *w)
{
    event_init(w->event, catalogue_find(EVENT_WMI_BINDING), CATALOGUE_WINDOWS);
    event_set_string(w->event, WMI_BINDING_EventType, "WmiBindingEvent");
    set_quoted(w, WMI_BINDING_Consumer, WMI_TEXT_CONSUMER, WMI_TEXT_CONSUMER);
    set_quoted(w, WMI_BINDING_Filter, WMI_TEXT_FILTER, WMI_TEXT_FILTER);
}

static bool fill(struct work *w)
{
    struct match_text name = w->change->target_class;

    if (is(name, "__EventFilter"))
        filter(w);
    else if (is(name, "CommandLineEventConsumer"))
        consumer(w, "Command Line", WMI_TEXT_COMMAND, WMI_TEXT_EXECUTABLE);
    else if (is(name, "ActiveScriptEventConsumer"))
        consumer(w, "Script", WMI_TEXT_SCRIPT, WMI_TEXT_SCRIPT_FILE);
    else if (is(name, "__FilterToConsumerBinding"))
        binding(w);
    else
        return false;
    return true;
}

#define SAME(field) ((int)WMI_FILTER_##field == (int)WMI_CONSUMER_##field && (int)WMI_FILTER_##field == (int)WMI_BINDING_##field)
_Static_assert(SAME(UtcTime) && SAME(User) && SAME(Operation), "the three events begin alike");

int wmi_event(struct translator *translator, struct pool *pool, const struct wmi_change *change, struct event *out)
{
    const char *operation = operation_of(change->event_class);
    const struct facts *facts = translator->facts;
    struct work work = { pool, change, out };
    struct match_text user = { NULL, 0 };

    if (!operation || !fill(&work))
        return -ENOENT;
    event_set_time(out, WMI_FILTER_UtcTime, change->time);
    event_set_string(out, WMI_FILTER_Operation, operation);
    if (facts->user && wmi_sid_is_sound(change->sid, change->sid_size))
        user = facts->user(translator->context, pool, change->sid, change->sid_size);
    event_set_text(out, WMI_FILTER_User, user.data, user.size);
    return 0;
}
