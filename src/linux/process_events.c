/* SPDX-License-Identifier: MIT */
#include "linux/process_events.h"

#include "linux/actor.h"

static void set(struct event *event, unsigned field, struct match_text text)
{
    event_set_text(event, field, text.data, text.size);
}

static void set_parent(struct event *event, struct processes *processes, const struct decoded_exec *exec,
                       const struct process *parent)
{
    const struct wire_exec *wire = exec->exec;
    struct sysmon_guid guid = identity_process(&processes->identity, wire->header.parent_pid, wire->parent_start);

    event_set_number(event, CREATE_PROCESS_ParentProcessId, wire->header.parent_pid);
    event_set_guid(event, CREATE_PROCESS_ParentProcessGuid, &guid);
    set(event, CREATE_PROCESS_ParentUser, users_name(processes->users, wire->parent_euid));
    if (!parent)
        return;
    set(event, CREATE_PROCESS_ParentImage, parent->text[PROCESS_IMAGE]);
    set(event, CREATE_PROCESS_ParentCommandLine, parent->text[PROCESS_COMMAND_LINE]);
}

static void add_started_extras(struct event *event, struct processes *processes, const struct decoded_exec *exec,
                               const struct process *process, struct text_arena *arena)
{
    const struct wire_exec *wire = exec->exec;
    struct match_text name;

    actor_extras(event, process, arena);
    if (wire->login_uid != UINT32_MAX) {
        name = users_name(processes->users, wire->login_uid);
        event_add_extra(event, "LoginUser", name.data, name.size, false);
    }
    if (wire->uid != wire->header.euid) {
        name = users_name(processes->users, wire->uid);
        event_add_extra(event, "RealUser", name.data, name.size, false);
    }
    if (exec->tty.size)
        event_add_extra(event, "Terminal", exec->tty.data, exec->tty.size, false);
    if (process->flags & PROCESS_COMMAND_LINE_CUT)
        actor_extra_number(event, "CommandLineSize", wire->arguments_total, arena);
}

void process_event_started(struct event *event, struct processes *processes, const struct decoded_exec *exec,
                           const struct process *process, const struct process *parent, struct text_arena *arena)
{
    actor_begin(event, EVENT_CREATE_PROCESS, &exec->exec->header, process, processes->users);
    set(event, CREATE_PROCESS_CommandLine, process->text[PROCESS_COMMAND_LINE]);
    set(event, CREATE_PROCESS_CurrentDirectory, process->text[PROCESS_CURRENT_DIRECTORY]);
    event_set_guid(event, CREATE_PROCESS_LogonGuid, &process->logon_guid);
    event_set_number(event, CREATE_PROCESS_LogonId, process->logon_id);
    event_set_number(event, CREATE_PROCESS_TerminalSessionId, process->session_id);
    event_set_string(event, CREATE_PROCESS_IntegrityLevel, "no level");
    set_parent(event, processes, exec, parent);
    add_started_extras(event, processes, exec, process, arena);
}

void process_event_ended(struct event *event, struct processes *processes, const struct wire_exit *ended,
                         const struct process *process, struct text_arena *arena)
{
    actor_begin(event, EVENT_PROCESS_TERMINATE, &ended->header, process, processes->users);
    actor_extras(event, process, arena);
    actor_extra_number(event, "ExitCode", ended->exit_code, arena);
}
