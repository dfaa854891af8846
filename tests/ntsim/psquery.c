/* SPDX-License-Identifier: MIT */
/* What a driver may ask about processes, threads, versions and modules; address spaces; system threads; stack walks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "export.h"
#include "fault.h"
#include "host.h"
#include "irql.h"
#include "ke.h"
#include "loader.h"
#include "mm.h"
#include "module.h"
#include "ob.h"
#include "pool.h"
#include "profile.h"
#include "ps.h"
#include "psnotify.h"
#include "verify.h"

static struct process *process_of(void *body)
{
    if (!ob_is(body, &ob_process_type))
        bugcheck("bad-object", "%p is no process", body);
    return body;
}

static struct thread *thread_of(void *body)
{
    if (!ob_is(body, &ob_thread_type))
        bugcheck("bad-object", "%p is no thread", body);
    return body;
}

/* --- looking up ------------------------------------------------------------------------------------------------------- */

FALLIBLE(FAILS_STATUS, NTSTATUS, PsLookupProcessByProcessId, (HANDLE id, PEPROCESS *process))
{
    struct process *found;

    sched_lock();
    found = ps_find((uint32_t)(ULONG_PTR)id);
    if (found) {
        ob_reference(found);
        ob_give(found);
        *process = (PEPROCESS)found;
    }
    sched_unlock();
    return found ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static struct thread *find_thread(uint32_t id)
{
    for (struct process *p = ps_list(); p; p = p->next)
        for (struct thread *t = p->threads; t; t = t->next)
            if (t->id == id)
                return t;
    return NULL;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, PsLookupThreadByThreadId, (HANDLE id, PETHREAD *thread))
{
    struct thread *found;

    sched_lock();
    found = find_thread((uint32_t)(ULONG_PTR)id);
    if (found) {
        ps_check_opened(found);
        ob_reference(found);
        ob_give(found);
        *thread = (PETHREAD)found;
    }
    sched_unlock();
    return found ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

EXPORT(PEPROCESS, IoGetCurrentProcess, (void)) { return (PEPROCESS)ps_current(); }
EXPORT_ALIAS(PsGetCurrentProcess, nt_IoGetCurrentProcess)
/* The thread's own process, whatever it is attached to. */
EXPORT(PEPROCESS, PsGetCurrentThreadProcess, (void)) { return (PEPROCESS)current_thread()->process; }
EXPORT(HANDLE, PsGetCurrentProcessId, (void)) { return (HANDLE)(ULONG_PTR)current_thread()->process->id; }
EXPORT_ALIAS(PsGetCurrentThreadProcessId, nt_PsGetCurrentProcessId)
EXPORT(HANDLE, PsGetCurrentThreadId, (void)) { return (HANDLE)(ULONG_PTR)current_thread()->id; }
EXPORT(ULONG, PsGetCurrentProcessSessionId, (void)) { return ps_current()->session; }
EXPORT(KPROCESSOR_MODE, PsGetCurrentThreadPreviousMode, (void)) { return self()->previous_mode; }
EXPORT(HANDLE, PsGetProcessId, (PEPROCESS p)) { return (HANDLE)(ULONG_PTR)process_of(p)->id; }
EXPORT(HANDLE, PsGetProcessInheritedFromUniqueProcessId, (PEPROCESS p)) { return (HANDLE)(ULONG_PTR)process_of(p)->parent_id; }
EXPORT(ULONG, PsGetProcessSessionId, (PEPROCESS p)) { return process_of(p)->session; }
EXPORT(ULONG, PsGetProcessSessionIdEx, (PEPROCESS p)) { return process_of(p)->is_system ? (ULONG)-1 : process_of(p)->session; }
EXPORT(LONGLONG, PsGetProcessCreateTimeQuadPart, (PEPROCESS p)) { return process_of(p)->create_time; }
EXPORT(NTSTATUS, PsGetProcessExitStatus, (PEPROCESS p)) { return process_of(p)->exiting ? process_of(p)->exit_status : STATUS_PENDING; }
EXPORT(BOOLEAN, PsGetProcessExitProcessCalled, (PEPROCESS p)) { return process_of(p)->exiting; }
EXPORT(PVOID, PsGetProcessPeb, (PEPROCESS p)) { return process_of(p)->peb; }
EXPORT(PVOID, PsGetProcessWow64Process, (PEPROCESS p)) { return process_of(p)->wow64 ? process_of(p)->peb + 0x1000 : NULL; }
EXPORT(PVOID, PsGetCurrentProcessWow64Process, (void)) { return ps_current()->wow64 ? ps_current()->peb + 0x1000 : NULL; }
EXPORT(PVOID, PsGetCurrentThreadTeb, (void)) { return current_thread()->teb; }
EXPORT(PVOID, PsGetThreadTeb, (PETHREAD t)) { return thread_of(t)->teb; }
EXPORT(PCHAR, PsGetProcessImageFileName, (PEPROCESS p)) { return process_of(p)->short_name; }
EXPORT(PVOID, PsGetProcessSectionBaseAddress, (PEPROCESS p)) { return process_of(p)->is_system ? NULL : (PVOID)IMAGE_BASE; }
EXPORT(BOOLEAN, PsIsProtectedProcess, (PEPROCESS p)) { return process_of(p)->protected; }
EXPORT(BOOLEAN, PsIsSystemProcess, (PEPROCESS p)) { return process_of(p)->is_system; }
EXPORT(ULONGLONG, PsGetProcessStartKey, (PEPROCESS p)) { return process_of(p)->start_key; }
EXPORT(ULONGLONG, PsGetProcessSequenceNumber, (PEPROCESS p)) { return process_of(p)->start_key & 0xffffffffffff; }
EXPORT(HANDLE, PsGetThreadId, (PETHREAD t)) { return (HANDLE)(ULONG_PTR)thread_of(t)->id; }
EXPORT(HANDLE, PsGetThreadProcessId, (PETHREAD t)) { return (HANDLE)(ULONG_PTR)thread_of(t)->process->id; }
EXPORT(PEPROCESS, PsGetThreadProcess, (PETHREAD t)) { return (PEPROCESS)thread_of(t)->process; }
EXPORT_ALIAS(IoThreadToProcess, nt_PsGetThreadProcess)
EXPORT(BOOLEAN, PsIsSystemThread, (PETHREAD t)) { return thread_of(t)->system; }
EXPORT_ALIAS(IoIsSystemThread, nt_PsIsSystemThread)
EXPORT(BOOLEAN, PsIsThreadTerminating, (PETHREAD t)) { return thread_of(t)->terminated; }

FALLIBLE(FAILS_STATUS, NTSTATUS, PsAcquireProcessExitSynchronization, (PEPROCESS p))
{
    struct process *process = process_of(p);

    if (process->exiting && current_thread()->process != process)
        return STATUS_PROCESS_IS_TERMINATING;
    ob_reference(process);
    ob_give(process);
    return STATUS_SUCCESS;
}
EXPORT(VOID, PsReleaseProcessExitSynchronization, (PEPROCESS p))
{
    ob_take_back(p);
    ob_dereference(p);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, PsReferenceProcessFilePointer, (PEPROCESS p, PVOID *file))
{
    struct process *process = process_of(p);

    if (!process->file)
        return STATUS_UNSUCCESSFUL;
    ob_reference(process->file);
    ob_give(process->file);
    *file = process->file;
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, SeLocateProcessImageName, (PEPROCESS p, PUNICODE_STRING *name))
{
    struct process *process = process_of(p);
    size_t bytes = process->file ? wcslen(process->image) * sizeof(WCHAR) : 0;
    UNICODE_STRING *string = pool_for_driver(BLOCK_PAGED, sizeof *string + bytes + sizeof(WCHAR), 'nPeS');

    string->Length = (USHORT)bytes;
    string->MaximumLength = (USHORT)(bytes + sizeof(WCHAR));
    string->Buffer = (WCHAR *)(string + 1);
    memcpy(string->Buffer, process->image, bytes);
    string->Buffer[bytes / sizeof(WCHAR)] = 0;
    *name = string;
    return STATUS_SUCCESS;
}

/* --- ZwQueryInformationProcess / Thread ---------------------------------------------------------------------------------- */

static struct process *process_by_handle(HANDLE handle)
{
    void *body = handle == (HANDLE)-1 ? (void *)ps_current() : ob_handle_body(handle);

    return body && ob_is(body, &ob_process_type) ? body : NULL;
}

static NTSTATUS answer(const void *data, ULONG size, PVOID buffer, ULONG length, PULONG returned)
{
    if (returned)
        *returned = size;
    if (length < size)
        return STATUS_INFO_LENGTH_MISMATCH;
    memcpy(buffer, data, size);
    return STATUS_SUCCESS;
}

/* A UNICODE_STRING and its text behind it. */
static NTSTATUS answer_text(const WCHAR *text, PVOID buffer, ULONG length, PULONG returned)
{
    ULONG bytes = (ULONG)(wcslen(text) * sizeof(WCHAR)), size = (ULONG)sizeof(UNICODE_STRING) + bytes + (bytes ? 2 : 0);
    UNICODE_STRING *string = buffer;

    if (returned)
        *returned = size;
    if (length < size)
        return STATUS_INFO_LENGTH_MISMATCH;
    string->Length = (USHORT)bytes;
    string->MaximumLength = (USHORT)(bytes + 2);
    string->Buffer = (WCHAR *)(string + 1);
    memcpy(string->Buffer, text, bytes + 2);
    return STATUS_SUCCESS;
}

static NTSTATUS answer_basic(struct process *process, PVOID buffer, ULONG length, PULONG returned)
{
    ULONG_PTR basic[6] = {process->exiting ? (ULONG)process->exit_status : 0x103, (ULONG_PTR)process->peb, 3, 8, process->id,
                          process->parent_id};

    return answer(basic, sizeof basic, buffer, length, returned);
}

static NTSTATUS query_process(struct process *process, ULONG class, PVOID buffer, ULONG length, PULONG returned)
{
    LONGLONG times[4] = {process->create_time, process->exit_time, 0, 0};
    ULONG_PTR wow64 = process->wow64;
    ULONG word = process->session;

    switch (class) {
    case 0:
        return answer_basic(process, buffer, length, returned);
    case 4:
        return answer(times, sizeof times, buffer, length, returned);
    case 24:
        return answer(&word, sizeof word, buffer, length, returned);
    case 26:
        return answer(&wow64, sizeof wow64, buffer, length, returned);
    case 27:
        return answer_text(process->file ? process->image : L"", buffer, length, returned);
    case 60:
        return nt_at_least(WIN81) ? answer_text(process->command_line, buffer, length, returned) : STATUS_INVALID_INFO_CLASS;
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwQueryInformationProcess, (HANDLE handle, PROCESSINFOCLASS class, PVOID buffer, ULONG length,
                                                             PULONG returned))
{
    struct process *process = process_by_handle(handle);

    return process ? query_process(process, (ULONG)class, buffer, length, returned) : STATUS_INVALID_HANDLE;
}
EXPORT_ALIAS(NtQueryInformationProcess, nt_ZwQueryInformationProcess)

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwQueryInformationThread, (HANDLE handle, THREADINFOCLASS class, PVOID buffer, ULONG length,
                                                            PULONG returned))
{
    void *body = handle == (HANDLE)-2 ? (void *)current_thread() : ob_handle_body(handle);
    struct thread *thread = body;
    ULONG_PTR basic[6];

    if (!body || !ob_is(body, &ob_thread_type))
        return STATUS_INVALID_HANDLE;
    memset(basic, 0, sizeof basic);
    basic[2] = thread->process->id;
    basic[3] = thread->id;
    switch ((ULONG)class) {
    case 0:
        return answer(basic, sizeof basic, buffer, length, returned);
    case 9:
        return answer(&thread->start, sizeof thread->start, buffer, length, returned);
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

static NTSTATUS open_body(void *body, POBJECT_ATTRIBUTES attributes, ACCESS_MASK access, PHANDLE handle)
{
    NTSTATUS status;

    if (!body)
        return STATUS_INVALID_CID;
    ps_check_opened(body);
    status = ob_handle(body, access, attributes && attributes->Attributes & OBJ_KERNEL_HANDLE, true, handle);
    return status;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwOpenProcess, (PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, PCLIENT_ID id))
{
    return open_body(ps_find((uint32_t)(ULONG_PTR)id->UniqueProcess), attributes, access, handle);
}
FALLIBLE(FAILS_STATUS, NTSTATUS, ZwOpenThread, (PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, PCLIENT_ID id))
{
    return open_body(find_thread((uint32_t)(ULONG_PTR)id->UniqueThread), attributes, access, handle);
}
FALLIBLE(FAILS_STATUS, NTSTATUS, ZwOpenProcessTokenEx, (HANDLE process, ACCESS_MASK access, ULONG attributes, PHANDLE handle))
{
    struct process *body = process_by_handle(process);

    return body ? ob_handle(body->token, access, attributes & OBJ_KERNEL_HANDLE, true, handle) : STATUS_INVALID_HANDLE;
}

/* TOKEN_USER and TOKEN_MANDATORY_LABEL look alike: a pointer to the SID behind. */
static NTSTATUS answer_sid(const uint8_t *sid, ULONG sid_size, ULONG attributes, PVOID buffer, ULONG length, PULONG returned)
{
    SID_AND_ATTRIBUTES *head = buffer;

    *returned = (ULONG)sizeof *head + sid_size;
    if (length < *returned)
        return STATUS_BUFFER_TOO_SMALL;
    *head = (SID_AND_ATTRIBUTES){head + 1, attributes};
    memcpy(head + 1, sid, sid_size);
    return STATUS_SUCCESS;
}

static NTSTATUS answer_integrity(struct token *token, PVOID buffer, ULONG length, PULONG returned)
{
    uint8_t sid[12] = {1, 1, 0, 0, 0, 0, 0, 16};

    memcpy(sid + 8, &token->integrity, 4);
    return answer_sid(sid, sizeof sid, 0x20, buffer, length, returned);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwQueryInformationToken, (HANDLE handle, TOKEN_INFORMATION_CLASS class, PVOID buffer, ULONG length,
                                                           PULONG returned))
{
    struct token *token = ob_handle_body(handle);
    TOKEN_STATISTICS statistics;
    ULONG word;

    if (!token || !ob_is(token, &ob_token_type))
        return STATUS_INVALID_HANDLE;
    memset(&statistics, 0, sizeof statistics);
    statistics.TokenId = token->token_id;
    statistics.AuthenticationId = token->logon_id;
    switch ((int)class) {
    case 1:
        return answer_sid(token->user.bytes, token->user.length, 0, buffer, length, returned);
    case 10:
        return answer(&statistics, sizeof statistics, buffer, length, returned);
    case 12:
        return answer(&token->session, sizeof token->session, buffer, length, returned);
    case 25:
        return nt_at_least(VISTA) ? answer_integrity(token, buffer, length, returned) : STATUS_INVALID_INFO_CLASS;
    case 29:
        word = token->app_container;
        return nt_at_least(WIN8) ? answer(&word, sizeof word, buffer, length, returned) : STATUS_INVALID_INFO_CLASS;
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

/* --- ZwQuerySystemInformation ------------------------------------------------------------------------------------------------ */

/* SYSTEM_PROCESS_INFORMATION, the members everybody uses: next 0, threads 4, create time 32, name 56, id 80/68, parent 88/72 */
enum { PROCESS_ENTRY = BY_ARCH(256, 184), AT_NAME = 56, AT_ID = BY_ARCH(80, 68), AT_PARENT = BY_ARCH(88, 72),
       AT_SESSION = BY_ARCH(100, 80) };

static ULONG write_process_entry(uint8_t *at, struct process *process, ULONG room, bool last)
{
    WCHAR name[32];
    UNICODE_STRING *string = (UNICODE_STRING *)(at + AT_NAME);
    ULONG bytes = process->is_system && process->id ? 12 : (ULONG)(strlen(process->short_name) * 2);
    ULONG size = (ULONG)(PROCESS_ENTRY + bytes + 2 + 7) & ~7u;

    if (room < size)
        return size;
    swprintf(name, 32, L"%hs", process->short_name);
    memset(at, 0, size);
    *(ULONG *)at = last ? 0 : size;
    memcpy(at + 32, &process->create_time, 8);
    *string = (UNICODE_STRING){(USHORT)bytes, (USHORT)(bytes + 2), (WCHAR *)(at + PROCESS_ENTRY)};
    memcpy(at + PROCESS_ENTRY, name, bytes);
    *(ULONG_PTR *)(at + AT_ID) = process->id;
    *(ULONG_PTR *)(at + AT_PARENT) = process->parent_id;
    *(ULONG *)(at + AT_SESSION) = process->session;
    return size;
}

static NTSTATUS list_processes(uint8_t *buffer, ULONG length, PULONG returned)
{
    ULONG used = 0;

    for (struct process *p = ps_list(); p; p = p->next)
        used += write_process_entry(buffer + used, p, used < length ? length - used : 0, !p->next);
    if (returned)
        *returned = used;
    return used <= length ? STATUS_SUCCESS : STATUS_INFO_LENGTH_MISMATCH;
}

static void fill_module(MODULE_ENTRY *entry, const char *path, void *base, ULONG size)
{
    memset(entry, 0, sizeof *entry);
    entry->ImageBase = base;
    entry->ImageSize = size;
    snprintf(entry->FullPathName, sizeof entry->FullPathName, "%s", path);
    entry->OffsetToFileName = (USHORT)(strrchr(path, '\\') + 1 - path);
}

static NTSTATUS list_modules(MODULE_LIST *list, ULONG length, PULONG returned)
{
    ULONG count = (ULONG)module_count() + 1, size = (ULONG)(offsetof(MODULE_LIST, Modules) + count * sizeof(MODULE_ENTRY));

    if (returned)
        *returned = size;
    if (length < size)
        return STATUS_INFO_LENGTH_MISMATCH;
    list->NumberOfModules = count;
    for (size_t i = 0; i < module_count(); i++)
        fill_module(&list->Modules[i], module_at(i)->full_name, module_at(i)->base, module_at(i)->size);
    fill_module(&list->Modules[count - 1], "\\SystemRoot\\SysmonDrv.sys", loader_image()->base, loader_image()->size);
    return STATUS_SUCCESS;
}

EXPORT(NTSTATUS, ZwQuerySystemInformation, (ULONG class, PVOID buffer, ULONG length, PULONG returned))
{
    LONGLONG times[6] = {0x1DA6EC5B0000000, sched_now(), 0, 0, 0, 0};

    if (class != 3 && fault_point("ZwQuerySystemInformation")) /* the clock does not fail */
        return STATUS_INSUFFICIENT_RESOURCES;
    switch (class) {
    case 3: /* SystemTimeOfDayInformation: boot time, current time, … */
        if (length > sizeof times)
            return STATUS_INFO_LENGTH_MISMATCH;
        memcpy(buffer, times, length);
        if (returned)
            *returned = length;
        return STATUS_SUCCESS;
    case 5:
        return list_processes(buffer, length, returned);
    case 11:
        return list_modules(buffer, length, returned);
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}
EXPORT_ALIAS(NtQuerySystemInformation, nt_ZwQuerySystemInformation)

EXPORT(NTSTATUS, RtlGetVersion, (PRTL_OSVERSIONINFOW version))
{
    version->dwMajorVersion = profile->major;
    version->dwMinorVersion = profile->minor;
    version->dwBuildNumber = profile->build;
    version->dwPlatformId = 2;
    version->szCSDVersion[0] = 0;
    return STATUS_SUCCESS;
}
EXPORT(BOOLEAN, PsGetVersion, (PULONG major, PULONG minor, PULONG build, PUNICODE_STRING pack))
{
    if (major)
        *major = profile->major;
    if (minor)
        *minor = profile->minor;
    if (build)
        *build = profile->build;
    if (pack)
        memset(pack, 0, sizeof *pack);
    return TRUE;
}

/* --- address spaces ------------------------------------------------------------------------------------------------------------ */

struct apc_state_slot { /* what the simulator keeps in the driver's KAPC_STATE */
    struct process *before;
    uint32_t magic;
};
enum { APC_MAGIC = 0x61706373 };

static void check_address_space(const char *what)
{
    if (psnotify_address_space_locked())
        bug("address-space-lock", "%s inside an image callback: the kernel holds the address-space lock there up to 6.1", what);
}

EXPORT(VOID, KeStackAttachProcess, (PVOID body, PKAPC_STATE state))
{
    struct apc_state_slot *slot = (struct apc_state_slot *)state;
    struct runner *me = self();

    if (me->in_dpc)
        bugcheck("attached", "a DPC attaches to a process");
    check_address_space("attaching to a process");
    *slot = (struct apc_state_slot){me->attached, APC_MAGIC};
    me->attached = process_of(body);
    me->attach_depth++;
    ob_reference(body);
    mm_switch();
}

EXPORT(VOID, KeUnstackDetachProcess, (PKAPC_STATE state))
{
    struct apc_state_slot *slot = (struct apc_state_slot *)state;
    struct runner *me = self();

    if (slot->magic != APC_MAGIC || !me->attach_depth)
        bugcheck("attached", "detached without being attached");
    ob_dereference(me->attached);
    me->attached = slot->before;
    me->attach_depth--;
    slot->magic = 0;
    mm_switch();
}

static void do_copy(struct process *process, void *to, const void *from, size_t size)
{
    struct process *was = self()->attached;

    self()->attached = process;
    mm_switch();
    memcpy(to, from, size);
    self()->attached = was;
    mm_switch();
}

FALLIBLE(FAILS_STATUS, NTSTATUS, MmCopyVirtualMemory, (PEPROCESS from, PVOID from_address, PEPROCESS to, PVOID to_address, SIZE_T size,
                                                       KPROCESSOR_MODE mode, PSIZE_T copied))
{
    struct process *source = process_of(from);

    (void)mode;
    check_address_space("MmCopyVirtualMemory");
    *copied = 0;
    if (process_of(to) != ps_current() || !mm_user_valid(source, from_address, size))
        return STATUS_PARTIAL_COPY;
    do_copy(source, to_address, from_address, size);
    *copied = size;
    return STATUS_SUCCESS;
}

/* MemorySectionName of the two images every process of this world has. */
FALLIBLE(FAILS_STATUS, NTSTATUS, ZwQueryVirtualMemory, (HANDLE handle, PVOID address, ULONG class, PVOID buffer, SIZE_T length,
                                                        PSIZE_T returned))
{
    struct process *process = process_by_handle(handle);
    uintptr_t at = (uintptr_t)address;
    ULONG size = 0;
    NTSTATUS status;

    check_address_space("ZwQueryVirtualMemory");
    if (!process)
        return STATUS_INVALID_HANDLE;
    if (class == 0) {
        MEMORY_BASIC basic = {0};
        bool image = at - IMAGE_BASE < 0x20000 || at - NTDLL_BASE < NTDLL_SIZE;

        basic.BaseAddress = (PVOID)(at & ~(uintptr_t)0xfff);
        basic.AllocationBase = (PVOID)(uintptr_t)(at - IMAGE_BASE < 0x20000 ? IMAGE_BASE : image ? NTDLL_BASE : at & ~(uintptr_t)0xffff);
        basic.RegionSize = 0x1000;
        basic.State = 0x1000;
        basic.Type = image ? 0x1000000 : 0x20000;
        status = answer(&basic, sizeof basic, buffer, (ULONG)length, &size);
    } else if (class != 2) {
        return STATUS_INVALID_INFO_CLASS;
    } else if (at - IMAGE_BASE < 0x20000) {
        status = answer_text(process->image, buffer, (ULONG)length, &size);
    } else if (at - NTDLL_BASE < NTDLL_SIZE) {
        status = answer_text(L"\\Device\\HarddiskVolume1\\Windows\\System32\\ntdll.dll", buffer, (ULONG)length, &size);
    } else {
        return STATUS_INVALID_ADDRESS;
    }
    if (returned)
        *returned = size;
    return status == STATUS_INFO_LENGTH_MISMATCH && class == 2 ? STATUS_BUFFER_OVERFLOW : status;
}

/* --- system threads --------------------------------------------------------------------------------------------------------------- */

struct system_thread {
    PKSTART_ROUTINE routine;
    PVOID context;
    struct thread *thread;
    void *exit[5]; /* __builtin_setjmp */
};

static void run_system_thread(void *argument)
{
    struct system_thread *job = argument;
    struct crossing crossing;

    self()->exit_to = job->exit;
    if (__builtin_setjmp(job->exit) == 0) {
        cross_in(&crossing, "a system thread");
        job->routine(job->context);
    }
    if (self()->held_count || self()->irql != PASSIVE_LEVEL || self()->normal_apcs_off || self()->attach_depth)
        bug("thread-end", "a system thread ends holding %u lock(s) at IRQL %u", self()->held_count, self()->irql);
    self()->exit_to = NULL;
    job->thread->terminated = true;
    ke_signal_body(job->thread);
    ob_dereference(job->thread);
    free(job);
}

EXPORT(NTSTATUS, PsTerminateSystemThread, (NTSTATUS status))
{
    (void)status;
    if (!self()->exit_to)
        bugcheck("thread-end", "PsTerminateSystemThread outside a system thread");
    __builtin_longjmp(self()->exit_to, 1);
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, PsCreateSystemThread, (PHANDLE handle, ULONG access, POBJECT_ATTRIBUTES attributes, HANDLE process,
                                                        PCLIENT_ID id, PKSTART_ROUTINE routine, PVOID context))
{
    struct system_thread *job = calloc(1, sizeof *job);
    bool kernel = attributes && attributes->Attributes & OBJ_KERNEL_HANDLE;
    NTSTATUS status;

    (void)process;
    *job = (struct system_thread){routine, context, ps_system_thread((void *)routine), {0}};
    ob_reference(job->thread); /* the runner's */
    status = ob_handle(job->thread, access, kernel, true, handle);
    if (id) {
        id->UniqueProcess = (HANDLE)(ULONG_PTR)job->thread->process->id;
        id->UniqueThread = (HANDLE)(ULONG_PTR)job->thread->id;
    }
    ob_dereference(job->thread); /* the one of its creation */
    sched_start("driver thread", job->thread, run_system_thread, job);
    return status;
}

/* --- stack walks -------------------------------------------------------------------------------------------------------------------- */

EXPORT(ULONG, RtlWalkFrameChain, (PVOID *callers, ULONG count, ULONG flags))
{
    struct thread *thread = current_thread();
    ULONG skip = flags >> 8, n = 0;

    if (!(flags & 1))
        return (ULONG)host_backtrace(NULL, (uintptr_t *)callers, count);
    if (self()->irql >= DISPATCH_LEVEL)
        bug("irql-too-high", "a walk of the user stack at IRQL %u", self()->irql);
    if (self()->attached && self()->attached != thread->process)
        bug("attached", "a walk of the user stack while attached to another process");
    for (ULONG i = skip; i < thread->user_frame_count && n < count; i++)
        callers[n++] = (PVOID)thread->user_frames[i];
    return n + (thread->user_frame_count ? skip : 0);
}

EXPORT(USHORT, RtlCaptureStackBackTrace, (ULONG skip, ULONG count, PVOID *frames, PULONG hash))
{
    uintptr_t pcs[64];
    ULONG total = (ULONG)host_backtrace(NULL, pcs, 64), n = 0;

    for (ULONG i = skip; i < total && n < count; i++)
        frames[n++] = (PVOID)pcs[i];
    if (hash)
        *hash = n;
    return (USHORT)n;
}
