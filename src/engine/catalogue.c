/* SPDX-License-Identifier: MIT */
/* Look-ups in the generated event catalogue. Freestanding: also compiled into the Windows driver. */
#include "sysmon/catalogue.h"

static bool same(const char *terminated, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (terminated[i] == '\0' || terminated[i] != text[i])
            return false;
    return terminated[size] == '\0';
}

const struct catalogue_event *catalogue_find(uint32_t id)
{
    for (unsigned i = 0; i < CATALOGUE_EVENT_COUNT; i++)
        if (catalogue_events[i].id == id)
            return &catalogue_events[i];
    return NULL;
}

const struct catalogue_event *catalogue_find_tag(const char *tag, size_t size)
{
    for (unsigned i = 0; i < CATALOGUE_EVENT_COUNT; i++)
        if (catalogue_events[i].tag && same(catalogue_events[i].tag, tag, size))
            return &catalogue_events[i];
    return NULL;
}

unsigned catalogue_tag_members(const struct catalogue_event *first)
{
    const struct catalogue_event *end = catalogue_events + CATALOGUE_EVENT_COUNT;
    size_t size = 0;
    unsigned count = 1;

    while (first->tag[size])
        size++;
    while (first + count < end && first[count].tag && same(first[count].tag, first->tag, size))
        count++;
    return count;
}

int catalogue_field_index(const struct catalogue_event *event, const char *name, size_t size)
{
    for (uint32_t i = 0; i < event->field_count; i++)
        if (event->fields[i].name_size == size && same(event->fields[i].name, name, size))
            return (int)i;
    return -1;
}
