/* SPDX-License-Identifier: MIT */
/* Facts about a process, by routines that every kernel since NT 5.2 exports (spec 08 section 4.1). */
#include "driver.h"
#include "guard.h"

#define QUERY_ACCESS 0x410 /* PROCESS_QUERY_INFORMATION | PROCESS_VM_READ */

NTSTATUS process_open(PEPROCESS process, HANDLE *handle)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    return ObOpenObjectByPointer(process, OBJ_KERNEL_HANDLE, NULL, QUERY_ACCESS, *nt_process_type, KernelMode, handle);
}

/* ---- text in the memory of the process ---- */

static NTSTATUS text_read(UNICODE_STRING *out, const UNICODE_STRING *text, const struct nt_parameters *header, const UCHAR *block)
{
    const UCHAR *from = (const UCHAR *)text->Buffer;
    USHORT length = text->Length & ~1u;
    WCHAR *buffer;
    NTSTATUS status;

    if (length == 0)
        return STATUS_SUCCESS;
    if (!(header->flags & 1))
        from = block + (ULONG_PTR)from;
    buffer = pool_allocate_paged(length);
    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = guard_read(buffer, from, length);
    if (!NT_SUCCESS(status)) {
        pool_free(buffer);
        return status;
    }
    out->Buffer = buffer;
    out->Length = out->MaximumLength = length;
    return STATUS_SUCCESS;
}

/* In the address space of the process. Everything read here is under its control. */
static NTSTATUS parameters_read(const UCHAR *peb, struct process_facts *facts)
{
    struct nt_parameters header;
    const UCHAR *block = NULL;
    NTSTATUS status = guard_read(&block, peb + NT_PEB_PARAMETERS, sizeof block);

    if (NT_SUCCESS(status))
        status = block ? guard_read(&header, block, sizeof header) : STATUS_NOT_FOUND;
    if (NT_SUCCESS(status))
        status = text_read(&facts->command_line, &header.command_line, &header, block);
    if (NT_SUCCESS(status))
        status = text_read(&facts->directory, &header.directory, &header, block);
    return status;
}

static NTSTATUS parameters_read_attached(PEPROCESS process, const UCHAR *peb, struct process_facts *facts)
{
    KAPC_STATE state;
    NTSTATUS status = STATUS_SUCCESS;

    if (compat.PsAcquireProcessExitSynchronization)
        status = compat.PsAcquireProcessExitSynchronization(process);
    if (!NT_SUCCESS(status))
        return status;
    KeStackAttachProcess((PKPROCESS)process, &state);
    status = parameters_read(peb, facts);
    KeUnstackDetachProcess(&state);
    if (compat.PsAcquireProcessExitSynchronization)
        compat.PsReleaseProcessExitSynchronization(process);
    return status;
}

NTSTATUS process_query_parameters(PEPROCESS process, HANDLE handle, struct process_facts *facts)
{
    struct nt_process_basic basic;
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    status = ZwQueryInformationProcess(handle, NT_PROCESS_BASIC, &basic, sizeof basic, NULL);
    if (!NT_SUCCESS(status))
        return status;
    if (!basic.peb) /* System and its like */
        return STATUS_NOT_FOUND;
    if (process == PsGetCurrentProcess())
        return parameters_read(basic.peb, facts);
    return parameters_read_attached(process, basic.peb, facts);
}

/* ---- image ---- */

/* Grows until it fits: what is returned as the needed size differs between systems. */
static UNICODE_STRING *image_name(HANDLE handle)
{
    for (ULONG size = 1024; size <= 0x10000 + 1024; size *= 4) {
        UNICODE_STRING *name = pool_allocate_paged(size);
        ULONG needed = 0;
        NTSTATUS status;

        if (!name)
            return NULL;
        status = ZwQueryInformationProcess(handle, NT_PROCESS_IMAGE_NAME, name, size, &needed);
        if (NT_SUCCESS(status))
            return name;
        pool_free(name);
        if (status != STATUS_INFO_LENGTH_MISMATCH && status != STATUS_BUFFER_TOO_SMALL && status != STATUS_BUFFER_OVERFLOW)
            return NULL;
    }
    return NULL;
}

#define SYSTEM_ID 4
#define SYSTEM_NAME L"System"

/* The system process has no image; events show its name (spec 02 section 3.19). */
static void image_of_system(struct process_facts *facts)
{
    struct text text;

    if (!NT_SUCCESS(text_reserve(&facts->image, &text, wcslen(SYSTEM_NAME))))
        return;
    text_append_string(&text, SYSTEM_NAME);
    text_finish(&facts->image, &text);
}

static void image_query(HANDLE handle, struct process_facts *facts)
{
    UNICODE_STRING *name;

    if (facts->id == SYSTEM_ID) {
        image_of_system(facts);
        return;
    }
    name = image_name(handle);
    if (!name)
        return;
    if (!name->Length) {
        pool_free(name);
        return;
    }
    facts->image.Length = facts->image.MaximumLength = name->Length;
    /* The text lies behind the structure: one block, moved to its start. */
    memmove(name, name->Buffer, facts->image.Length);
    facts->image.Buffer = (WCHAR *)name;
}

/* ---- token ---- */

static void user_query(HANDLE token, struct process_facts *facts)
{
    union {
        TOKEN_USER user;
        UCHAR bytes[sizeof(TOKEN_USER) + SID_BYTES];
    } buffer;
    ULONG size;

    if (!NT_SUCCESS(ZwQueryInformationToken(token, NT_TOKEN_USER, &buffer, sizeof buffer, &size)))
        return;
    size = RtlLengthSid(buffer.user.User.Sid);
    if (size > sizeof facts->sid)
        return;
    memcpy(facts->sid, buffer.user.User.Sid, size);
    facts->sid_size = size;
}

static void integrity_query(HANDLE token, struct process_facts *facts)
{
    struct {
        SID_AND_ATTRIBUTES label;
        UCHAR sid[SID_BYTES];
    } buffer;
    ULONG size;

    if (!NT_SUCCESS(ZwQueryInformationToken(token, NT_TOKEN_INTEGRITY, &buffer, sizeof buffer, &size)))
        return; /* below NT 6.0 */
    size = RtlLengthSid(buffer.label.Sid);
    if (size > sizeof facts->integrity)
        return;
    memcpy(facts->integrity, buffer.label.Sid, size);
    facts->integrity_size = size;
}

static void token_query(HANDLE process, struct process_facts *facts)
{
    TOKEN_STATISTICS statistics;
    ULONG size, contained = 0;
    HANDLE token;

    if (!NT_SUCCESS(ZwOpenProcessTokenEx(process, TOKEN_QUERY, OBJ_KERNEL_HANDLE, &token)))
        return;
    user_query(token, facts);
    integrity_query(token, facts);
    if (NT_SUCCESS(ZwQueryInformationToken(token, NT_TOKEN_STATISTICS, &statistics, sizeof statistics, &size)))
        facts->logon_id = (ULONGLONG)(ULONG)statistics.AuthenticationId.HighPart << 32 | statistics.AuthenticationId.LowPart;
    if (NT_SUCCESS(ZwQueryInformationToken(token, NT_TOKEN_IS_APP_CONTAINER, &contained, sizeof contained, &size)))
        facts->is_app_container = contained != 0;
    ZwClose(token);
}

/* ---- the rest ---- */

static bool is_64bit(HANDLE handle)
{
#ifdef _WIN64
    ULONG_PTR wow64 = 0;

    return !NT_SUCCESS(ZwQueryInformationProcess(handle, NT_PROCESS_WOW64, &wow64, sizeof wow64, NULL)) || wow64 == 0;
#else
    UNREFERENCED_PARAMETER(handle);
    return false;
#endif
}

/* The kernel's start key, or one made of what identifies a process: the same at every query of it. */
static ULONGLONG key_query(PEPROCESS process, const struct process_facts *facts)
{
    if (compat.PsGetProcessStartKey)
        return compat.PsGetProcessStartKey(process);
    return (ULONGLONG)facts->id << 32 | (ULONG)(facts->create_time >> 10);
}

NTSTATUS process_query(PEPROCESS process, struct process_facts *facts)
{
    struct nt_process_basic basic;
    KERNEL_USER_TIMES times;
    HANDLE handle;
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    memset(facts, 0, sizeof *facts);
    facts->id = HandleToULong(PsGetProcessId(process));
    status = process_open(process, &handle);
    if (!NT_SUCCESS(status))
        return status;
    /* Identity rests on the time: without it there are no facts. */
    status = ZwQueryInformationProcess(handle, NT_PROCESS_TIMES, &times, sizeof times, NULL);
    if (!NT_SUCCESS(status)) {
        ZwClose(handle);
        return status;
    }
    facts->create_time = (ULONGLONG)times.CreateTime.QuadPart;
    facts->key = key_query(process, facts);
    if (NT_SUCCESS(ZwQueryInformationProcess(handle, NT_PROCESS_BASIC, &basic, sizeof basic, NULL)))
        facts->parent_id = (ULONG)basic.parent_id;
    ZwQueryInformationProcess(handle, NT_PROCESS_SESSION, &facts->session, sizeof facts->session, NULL);
    facts->is_64bit = is_64bit(handle);
    token_query(handle, facts);
    image_query(handle, facts);
    ZwClose(handle);
    return STATUS_SUCCESS;
}

void process_facts_free(struct process_facts *facts)
{
    pool_free(facts->image.Buffer);
    pool_free(facts->command_line.Buffer);
    pool_free(facts->directory.Buffer);
    memset(facts, 0, sizeof *facts);
}
