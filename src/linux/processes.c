/* SPDX-License-Identifier: MIT */
#include "linux/processes.h"

#include "linux/container.h"
#include "linux/proc.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define NANOSECONDS 1000000000u

int processes_open(struct processes *out)
{
    uint8_t key[16];
    int result;

    memset(out, 0, sizeof *out);
    if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
        return -EIO;
    identity_read(&out->identity);
    result = process_table_create(&out->table, NULL, key);
    if (!result)
        result = users_create(&out->users);
    if (result)
        processes_close(out);
    return result;
}

void processes_close(struct processes *processes)
{
    process_table_destroy(processes->table);
    users_destroy(processes->users);
    memset(processes, 0, sizeof *processes);
}

static const struct process *store(struct processes *processes, const struct process *process)
{
    const struct process *stored;

    return process_table_add(processes->table, process, processes->now, &stored) ? NULL : stored;
}

/* What follows from (pid, start). */
static void identify(struct processes *processes, struct process *process, uint32_t pid, uint64_t start)
{
    process->pid = pid;
    process->object = start;
    process->create_time = identity_time(&processes->identity, start);
    process->guid = identity_process(&processes->identity, pid, start);
}

static struct match_text path_text(struct match_text text, struct text_arena *arena)
{
    char *path = text_take(arena, text.size + 2u);

    if (!path)
        return (struct match_text){ "", 0 };
    return (struct match_text){ path, (uint32_t)decode_path(path, text) };
}

const struct process *processes_started(struct processes *processes, const struct decoded_exec *exec,
                                        struct match_text command_line, bool cut, struct text_arena *arena)
{
    const struct wire_exec *wire = exec->exec;
    struct process process = {
        .parent_pid = wire->header.parent_pid,
        .parent_guid = identity_process(&processes->identity, wire->header.parent_pid, wire->parent_start),
        .logon_guid = identity_logon(&processes->identity, 0, wire->audit_session),
        .logon_id = wire->audit_session,
        .session_id = wire->session,
        .user_id = wire->header.euid,
        .login_user_id = wire->login_uid,
        .flags = cut ? PROCESS_COMMAND_LINE_CUT : 0,
        .number = { [PROCESS_IMAGE_TIME] = wire->header.image,
                    [PROCESS_NAMESPACES] = (uint64_t)wire->mount_namespace << 32 | wire->pid_namespace,
                    [PROCESS_REAL_UID] = wire->uid },
    };

    identify(processes, &process, wire->header.pid, wire->header.start);
    process.text[PROCESS_IMAGE] = path_text(exec->image, arena);
    process.text[PROCESS_COMMAND_LINE] = command_line;
    process.text[PROCESS_CURRENT_DIRECTORY] = path_text(exec->directory, arena);
    process.text[PROCESS_USER] = users_name(processes->users, wire->header.euid);
    process.text[PROCESS_CONTAINER] = container_id(exec->cgroup);
    return store(processes, &process);
}

/* `model` as another process that runs the same program. */
static const struct process *cloned(struct processes *processes, const struct process *model, const struct wire_header *child)
{
    struct process process = *model;

    process.parent_pid = child->parent_pid;
    process.parent_guid = model->pid == child->parent_pid ? model->guid : model->parent_guid;
    process.user_id = child->euid;
    process.end_time = 0;
    process.text[PROCESS_USER] = users_name(processes->users, child->euid);
    identify(processes, &process, child->pid, child->start);
    return store(processes, &process);
}

static bool runs(const struct process *process, uint64_t image)
{
    return !image || process->number[PROCESS_IMAGE_TIME] == image;
}

void processes_forked(struct processes *processes, const struct wire_fork *fork)
{
    const struct process *maker = process_table_find(processes->table, fork->maker_pid, 0, fork->maker_start);

    if (maker && runs(maker, fork->header.image))
        cloned(processes, maker, &fork->header);
}

void processes_ended(struct processes *processes, const struct wire_header *header, uint64_t time)
{
    process_table_end(processes->table, header->pid, header->start, time, processes->now);
}

/* /proc tells the start in clock ticks. */
static bool same_start(uint64_t ticks, uint64_t start_ns)
{
    return start_ns / (NANOSECONDS / (uint64_t)sysconf(_SC_CLK_TCK)) == ticks;
}

static struct match_text command_line_of(struct match_text arguments, struct text_arena *arena)
{
    size_t size = decode_command_line(NULL, arguments);
    char *line = text_take(arena, size + 1);

    if (!line)
        return (struct match_text){ "", 0 };
    decode_command_line(line, arguments);
    return (struct match_text){ line, (uint32_t)size };
}

static void fill_from_proc(struct processes *processes, struct process *process, const struct proc_details *details,
                           struct text_arena *arena)
{
    process->parent_pid = details->parent_pid;
    process->logon_guid = identity_logon(&processes->identity, 0, details->audit_session);
    process->logon_id = details->audit_session;
    process->session_id = details->session;
    process->login_user_id = details->login_uid;
    process->number[PROCESS_NAMESPACES] = (uint64_t)details->mount_namespace << 32 | details->pid_namespace;
    process->number[PROCESS_REAL_UID] = details->uid;
    process->text[PROCESS_IMAGE] = details->image;
    process->text[PROCESS_CURRENT_DIRECTORY] = details->directory;
    process->text[PROCESS_COMMAND_LINE] = command_line_of(details->arguments, arena);
    process->text[PROCESS_CONTAINER] = container_id(details->cgroup);
}

static const struct process *discovered(struct processes *processes, const struct wire_header *header, struct text_arena *arena)
{
    struct process process = {
        .flags = PROCESS_UNTOLD,
        .parent_pid = header->parent_pid,
        .user_id = header->euid,
        .login_user_id = UINT32_MAX,
        .logon_id = UINT32_MAX,
        .number[PROCESS_IMAGE_TIME] = header->image,
    };
    struct proc_details details;
    const struct process *parent;

    identify(processes, &process, header->pid, header->start);
    if (!proc_read(&details, header->pid, arena) && same_start(details.start_ticks, header->start))
        fill_from_proc(processes, &process, &details, arena);
    process.text[PROCESS_USER] = users_name(processes->users, header->euid);
    parent = process_table_find(processes->table, process.parent_pid, 0, 0);
    if (parent)
        process.parent_guid = parent->guid;
    return store(processes, &process);
}

const struct process *processes_of(struct processes *processes, const struct wire_header *header, struct text_arena *arena)
{
    const struct process *process = process_table_find(processes->table, header->pid, 0, header->start), *parent;

    if (process && runs(process, header->image))
        return process;
    parent = process_table_find(processes->table, header->parent_pid, 0, 0);
    if (header->image && parent && runs(parent, header->image))
        return cloned(processes, parent, header);
    return discovered(processes, header, arena);
}

const struct process *processes_parent(struct processes *processes, const struct decoded_exec *exec, struct text_arena *arena)
{
    const struct wire_exec *wire = exec->exec;
    struct wire_header parent = {
        .pid = wire->header.parent_pid,
        .start = wire->parent_start,
        .image = wire->parent_image,
        .euid = wire->parent_euid,
    };

    return parent.pid ? processes_of(processes, &parent, arena) : NULL;
}
