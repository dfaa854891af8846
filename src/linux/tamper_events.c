/* SPDX-License-Identifier: MIT */
/*
 * Event 25. Linux keeps a running program's file from being written, so hollowing is not done through the file; what is done is
 * to run a program that has no name (deleted before the start, or only ever in memory), or to claim another file.
 */
#include "linux/actor.h"
#include "linux/monitor_state.h"
#include "linux/name_path.h"

#include <string.h>

#define IN_MEMORY "/memfd:"

static void emit(struct monitor *monitor, const struct wire_header *header, const struct process *process, const char *type,
                 struct match_text image)
{
    struct event *event = &monitor->event;

    actor_begin(event, EVENT_PROCESS_IMAGE_TAMPERING, header, process, monitor->processes.users);
    event_set_string(event, PROCESS_IMAGE_TAMPERING_Type, type);
    if (image.size)
        event_add_extra(event, "NewImage", image.data, image.size, false);
    actor_extras(event, process, &monitor->arena);
    if (!parked_behind(&monitor->parked, event, process->object))
        emitter_emit(&monitor->emitter, event);
}

static bool in_memory(const struct process *process)
{
    const struct match_text *image = &process->text[PROCESS_IMAGE];

    return image->size >= sizeof IN_MEMORY - 1 && !memcmp(image->data, IN_MEMORY, sizeof IN_MEMORY - 1);
}

void tamper_started(struct monitor *monitor, const struct wire_exec *exec, const struct process *process)
{
    if (exec->file.links || !exec->file.inode || !ruleset_wants(monitor->emitter.rules, EVENT_PROCESS_IMAGE_TAMPERING))
        return;
    emitter_saw(&monitor->emitter, EVENT_PROCESS_IMAGE_TAMPERING);
    emit(monitor, &exec->header, process, in_memory(process) ? "Image is in memory" : "Image is deleted",
         (struct match_text){ NULL, 0 });
}

bool monitor_tampered(struct monitor *monitor, const void *record, size_t size)
{
    const struct process *process;
    struct decoded_name name;

    if (decode_name(&name, record, size))
        return false;
    process = monitor_actor(monitor, &name.name->header, EVENT_PROCESS_IMAGE_TAMPERING);
    if (process)
        emit(monitor, &name.name->header, process, "Image is replaced", name_path(&name, &monitor->arena));
    return true;
}
