/* SPDX-License-Identifier: MIT */
/* Records about names of files, and about processes reaching into others, to their events. */
#include "linux/actor.h"
#include "linux/clock.h"
#include "linux/file_events.h"
#include "linux/monitor_state.h"
#include "linux/name_path.h"
#include "linux/proc.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* One record about a name, decoded. */
struct told {
    struct decoded_name name;
    const struct process *process;
    struct match_text path;
};

/* False: undecodable. `out->process` NULL: without memory, and counted. */
static bool tell(struct told *out, struct monitor *monitor, const void *record, size_t size, enum catalogue_event_id id)
{
    if (decode_name(&out->name, record, size))
        return false;
    out->process = monitor_actor(monitor, &out->name.name->header, id);
    if (out->process)
        out->path = name_path(&out->name, &monitor->arena);
    return true;
}

static void begin(struct monitor *monitor, const struct told *told, enum catalogue_event_id id)
{
    actor_begin(&monitor->event, id, &told->name.name->header, told->process, monitor->processes.users);
}

static void finish(struct monitor *monitor, const struct told *told)
{
    actor_extras(&monitor->event, told->process, &monitor->arena);
    emitter_emit(&monitor->emitter, &monitor->event);
}

static void set(struct event *event, unsigned field, struct match_text text)
{
    event_set_text(event, field, text.data, text.size);
}

static void emit_pipe(struct monitor *monitor, const struct told *told, enum catalogue_event_id id)
{
    bool made = id == EVENT_CREATE_NAMEDPIPE;

    begin(monitor, told, id);
    event_set_string(&monitor->event, CREATE_NAMEDPIPE_EventType, made ? "CreatePipe" : "ConnectPipe");
    set(&monitor->event, CREATE_NAMEDPIPE_PipeName, told->path);
    finish(monitor, told);
}

/* Would the rules log this file's deletion, by the one who made it? Then its content may be wanted. */
static void consider_keeping(struct monitor *monitor, const struct told *told)
{
    file_event_deleted(&monitor->event, EVENT_FILE_DELETE, &monitor->processes, told->name.name, told->path, told->process,
                       &monitor->arena);
    if (emitter_wants(&monitor->emitter, &monitor->event))
        archive_keep(monitor->archive, told->name.name, told->path);
}

/* Event 23 where the rules want it: true, it has been taken care of. */
static bool archive_deleted(struct monitor *monitor, const struct told *told)
{
    const struct wire_file *file = &told->name.name->file;
    struct hash_request request = { .fd = -1 };

    file_event_deleted(&monitor->event, EVENT_FILE_DELETE, &monitor->processes, told->name.name, told->path, told->process,
                       &monitor->arena);
    if (!emitter_wants(&monitor->emitter, &monitor->event)) {
        archive_forget(monitor->archive, file);
        return false;
    }
    accounting_of(&monitor->emitter.accounting, catalogue_find(EVENT_FILE_DELETE_DETECTED))->seen--;
    emitter_saw(&monitor->emitter, EVENT_FILE_DELETE);
    request.fd = archive_take(monitor->archive, file);
    if (request.fd >= 0) {
        parked_emit_deleted(&monitor->parked, &monitor->event, &request, monitor->archive);
    } else {
        event_set_string(&monitor->event, FILE_DELETE_Archived, "false: no copy was kept");
        emitter_emit(&monitor->emitter, &monitor->event);
    }
    return true;
}

/* A directory that was renamed, where the kernel could not tell us that it is one. */
static bool is_directory(const struct told *told)
{
    char path[WIRE_PATH_SIZE + 32];
    struct stat status;

    if (!(told->name.name->header.flags & WIRE_PATH_NONE) || told->name.name->how != WIRE_BY_RENAME)
        return false;
    snprintf(path, sizeof path, "/proc/%u/root%.*s", told->name.name->header.pid, (int)told->path.size, told->path.data);
    return !lstat(path, &status) && S_ISDIR(status.st_mode);
}

bool monitor_created(struct monitor *monitor, const void *record, size_t size)
{
    struct told told;

    if (!tell(&told, monitor, record, size, EVENT_FILE_CREATE))
        return false;
    if (!told.process)
        return true;
    if (is_directory(&told)) {
        accounting_of(&monitor->emitter.accounting, catalogue_find(EVENT_FILE_CREATE))->seen--;
        return true;
    }
    if (monitor->archive)
        consider_keeping(monitor, &told);
    if (monitor->executables)
        executables_created(monitor->executables, told.name.name, told.path);
    file_event_created(&monitor->event, &monitor->processes, told.name.name, told.path, told.process, &monitor->arena);
    emitter_emit(&monitor->emitter, &monitor->event);
    if (S_ISFIFO(told.name.name->file.mode) && told.name.name->how == WIRE_BY_MKNOD) {
        emitter_saw(&monitor->emitter, EVENT_CREATE_NAMEDPIPE);
        emit_pipe(monitor, &told, EVENT_CREATE_NAMEDPIPE);
    }
    return true;
}

bool monitor_deleted(struct monitor *monitor, const void *record, size_t size)
{
    struct told told;

    if (!tell(&told, monitor, record, size, EVENT_FILE_DELETE_DETECTED))
        return false;
    if (!told.process)
        return true;
    if (monitor->archive && archive_deleted(monitor, &told))
        return true;
    file_event_deleted(&monitor->event, EVENT_FILE_DELETE_DETECTED, &monitor->processes, told.name.name, told.path,
                       told.process, &monitor->arena);
    emitter_emit(&monitor->emitter, &monitor->event);
    return true;
}

bool monitor_raw(struct monitor *monitor, const void *record, size_t size)
{
    struct told told;

    if (!tell(&told, monitor, record, size, EVENT_RAWACCESS_READ))
        return false;
    if (!told.process)
        return true;
    begin(monitor, &told, EVENT_RAWACCESS_READ);
    set(&monitor->event, RAWACCESS_READ_Device, told.path);
    finish(monitor, &told);
    return true;
}

/* An abstract socket is written as the field writes it: `@name`. */
static struct match_text abstract_name(struct match_text name, struct text_arena *arena)
{
    char *text = text_take(arena, name.size + 1u);

    if (!text)
        return (struct match_text){ "", 0 };
    text[0] = '@';
    memcpy(text + 1, name.data, name.size);
    return (struct match_text){ text, name.size + 1 };
}

bool monitor_pipe(struct monitor *monitor, const void *record, size_t size)
{
    struct told told;

    if (!tell(&told, monitor, record, size, EVENT_CONNECT_NAMEDPIPE))
        return false;
    if (!told.process)
        return true;
    if (told.name.name->header.flags & WIRE_PATH_NONE)
        told.path = abstract_name(told.name.argument, &monitor->arena);
    if (told.name.name->how == WIRE_BY_BIND) { /* counted as a connection until here */
        accounting_of(&monitor->emitter.accounting, catalogue_find(EVENT_CONNECT_NAMEDPIPE))->seen--;
        emitter_saw(&monitor->emitter, EVENT_CREATE_NAMEDPIPE);
        emit_pipe(monitor, &told, EVENT_CREATE_NAMEDPIPE);
    } else {
        emit_pipe(monitor, &told, EVENT_CONNECT_NAMEDPIPE);
    }
    return true;
}

static uint64_t filetime(int64_t seconds, uint32_t nanoseconds)
{
    return (uint64_t)(seconds * 10000000 + nanoseconds / 100) + FILETIME_UNIX_EPOCH;
}

bool monitor_times(struct monitor *monitor, const void *record, size_t size)
{
    const struct wire_name *name;
    struct told told;

    if (!tell(&told, monitor, record, size, EVENT_FILE_TIME))
        return false;
    if (!told.process)
        return true;
    name = told.name.name;
    begin(monitor, &told, EVENT_FILE_TIME);
    set(&monitor->event, FILE_TIME_TargetFilename, told.path);
    event_set_time(&monitor->event, FILE_TIME_CreationUtcTime, filetime(name->file.mtime_seconds, name->file.mtime_nanoseconds));
    event_set_time(&monitor->event, FILE_TIME_PreviousCreationUtcTime,
                   filetime(name->previous_seconds, name->previous_nanoseconds));
    finish(monitor, &told);
    return true;
}

/* Line ends become blanks (spec 02 section 3.14); other bytes are the renderers' business. */
static struct match_text contents(struct match_text value, struct text_arena *arena)
{
    char *text = text_take(arena, value.size + 1u);

    if (!text)
        return (struct match_text){ "", 0 };
    for (uint32_t i = 0; i < value.size; i++)
        text[i] = value.data[i] == '\r' || value.data[i] == '\n' ? ' ' : value.data[i];
    return (struct match_text){ text, value.size };
}

static void set_value(struct monitor *monitor, const struct decoded_name *name)
{
    struct byte_buffer buffer = { name->value.data, name->value.size };
    struct byte_source source = byte_source_buffer(&buffer);
    struct hash_values values;
    char *text = text_take(&monitor->arena, HASH_TEXT_SIZE);
    bool whole = name->name->value_total == name->value.size;

    if (text && whole && !hash_compute(&values, monitor->parked.mask, &source))
        event_set_text(&monitor->event, FILE_CREATE_STREAM_HASH_Hash, text, hash_format(text, &values, false));
    else
        event_set_string(&monitor->event, FILE_CREATE_STREAM_HASH_Hash, "Unknown");
    set(&monitor->event, FILE_CREATE_STREAM_HASH_Contents, contents(name->value, &monitor->arena));
    if (!whole)
        monitor->event.cut |= 1u << FILE_CREATE_STREAM_HASH_Contents;
}

/* The stream's name follows the file's, as on Windows: `/path/file:user.name`. */
bool monitor_attribute(struct monitor *monitor, const void *record, size_t size)
{
    struct told told;
    char *target;

    if (!tell(&told, monitor, record, size, EVENT_FILE_CREATE_STREAM_HASH))
        return false;
    if (!told.process)
        return true;
    target = text_take(&monitor->arena, (size_t)told.path.size + told.name.attribute.size + 1);
    begin(monitor, &told, EVENT_FILE_CREATE_STREAM_HASH);
    if (target) {
        memcpy(target, told.path.data, told.path.size);
        target[told.path.size] = ':';
        memcpy(target + told.path.size + 1, told.name.attribute.data, told.name.attribute.size);
        event_set_text(&monitor->event, FILE_CREATE_STREAM_HASH_TargetFilename, target,
                       (size_t)told.path.size + told.name.attribute.size + 1);
    }
    event_set_time(&monitor->event, FILE_CREATE_STREAM_HASH_CreationUtcTime, file_birth(told.name.name, told.path));
    set_value(monitor, &told.name);
    finish(monitor, &told);
    return true;
}

/* --- event 10 ------------------------------------------------------------------------------------------------------------- */

/* The rights of the original's masks that come closest. */
enum { RIGHT_ALL = 0x1fffff, RIGHT_VM_OPERATION = 0x8, RIGHT_VM_READ = 0x10, RIGHT_VM_WRITE = 0x20 };

static uint32_t granted(const struct wire_access *access)
{
    switch (access->how) {
    case WIRE_ACCESS_PTRACE: return RIGHT_ALL;
    case WIRE_ACCESS_READ: return RIGHT_VM_READ;
    case WIRE_ACCESS_WRITE: return RIGHT_VM_OPERATION | RIGHT_VM_WRITE;
    }
    return (access->may_read ? RIGHT_VM_READ : 0) | (access->may_write ? RIGHT_VM_OPERATION | RIGHT_VM_WRITE : 0);
}

/* The process of a process or thread id. */
static const struct process *target_of(struct monitor *monitor, const struct wire_access *access)
{
    const struct process *found = process_table_find(monitor->processes.table, access->target, 0, 0);
    uint32_t group;

    if (found)
        return found;
    group = proc_thread_group(access->target, &monitor->arena);
    return group ? process_table_find(monitor->processes.table, group, 0, 0) : NULL;
}

bool monitor_access(struct monitor *monitor, const void *record, size_t size)
{
    const struct wire_access *access;
    const struct process *source, *target;
    struct event *event = &monitor->event;

    if (decode_access(&access, record, size))
        return false;
    source = monitor_actor(monitor, &access->header, EVENT_ACCESS_PROCESS);
    if (!source)
        return true;
    target = target_of(monitor, access); /* adds nothing: `source` stays valid */
    actor_begin(event, EVENT_ACCESS_PROCESS, &access->header, source, monitor->processes.users);
    event_set_number(event, ACCESS_PROCESS_SourceThreadId, access->header.tid);
    event_set_number(event, ACCESS_PROCESS_TargetProcessId, target ? target->pid : access->target);
    set(event, ACCESS_PROCESS_TargetImage, process_image(target, access->target, CATALOGUE_LINUX));
    event_set_number(event, ACCESS_PROCESS_GrantedAccess, granted(access));
    if (target) {
        event_set_guid(event, ACCESS_PROCESS_TargetProcessGUID, &target->guid);
        set(event, ACCESS_PROCESS_TargetUser, users_name(monitor->processes.users, target->user_id));
    }
    actor_extras(event, source, &monitor->arena);
    emitter_emit(&monitor->emitter, event);
    return true;
}
