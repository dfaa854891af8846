/* SPDX-License-Identifier: MIT */
/* Each record of the sensor to its event. */
#include "linux/monitor_state.h"
#include "linux/network_events.h"
#include "linux/proc.h"
#include "linux/process_events.h"

#include <string.h>
#include <time.h>

/* An accepted connection whose process has not shown itself is looked for this often, and after a second given up on. */
#define CLAIM_INTERVAL_NS 20000000u
#define CLAIM_PATIENCE_NS 1000000000u

uint64_t monitor_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_BOOTTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* The process that acted; NULL without memory, and then counted. */
const struct process *monitor_actor(struct monitor *monitor, const struct wire_header *header, enum catalogue_event_id id)
{
    const struct process *process = processes_of(&monitor->processes, header, &monitor->arena);

    if (!process)
        emitter_lost(&monitor->emitter, id, LOSS_NO_MEMORY, 1);
    return process;
}

static struct match_text command_line(struct monitor *monitor, const struct decoded_exec *exec, struct match_text arguments)
{
    size_t size;
    char *line;

    /* The kernel half could not read them (the page is not there): what the process shows now is better than nothing. */
    if (!arguments.size && exec->exec->arguments_total)
        arguments = proc_arguments(exec->exec->header.pid, &monitor->arena);
    size = decode_command_line(NULL, arguments);
    line = text_take(&monitor->arena, size + 1);
    if (!line)
        return (struct match_text){ "", 0 };
    return (struct match_text){ line, (uint32_t)decode_command_line(line, arguments) };
}

static void started(void *context, const struct decoded_exec *exec, struct match_text arguments)
{
    struct monitor *monitor = context;
    struct match_text line = command_line(monitor, exec, arguments);
    bool cut = arguments.size && arguments.size < exec->exec->arguments_total;
    const struct process *process, *parent;
    struct hash_request request = {
        .identity = file_identity_of(&exec->exec->file),
        .pid = exec->exec->header.pid,
        .fd = -1,
    };

    /* First the parent, which may have to be added: adding makes earlier pointers invalid. */
    processes_parent(&monitor->processes, exec, &monitor->arena);
    process = processes_started(&monitor->processes, exec, line, cut, &monitor->arena);
    if (!process) {
        emitter_lost(&monitor->emitter, EVENT_CREATE_PROCESS, LOSS_NO_MEMORY, 1);
        return;
    }
    parent = processes_parent(&monitor->processes, exec, &monitor->arena);
    process_event_started(&monitor->event, &monitor->processes, exec, process, parent, &monitor->arena);
    if (cut)
        monitor->event.cut |= 1u << CREATE_PROCESS_CommandLine;
    if (parent && parent->flags & PROCESS_COMMAND_LINE_CUT)
        monitor->event.cut |= 1u << CREATE_PROCESS_ParentCommandLine;
    request.path = text_string(&monitor->arena, process->text[PROCESS_IMAGE].data, process->text[PROCESS_IMAGE].size);
    parked_emit(&monitor->parked, &monitor->event, CREATE_PROCESS_Hashes, &request, process->object);
    tamper_started(monitor, exec->exec, process);
}

static bool on_exec(struct monitor *monitor, const void *record, size_t size)
{
    struct decoded_exec exec;

    if (decode_exec(&exec, record, size))
        return false;
    if (exec.exec->header.flags & WIRE_ARGUMENTS_FOLLOW && arguments_wait(&monitor->arguments, record, size))
        return true;
    started(monitor, &exec, exec.arguments);
    return true;
}

static bool on_arguments(struct monitor *monitor, const void *record, size_t size)
{
    arguments_more(&monitor->arguments, record, size, started, monitor);
    return true;
}

static bool on_exit(struct monitor *monitor, const void *record, size_t size)
{
    const struct wire_exit *ended;
    const struct process *process;

    if (decode_exit(&ended, record, size))
        return false;
    dns_events_ended(monitor->dns, &ended->header);
    process = monitor_actor(monitor, &ended->header, EVENT_PROCESS_TERMINATE);
    if (!process)
        return true;
    process_event_ended(&monitor->event, &monitor->processes, ended, process, &monitor->arena);
    if (!parked_behind(&monitor->parked, &monitor->event, process->object))
        emitter_emit(&monitor->emitter, &monitor->event);
    processes_ended(&monitor->processes, &ended->header, monitor->event.time);
    return true;
}

static bool on_fork(struct monitor *monitor, const void *record, size_t size)
{
    const struct wire_fork *fork;

    if (decode_fork(&fork, record, size))
        return false;
    processes_forked(&monitor->processes, fork);
    return true;
}

static bool on_connection(struct monitor *monitor, const void *record, size_t size)
{
    const struct wire_connection *connection;
    const struct process *process;

    if (decode_connection(&connection, record, size))
        return false;
    process = monitor_actor(monitor, &connection->header, EVENT_NETWORK_CONNECT);
    if (!process)
        return true;
    network_event(&monitor->event, &monitor->processes, connection, process, &monitor->arena);
    emitter_emit(&monitor->emitter, &monitor->event);
    return true;
}

static bool on_dns(struct monitor *monitor, const void *record, size_t size)
{
    return dns_events_packet(monitor->dns, record, size);
}

/* `event`: what a record of the type is counted as, 0 = it is no event by itself. `handle` false: undecodable. */
static const struct handler {
    bool (*handle)(struct monitor *monitor, const void *record, size_t size);
    enum catalogue_event_id event;
    bool part; /* one event may take several records, and `handle` counts it */
} handlers[WIRE_TYPE_COUNT] = {
    [WIRE_EXEC] = { on_exec, EVENT_CREATE_PROCESS },
    [WIRE_ARGUMENTS] = { on_arguments, 0 },
    [WIRE_EXIT] = { on_exit, EVENT_PROCESS_TERMINATE },
    [WIRE_FORK] = { on_fork, 0 },
    [WIRE_CONNECTION] = { on_connection, EVENT_NETWORK_CONNECT },
    [WIRE_DNS] = { on_dns, EVENT_DNS_QUERY, true },
    [WIRE_CREATED] = { monitor_created, EVENT_FILE_CREATE },
    [WIRE_DELETED] = { monitor_deleted, EVENT_FILE_DELETE_DETECTED },
    [WIRE_RAW] = { monitor_raw, EVENT_RAWACCESS_READ },
    [WIRE_PIPE] = { monitor_pipe, EVENT_CONNECT_NAMEDPIPE },
    [WIRE_TIMES] = { monitor_times, EVENT_FILE_TIME },
    [WIRE_ATTRIBUTE] = { monitor_attribute, EVENT_FILE_CREATE_STREAM_HASH },
    [WIRE_PROGRAM] = { monitor_program, EVENT_EBPF_EVENT },
    [WIRE_MODULE] = { monitor_module, EVENT_DRIVER_LOAD },
    [WIRE_TAMPERED] = { monitor_tampered, EVENT_PROCESS_IMAGE_TAMPERING },
    [WIRE_ACCESS] = { monitor_access, EVENT_ACCESS_PROCESS },
};

enum catalogue_event_id monitor_event_of(uint32_t type)
{
    return handlers[type].event;
}

void monitor_dispatch(struct monitor *monitor, const void *record, size_t size)
{
    const struct wire_header *header;
    const struct handler *handler;

    if (decode_header(&header, record, size) || header->type >= WIRE_TYPE_COUNT || !handlers[header->type].handle) {
        emitter_lost(&monitor->emitter, EVENT_ERROR, LOSS_BAD_RECORD, 1);
        return;
    }
    handler = &handlers[header->type];
    if (handler->event && !handler->part)
        emitter_saw(&monitor->emitter, handler->event);
    if (monitor->arguments.count && header->type != WIRE_ARGUMENTS)
        arguments_give_up(&monitor->arguments, header->pid, started, monitor);
    if (!handler->handle(monitor, record, size) && handler->event) {
        if (handler->part)
            emitter_saw(&monitor->emitter, handler->event);
        emitter_lost(&monitor->emitter, handler->event, LOSS_BAD_RECORD, 1);
    }
    text_reset(&monitor->arena);
}

/* Half of what looking takes may be spent on looking. */
static void claim(struct monitor *monitor)
{
    uint64_t begin = monitor_now(), now;

    if (!sensor_unclaimed(monitor->sensor) || begin < monitor->next_claim)
        return;
    sensor_claim(monitor->sensor, begin - CLAIM_PATIENCE_NS);
    now = monitor_now();
    monitor->next_claim = now + (now - begin > CLAIM_INTERVAL_NS ? now - begin : CLAIM_INTERVAL_NS);
}

void monitor_settle(struct monitor *monitor)
{
    if (monitor->arguments.count)
        arguments_give_up(&monitor->arguments, 0, started, monitor);
    claim(monitor);
    dns_events_settle(monitor->dns);
    text_reset(&monitor->arena);
    monitor_tell_losses(monitor);
}

bool monitor_unsettled(const struct monitor *monitor)
{
    return monitor->arguments.count || sensor_unclaimed(monitor->sensor) ||
           (monitor->mappings && mappings_waiting(monitor->mappings));
}

void monitor_finish(struct monitor *monitor)
{
    monitor_settle(monitor);
    monitor_settle(monitor);
    if (sensor_unclaimed(monitor->sensor))
        sensor_claim(monitor->sensor, UINT64_MAX);
    dns_events_finish(monitor->dns);
    text_reset(&monitor->arena);
}
