/* SPDX-License-Identifier: MIT */
/*
 * The hook, for Wine only: loaded into a program before it starts, it puts itself in front of the system calls the kernel would report, and
 * tells the test's drivers (activity.h) what happens. Children are started with the hook too. Wine's call stubs are
 * 32 bytes of position-independent code, so a copy of the stub is the original.
 */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <winternl.h>

#include "activity.h"
#include "hook.h"

#include <string.h>

#define STUB 32

struct hooked {
    const char *name;
    void *by;
    void **real;
};

static HANDLE activity_device = INVALID_HANDLE_VALUE;
static DWORD busy_slot = TLS_OUT_OF_INDEXES;
static wchar_t own_path[MAX_PATH];
static UCHAR *trampolines;

/* ---- telling ---- */

BOOL hook_enter(void)
{
    if (activity_device == INVALID_HANDLE_VALUE || TlsGetValue(busy_slot))
        return FALSE;
    TlsSetValue(busy_slot, (void *)1);
    return TRUE;
}

void hook_leave(void)
{
    DWORD error = GetLastError();

    TlsSetValue(busy_slot, NULL);
    SetLastError(error);
}

void hook_prepare(struct activity *out, uint32_t kind)
{
    void *frames[ACTIVITY_FRAMES];

    memset(out, 0, sizeof(*out));
    out->kind = kind;
    out->pid = GetCurrentProcessId();
    out->tid = GetCurrentThreadId();
    out->frame_count = RtlCaptureStackBackTrace(2, ACTIVITY_FRAMES, frames, NULL);
    for (uint32_t i = 0; i < out->frame_count; i++)
        out->frame[i] = (uintptr_t)frames[i];
}

static NTSTATUS send_to(HANDLE device, struct activity *activity, const void *const texts[ACTIVITY_TEXTS])
{
    uint32_t size = sizeof(*activity), status = 0;
    DWORD got;
    UCHAR *message;

    for (unsigned i = 0; i < ACTIVITY_TEXTS; i++)
        size += activity->text_size[i];
    message = HeapAlloc(GetProcessHeap(), 0, size);
    if (!message)
        return 0;
    memcpy(message, activity, sizeof(*activity));
    for (unsigned i = 0, at = sizeof(*activity); i < ACTIVITY_TEXTS; at += activity->text_size[i++])
        if (activity->text_size[i])
            memcpy(message + at, texts[i], activity->text_size[i]);
    DeviceIoControl(device, ACTIVITY_IOCTL, message, size, &status, sizeof(status), &got, NULL);
    HeapFree(GetProcessHeap(), 0, message);
    return (NTSTATUS)status;
}

NTSTATUS hook_send(struct activity *activity, const void *const texts[ACTIVITY_TEXTS])
{
    return send_to(activity_device, activity, texts);
}

static void send_plain(struct activity *activity)
{
    static const void *const none[ACTIVITY_TEXTS];

    hook_send(activity, none);
}

/* ---- the originals ---- */

static NTSTATUS(NTAPI *real_create_process)(HANDLE *, HANDLE *, ACCESS_MASK, ACCESS_MASK, OBJECT_ATTRIBUTES *, OBJECT_ATTRIBUTES *,
                                            ULONG, ULONG, RTL_USER_PROCESS_PARAMETERS *, void *, void *);
static NTSTATUS(NTAPI *real_terminate)(HANDLE, LONG);
static NTSTATUS(NTAPI *real_create_thread)(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, HANDLE, void *, void *, ULONG, SIZE_T, SIZE_T,
                                           SIZE_T, void *);
static NTSTATUS(NTAPI *real_open_process)(HANDLE *, ACCESS_MASK, const OBJECT_ATTRIBUTES *, const CLIENT_ID *);
static NTSTATUS(NTAPI *real_create_key)(HANDLE *, ACCESS_MASK, const OBJECT_ATTRIBUTES *, ULONG, const UNICODE_STRING *, ULONG, ULONG *);
static NTSTATUS(NTAPI *real_set_value)(HANDLE, const UNICODE_STRING *, ULONG, ULONG, const void *, ULONG);
static NTSTATUS(NTAPI *real_delete_key)(HANDLE);
static NTSTATUS(NTAPI *real_delete_value)(HANDLE, const UNICODE_STRING *);
static NTSTATUS(NTAPI *real_rename_key)(HANDLE, UNICODE_STRING *);

static ULONG(NTAPI *resume_thread)(HANDLE, ULONG *);
static NTSTATUS(NTAPI *query_key)(HANDLE, ULONG, void *, ULONG, ULONG *);
static NTSTATUS(NTAPI *query_process)(HANDLE, ULONG, void *, ULONG, ULONG *);
static NTSTATUS(NTAPI *query_thread)(HANDLE, ULONG, void *, ULONG, ULONG *);

static ULONG pid_of(HANDLE process)
{
    PROCESS_BASIC_INFORMATION basic;

    return query_process(process, 0, &basic, sizeof(basic), NULL) ? 0 : (ULONG)basic.UniqueProcessId;
}

static ULONG tid_of(HANDLE thread)
{
    struct {
        NTSTATUS status;
        void *teb;
        CLIENT_ID id;
        ULONG_PTR affinity;
        LONG priority, base;
    } basic;

    return query_thread(thread, 0, &basic, sizeof(basic), NULL) ? 0 : (ULONG)(ULONG_PTR)basic.id.UniqueThread;
}

/* ---- processes and threads ---- */

static void inject(HANDLE process)
{
    SIZE_T size = (wcslen(own_path) + 1) * sizeof(wchar_t);
    void *remote = VirtualAllocEx(process, NULL, size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    HANDLE thread;

    if (!remote || !WriteProcessMemory(process, remote, own_path, size, NULL))
        return;
    thread = CreateRemoteThread(process, NULL, 0, (LPTHREAD_START_ROUTINE)(void *)LoadLibraryW, remote, 0, NULL);
    if (!thread)
        return;
    WaitForSingleObject(thread, 10000);
    CloseHandle(thread);
}

static void tell_thread(ULONG pid, ULONG tid)
{
    struct activity activity;

    hook_prepare(&activity, ACTIVITY_THREAD_CREATE);
    activity.target_pid = pid;
    activity.target_tid = tid;
    send_plain(&activity);
}

static void tell_process(ULONG pid, const RTL_USER_PROCESS_PARAMETERS *parameters)
{
    /* CurrentDirectory.DosPath, which winternl.h does not name */
    const UNICODE_STRING *directory = (const UNICODE_STRING *)((const UCHAR *)parameters + 0x38);
    const void *texts[ACTIVITY_TEXTS] = { parameters->ImagePathName.Buffer, parameters->CommandLine.Buffer, directory->Buffer };
    wchar_t nt[1024] = L"\\??\\";
    struct activity activity;

    hook_prepare(&activity, ACTIVITY_PROCESS_CREATE);
    activity.target_pid = pid;
    activity.text_size[0] = parameters->ImagePathName.Length;
    if (activity.text_size[0] + 10 < sizeof(nt)) {
        memcpy(nt + 4, parameters->ImagePathName.Buffer, parameters->ImagePathName.Length);
        activity.text_size[0] += 8;
        texts[0] = nt;
    }
    activity.text_size[1] = parameters->CommandLine.Length;
    activity.text_size[2] = directory->Length;
    hook_send(&activity, texts);
}

static NTSTATUS NTAPI create_process(HANDLE *process, HANDLE *thread, ACCESS_MASK process_access, ACCESS_MASK thread_access,
                                     OBJECT_ATTRIBUTES *process_attributes, OBJECT_ATTRIBUTES *thread_attributes, ULONG process_flags,
                                     ULONG thread_flags, RTL_USER_PROCESS_PARAMETERS *parameters, void *info, void *attributes)
{
    BOOL tell = hook_enter();
    NTSTATUS status = real_create_process(process, thread, process_access, thread_access, process_attributes, thread_attributes,
                                          process_flags, tell ? thread_flags | 1 : thread_flags, parameters, info, attributes);

    if (!tell)
        return status;
    if (!status) {
        ULONG pid = pid_of(*process);

        tell_process(pid, parameters);
        tell_thread(pid, tid_of(*thread));
        inject(*process);
        if (!(thread_flags & 1))
            resume_thread(*thread, NULL);
    }
    hook_leave();
    return status;
}

static void tell_exit(ULONG pid)
{
    struct activity activity;

    hook_prepare(&activity, ACTIVITY_PROCESS_EXIT);
    activity.target_pid = pid;
    send_plain(&activity);
}

static NTSTATUS NTAPI terminate(HANDLE process, LONG code)
{
    /* a process ends itself in two steps: handle 0 for the other threads, then -1 */
    ULONG pid = process ? pid_of(process) : 0;
    NTSTATUS status;

    if (!pid || !hook_enter())
        return real_terminate(process, code);
    if (pid == GetCurrentProcessId())
        tell_exit(pid);
    status = real_terminate(process, code);
    if (!status && pid != GetCurrentProcessId())
        tell_exit(pid);
    hook_leave();
    return status;
}

static NTSTATUS NTAPI create_thread(HANDLE *thread, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes, HANDLE process, void *start,
                                    void *argument, ULONG flags, SIZE_T zero_bits, SIZE_T commit, SIZE_T reserve, void *list)
{
    BOOL tell = hook_enter();
    NTSTATUS status = real_create_thread(thread, access, attributes, process, start, argument, tell ? flags | 1 : flags, zero_bits,
                                         commit, reserve, list);

    if (!tell)
        return status;
    if (!status) {
        tell_thread(pid_of(process), tid_of(*thread));
        if (!(flags & 1))
            resume_thread(*thread, NULL);
    }
    hook_leave();
    return status;
}

static NTSTATUS NTAPI open_process(HANDLE *process, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, const CLIENT_ID *id)
{
    NTSTATUS status = real_open_process(process, access, attributes, id);
    struct activity activity;

    if (!status && hook_enter()) {
        hook_prepare(&activity, ACTIVITY_PROCESS_OPEN);
        activity.target_pid = pid_of(*process);
        activity.access = access;
        send_plain(&activity);
        hook_leave();
    }
    return status;
}

/* ---- registry ---- */

struct key_path {
    ULONG bytes;
    wchar_t text[1024];
};

/* Full path of a key, and below it the name of an object to be. */
static BOOL path_of(HANDLE key, const UNICODE_STRING *below, struct key_path *out)
{
    struct {
        ULONG bytes;
        wchar_t text[1024];
    } name = { 0 };
    ULONG need;

    out->bytes = 0;
    if (key) {
        if (query_key(key, 3 /* KeyNameInformation */, &name, sizeof(name), &need))
            return FALSE;
        memcpy(out->text, name.text, name.bytes);
        out->bytes = name.bytes;
    }
    if (!below || !below->Length)
        return TRUE;
    if (out->bytes + below->Length + 4 > sizeof(out->text))
        return FALSE;
    if (key)
        out->text[out->bytes / 2] = L'\\', out->bytes += 2;
    memcpy(out->text + out->bytes / 2, below->Buffer, below->Length);
    out->bytes += below->Length;
    return TRUE;
}

struct registry_call {
    ULONG pre, post, type;
    const UNICODE_STRING *second;
    const void *data;
    ULONG data_size;
};

static BOOL tell_pre(const struct registry_call *call, HANDLE key, const UNICODE_STRING *below, NTSTATUS *status)
{
    struct key_path path;
    const void *texts[ACTIVITY_TEXTS] = { path.text, call->second ? call->second->Buffer : NULL, call->data };
    struct activity activity;

    if (!path_of(key, below, &path))
        return FALSE;
    hook_prepare(&activity, ACTIVITY_REGISTRY_PRE);
    activity.code = call->pre;
    activity.type = call->type;
    activity.text_size[0] = path.bytes;
    activity.text_size[1] = call->second ? call->second->Length : 0;
    activity.text_size[2] = call->data_size < 0xF000 ? call->data_size : 0xF000;
    *status = hook_send(&activity, texts);
    return TRUE;
}

static void tell_post(const struct registry_call *call, NTSTATUS status, ULONG disposition)
{
    struct activity activity;

    hook_prepare(&activity, ACTIVITY_REGISTRY_POST);
    activity.code = call->post;
    activity.status = (uint32_t)status;
    activity.disposition = disposition;
    send_plain(&activity);
}

static NTSTATUS NTAPI create_key(HANDLE *key, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG title,
                                 const UNICODE_STRING *class, ULONG options, ULONG *disposition)
{
    const struct registry_call call = { 26, 27, 0, NULL, NULL, 0 };
    ULONG own = 0, *where = disposition ? disposition : &own;
    NTSTATUS status = 0;
    BOOL told;

    if (!hook_enter())
        return real_create_key(key, access, attributes, title, class, options, disposition);
    told = tell_pre(&call, attributes->RootDirectory, attributes->ObjectName, &status);
    status = real_create_key(key, access, attributes, title, class, options, where);
    if (told)
        tell_post(&call, status, *where);
    hook_leave();
    return status;
}

#define WITH_REGISTRY(call, key, action)                       \
    do {                                                       \
        NTSTATUS status = 0;                                   \
        BOOL told;                                             \
        if (!hook_enter())                                     \
            return action;                                     \
        told = tell_pre(&call, key, NULL, &status);            \
        if (status >= 0)                                       \
            status = action;                                   \
        if (told)                                              \
            tell_post(&call, status, 0);                       \
        hook_leave();                                          \
        return status;                                         \
    } while (0)

static NTSTATUS NTAPI set_value(HANDLE key, const UNICODE_STRING *name, ULONG title, ULONG type, const void *data, ULONG size)
{
    const struct registry_call call = { 1, 16, type, name, data, size };

    WITH_REGISTRY(call, key, real_set_value(key, name, title, type, data, size));
}

static NTSTATUS NTAPI delete_key(HANDLE key)
{
    const struct registry_call call = { 0, 15, 0, NULL, NULL, 0 };

    WITH_REGISTRY(call, key, real_delete_key(key));
}

static NTSTATUS NTAPI delete_value(HANDLE key, const UNICODE_STRING *name)
{
    const struct registry_call call = { 2, 17, 0, name, NULL, 0 };

    WITH_REGISTRY(call, key, real_delete_value(key, name));
}

static NTSTATUS NTAPI rename_key(HANDLE key, UNICODE_STRING *name)
{
    const struct registry_call call = { 4, 19, 0, name, NULL, 0 };

    WITH_REGISTRY(call, key, real_rename_key(key, name));
}

/* ---- images ---- */

struct module {
    ULONG flags;
    const UNICODE_STRING *full, *base;
    void *address;
    ULONG size;
};

static void tell_image(const UNICODE_STRING *path, const void *address, ULONG size)
{
    wchar_t nt[1024] = L"\\??\\";
    const void *texts[ACTIVITY_TEXTS] = { nt, NULL, NULL };
    struct activity activity;

    if (path->Length + 10u > sizeof(nt))
        return;
    memcpy(nt + 4, path->Buffer, path->Length);
    hook_prepare(&activity, ACTIVITY_IMAGE_LOAD);
    activity.address = (uintptr_t)address;
    activity.size = size;
    activity.text_size[0] = path->Length + 8u;
    hook_send(&activity, texts);
}

static void CALLBACK module_notified(ULONG reason, const struct module *module, void *context)
{
    if (reason == 1 /* loaded */ && hook_enter()) {
        tell_image(module->full, module->address, module->size);
        hook_leave();
    }
}

/* The program and what it has brought along before us. */
static void tell_present_images(void)
{
    const LIST_ENTRY *head = &NtCurrentTeb()->ProcessEnvironmentBlock->Ldr->InMemoryOrderModuleList;

    for (const LIST_ENTRY *at = head->Flink; at != head; at = at->Flink) {
        const LDR_DATA_TABLE_ENTRY *entry = CONTAINING_RECORD(at, LDR_DATA_TABLE_ENTRY, InMemoryOrderLinks);
        const UCHAR *base = entry->DllBase;
        const IMAGE_NT_HEADERS *header = (const IMAGE_NT_HEADERS *)(base + ((const IMAGE_DOS_HEADER *)base)->e_lfanew);

        if (entry->FullDllName.Length && _wcsnicmp(entry->FullDllName.Buffer, own_path, wcslen(own_path)))
            tell_image(&entry->FullDllName, base, header->OptionalHeader.SizeOfImage);
    }
}

/* ---- putting it in place ---- */

void *hook_replace(const char *name, void *by)
{
    UCHAR *stub = (UCHAR *)(void *)GetProcAddress(GetModuleHandleW(L"ntdll.dll"), name), *copy = trampolines;
    static const UCHAR start[4] = { 0x4C, 0x8B, 0xD1, 0xB8 }; /* mov r10, rcx; mov eax, number */
    DWORD old;

    if (!stub || memcmp(stub, start, sizeof(start)) || !VirtualProtect(stub, STUB, PAGE_EXECUTE_READWRITE, &old))
        return NULL;
    memcpy(copy, stub, STUB);
    trampolines += STUB;
    stub[0] = 0x48; /* mov rax, by; jmp rax */
    stub[1] = 0xB8;
    memcpy(stub + 2, &by, 8);
    stub[10] = 0xFF;
    stub[11] = 0xE0;
    VirtualProtect(stub, STUB, old, &old);
    return copy;
}

static const struct hooked hooks[] = {
    { "NtCreateUserProcess", create_process, (void **)&real_create_process },
    { "NtTerminateProcess", terminate, (void **)&real_terminate },
    { "NtCreateThreadEx", create_thread, (void **)&real_create_thread },
    { "NtOpenProcess", open_process, (void **)&real_open_process },
    { "NtCreateKey", create_key, (void **)&real_create_key },
    { "NtSetValueKey", set_value, (void **)&real_set_value },
    { "NtDeleteKey", delete_key, (void **)&real_delete_key },
    { "NtDeleteValueKey", delete_value, (void **)&real_delete_value },
    { "NtRenameKey", rename_key, (void **)&real_rename_key },
};

static void *find(const char *name)
{
    return (void *)GetProcAddress(GetModuleHandleW(L"ntdll.dll"), name);
}

static void start(HMODULE module)
{
    LONG(NTAPI *notify)(ULONG, void *, void *, void **) = find("LdrRegisterDllNotification");
    void *cookie;

    resume_thread = find("NtResumeThread");
    query_key = find("NtQueryKey");
    query_process = find("NtQueryInformationProcess");
    query_thread = find("NtQueryInformationThread");
    GetModuleFileNameW(module, own_path, MAX_PATH);
    busy_slot = TlsAlloc();
    trampolines = VirtualAlloc(NULL, 4096, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);
    activity_device = CreateFileW(L"\\\\.\\" ACTIVITY_NAME, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (!trampolines || activity_device == INVALID_HANDLE_VALUE)
        return;
    for (unsigned i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
        *hooks[i].real = hook_replace(hooks[i].name, hooks[i].by);
    file_hooks_start();
    if (hook_enter()) {
        tell_present_images();
        hook_leave();
    }
    if (notify)
        notify(0, (void *)module_notified, NULL, &cookie);
}

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved);

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved)
{
    if (reason == DLL_PROCESS_ATTACH)
        start(module);
    return TRUE;
}
