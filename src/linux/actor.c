/* SPDX-License-Identifier: MIT */
#include "linux/actor.h"

#include "linux/clock.h"

#include <string.h>

struct actor_fields { /* indexes, -1: the event has none */
    int time, guid, pid, image, user;
};

static struct actor_fields fields_of[CATALOGUE_EVENT_COUNT];

static int find(const struct catalogue_event *type, const char *name, const char *source_name)
{
    int index = catalogue_field_index(type, name, strlen(name));

    return index >= 0 || !source_name ? index : catalogue_field_index(type, source_name, strlen(source_name));
}

__attribute__((constructor)) static void prepare(void)
{
    for (int i = 0; i < CATALOGUE_EVENT_COUNT; i++) {
        const struct catalogue_event *type = &catalogue_events[i];

        fields_of[i] = (struct actor_fields){
            .time = find(type, "UtcTime", NULL),
            .guid = find(type, "ProcessGuid", "SourceProcessGUID"),
            .pid = find(type, "ProcessId", "SourceProcessId"),
            .image = find(type, "Image", "SourceImage"),
            .user = find(type, "User", "SourceUser"),
        };
    }
}

void actor_begin(struct event *event, enum catalogue_event_id id, const struct wire_header *header,
                 const struct process *process, struct users *users)
{
    const struct catalogue_event *type = catalogue_find(id);
    const struct actor_fields *at = &fields_of[type - catalogue_events];

    event_init(event, type, CATALOGUE_LINUX);
    event_set_time(event, (unsigned)at->time, clock_event_time(header->time));
    if (at->guid >= 0)
        event_set_guid(event, (unsigned)at->guid, &process->guid);
    if (at->pid >= 0)
        event_set_number(event, (unsigned)at->pid, process->pid);
    if (at->image >= 0) {
        struct match_text image = process_image(process, process->pid, CATALOGUE_LINUX);
        event_set_text(event, (unsigned)at->image, image.data, image.size);
    }
    if (at->user >= 0) {
        struct match_text user = users_name(users, header->euid);
        event_set_text(event, (unsigned)at->user, user.data, user.size);
    }
}

void actor_extra_number(struct event *event, const char *name, uint64_t value, struct text_arena *arena)
{
    char *text = text_take(arena, FORMAT_DECIMAL_SIZE);

    if (text)
        event_add_extra(event, name, text, format_decimal(text, value), true);
}

void actor_extras(struct event *event, const struct process *process, struct text_arena *arena)
{
    struct match_text container = process->text[PROCESS_CONTAINER];
    uint64_t namespaces = process->number[PROCESS_NAMESPACES];

    if (container.size)
        event_add_extra(event, "ContainerId", container.data, container.size, false);
    if (namespaces) {
        actor_extra_number(event, "PidNamespace", (uint32_t)namespaces, arena);
        actor_extra_number(event, "MountNamespace", namespaces >> 32, arena);
    }
}
