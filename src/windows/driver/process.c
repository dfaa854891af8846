/* SPDX-License-Identifier: MIT */
/*
 * Process creation and end: the notify routine of the best kind the kernel has (Ex2, Ex, plain), records of events 1 and 5,
 * and the answer to PROCESS_CACHE.
 *
 * Kernels before NT 6.0 call the plain routine while the process is being made: no parameters, no final token, and a handle
 * to it is not safe. There the process is only entered as "unreported" and reported when it first runs (image.c),
 * at the latest when it ends.
 */
#include "driver.h"

static enum { KIND_NONE, KIND_PLAIN, KIND_EX, KIND_EX2 } kind;

static bool creation_comes_early(void)
{
    return kind == KIND_PLAIN && !compat_at_least(6, 0);
}

static struct record *process_record(enum wire_type type, const struct process_facts *facts, const void *object,
                                     const void *parent_object)
{
    const struct span extensions[WIRE_PROCESS_EXTENSIONS] = {
        [WIRE_PROCESS_SID] = { facts->sid, facts->sid_size },
        [WIRE_PROCESS_INTEGRITY] = { facts->integrity, facts->integrity_size },
        [WIRE_PROCESS_IMAGE] = SPAN_TEXT(&facts->image),
        [WIRE_PROCESS_COMMAND_LINE] = SPAN_TEXT(&facts->command_line),
        [WIRE_PROCESS_DIRECTORY] = SPAN_TEXT(&facts->directory),
    };
    struct record *record = record_create(type, extensions);
    struct wire_process_create *body;

    if (!record)
        return NULL;
    record->header.SessionId = facts->session;
    body = record_body(record);
    body->ProcessKey = facts->key;
    body->ProcessId = facts->id;
    body->ParentProcessId = facts->parent_id;
    body->SessionId = facts->session;
    body->Is64bit = facts->is_64bit;
    body->CreateTime = facts->create_time;
    body->AuthenticationId = facts->logon_id;
    body->IsAppContainer = facts->is_app_container;
    body->ParentProcessObject = (ULONG_PTR)parent_object;
    body->ProcessObject = (ULONG_PTR)object;
    return record;
}

/* Address of a living process, for comparison only: no reference is kept. */
static const void *object_identity(ULONG id)
{
    PEPROCESS object;

    if (!NT_SUCCESS(PsLookupProcessByProcessId(ULongToHandle(id), &object)))
        return NULL;
    ObDereferenceObject(object);
    return object;
}

static void parameters_query(PEPROCESS object, struct process_facts *facts)
{
    HANDLE handle;

    if (!NT_SUCCESS(process_open(object, &handle)))
        return;
    process_query_parameters(object, handle, facts);
    ZwClose(handle);
}

static void text_replace(UNICODE_STRING *text, PCUNICODE_STRING by)
{
    WCHAR *buffer;

    if (!by || !by->Length)
        return;
    buffer = pool_allocate_paged(by->Length);
    if (!buffer)
        return;
    memcpy(buffer, by->Buffer, by->Length);
    pool_free(text->Buffer);
    text->Buffer = buffer;
    text->Length = text->MaximumLength = by->Length;
}

static void report_created(PEPROCESS object, const struct process_facts *facts)
{
    struct record *record = process_record(WIRE_PROCESS_CREATE, facts, object, object_identity(facts->parent_id));

    if (record)
        record_submit(record, facts->session);
}

/* A process that can be looked at already. `info` NULL: the plain routine. */
static void created(PEPROCESS object, HANDLE parent, PPS_CREATE_NOTIFY_INFO info)
{
    struct process_facts facts;
    struct process *process;

    if (!NT_SUCCESS(process_query(object, &facts))) {
        queue_lose(WIRE_PROCESS_CREATE, WIRE_LOSS_SOURCE);
        goto out;
    }
    facts.parent_id = HandleToULong(parent);
    parameters_query(object, &facts);
    if (info) {
        text_replace(&facts.command_line, info->CommandLine);
        if (!facts.image.Length)
            text_replace(&facts.image, info->ImageFileName);
    }
    process = process_table_add(&facts, object, PROCESS_NO_THREAD, true);
    report_created(object, &facts);
    if (process && info)
        tamper_check_file(process, info->FileObject);
    process_release(process);
out:
    process_facts_free(&facts);
}

/* A process that can not be looked at yet: only what needs no handle. */
static void created_early(PEPROCESS object, HANDLE id)
{
    struct process_facts facts = { .id = HandleToULong(id) };
    struct process *process;

    facts.create_time = (ULONGLONG)PsGetProcessCreateTimeQuadPart(object);
    process = process_table_add(&facts, object, PROCESS_NO_THREAD | PROCESS_UNREPORTED, true);
    if (!process) /* nobody will remember to report it */
        queue_lose(WIRE_PROCESS_CREATE, WIRE_LOSS_MEMORY);
    process_release(process);
}

void process_report_late(struct process *process)
{
    struct process_facts facts;
    PEPROCESS object = PsGetCurrentProcess();

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (process->object != object || !process_take_flag(process, PROCESS_UNREPORTED))
        return;
    if (NT_SUCCESS(process_query(object, &facts))) {
        parameters_query(object, &facts);
        process_release(process_table_add(&facts, object, process->flags, true));
        report_created(object, &facts);
    } else {
        queue_lose(WIRE_PROCESS_CREATE, WIRE_LOSS_SOURCE);
    }
    process_facts_free(&facts);
}

static void report_terminated(ULONG id, const struct process *process)
{
    const struct span extensions[WIRE_TERMINATE_EXTENSIONS] = {
        [WIRE_TERMINATE_SID] = { process ? process->sid : NULL, process ? process->sid_size : 0 },
    };
    struct record *record = record_create(WIRE_PROCESS_TERMINATE, extensions);
    struct wire_process_terminate *body;

    if (!record)
        return;
    body = record_body(record);
    body->ProcessId = id;
    body->EventTime = compat_time();
    record_submit(record, process ? process->session : 0);
}

static void exited(HANDLE id)
{
    struct process *process = process_acquire(id);

    if (process && process->flags & PROCESS_UNREPORTED) {
        process_report_late(process);
        process_release(process);
        process = process_acquire(id);
    }
    report_terminated(HandleToULong(id), process);
    process_release(process);
    process_table_exit(HandleToULong(id));
}

/* IRQL: PASSIVE_LEVEL, in a critical region; the creator's thread, or the last thread of the process at its end. */
static VOID NTAPI notify_ex(PEPROCESS object, HANDLE id, PPS_CREATE_NOTIFY_INFO info)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (info)
        created(object, info->ParentProcessId, info);
    else
        exited(id);
}

static VOID NTAPI notify_plain(HANDLE parent, HANDLE id, BOOLEAN create)
{
    PEPROCESS object;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!create) {
        exited(id);
        return;
    }
    if (!NT_SUCCESS(PsLookupProcessByProcessId(id, &object))) {
        queue_lose(WIRE_PROCESS_CREATE, WIRE_LOSS_SOURCE);
        return;
    }
    if (creation_comes_early())
        created_early(object, id);
    else
        created(object, parent, NULL);
    ObDereferenceObject(object);
}

/* Also sees processes of subsystems; needs FORCE_INTEGRITY in the image header, like Ex (spec 08 section 2.1). */
NTSTATUS process_start(void)
{
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (compat.PsSetCreateProcessNotifyRoutineEx2 &&
        NT_SUCCESS(compat.PsSetCreateProcessNotifyRoutineEx2(0, notify_ex, FALSE))) {
        kind = KIND_EX2;
        return STATUS_SUCCESS;
    }
    if (compat.PsSetCreateProcessNotifyRoutineEx && NT_SUCCESS(compat.PsSetCreateProcessNotifyRoutineEx(notify_ex, FALSE))) {
        kind = KIND_EX;
        return STATUS_SUCCESS;
    }
    kind = KIND_PLAIN; /* before the first call can come */
    status = PsSetCreateProcessNotifyRoutine(notify_plain, FALSE);
    if (!NT_SUCCESS(status))
        kind = KIND_NONE;
    return status;
}

void process_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (kind == KIND_EX2)
        compat.PsSetCreateProcessNotifyRoutineEx2(0, notify_ex, TRUE);
    else if (kind == KIND_EX)
        compat.PsSetCreateProcessNotifyRoutineEx(notify_ex, TRUE);
    else if (kind == KIND_PLAIN)
        PsSetCreateProcessNotifyRoutine(notify_plain, TRUE);
    kind = KIND_NONE;
}

/* Makes a record fit into `room` bytes: the reader's buffer is smaller than the longest command line. */
static void shorten(UNICODE_STRING *text, ULONG *excess)
{
    ULONG cut = *excess < text->Length ? *excess : text->Length;

    text->Length -= (USHORT)cut;
    *excess -= cut;
}

static void fit(struct process_facts *facts, ULONG capacity)
{
    ULONG need = record_fixed_size(WIRE_PROCESS_CREATE_CACHE) + facts->sid_size + facts->integrity_size + facts->image.Length +
                 facts->command_line.Length + facts->directory.Length + WIRE_RECORD_ALIGNMENT;
    ULONG excess = need > capacity ? (need - capacity + 1) & ~1u : 0;

    shorten(&facts->command_line, &excess);
    shorten(&facts->directory, &excess);
    shorten(&facts->image, &excess);
}

NTSTATUS process_cache_record(ULONG id, ULONG capacity, struct record **out)
{
    struct process_facts facts;
    PEPROCESS object;
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!NT_SUCCESS(PsLookupProcessByProcessId(ULongToHandle(id), &object)))
        return STATUS_NOT_FOUND;
    status = process_query(object, &facts);
    if (NT_SUCCESS(status)) {
        struct record *record;

        parameters_query(object, &facts);
        fit(&facts, capacity);
        record = process_record(WIRE_PROCESS_CREATE_CACHE, &facts, object, object_identity(facts.parent_id));
        if (record)
            *out = record;
        else
            status = STATUS_INSUFFICIENT_RESOURCES;
    }
    process_facts_free(&facts);
    ObDereferenceObject(object);
    return status;
}
