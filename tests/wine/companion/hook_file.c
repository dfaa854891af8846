/* SPDX-License-Identifier: MIT */
/* File and pipe operations for the filter manager of the test (fltmgr.c): told before and after the system call. */
#include "hook.h"

#include <string.h>
#include <winternl.h>

#define MAJOR_CREATE 0
#define MAJOR_CREATE_NAMED_PIPE 1
#define MAJOR_WRITE 4
#define MAJOR_SET_INFORMATION 6
#define MAJOR_CLEANUP 18
#define TRACKED 64
#define WRITE_LIMIT 0x1000u

static NTSTATUS(NTAPI *real_create_file)(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, LARGE_INTEGER *, ULONG, ULONG,
                                         ULONG, ULONG, void *, ULONG);
static NTSTATUS(NTAPI *real_open_file)(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG, ULONG);
static NTSTATUS(NTAPI *real_create_pipe)(HANDLE *, ULONG, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG, ULONG, ULONG, ULONG, ULONG,
                                         ULONG, ULONG, ULONG, ULONG, LARGE_INTEGER *);
static NTSTATUS(NTAPI *real_write)(HANDLE, HANDLE, void *, void *, IO_STATUS_BLOCK *, const void *, ULONG, LARGE_INTEGER *, ULONG *);
static NTSTATUS(NTAPI *real_set)(HANDLE, IO_STATUS_BLOCK *, void *, ULONG, ULONG);
static NTSTATUS(NTAPI *real_close)(HANDLE);

/* Handles that were opened through us: only their later operations are told. */
static HANDLE tracked[TRACKED];

static BOOL is_tracked(HANDLE handle, BOOL forget)
{
    for (unsigned i = 0; i < TRACKED; i++)
        if (handle && tracked[i] == handle) {
            if (forget)
                tracked[i] = NULL;
            return TRUE;
        }
    return FALSE;
}

static void track(HANDLE handle)
{
    for (unsigned i = 0; i < TRACKED; i++)
        if (!InterlockedCompareExchangePointer(&tracked[i], handle, NULL))
            return;
}

static BOOL starts_with(const UNICODE_STRING *name, const wchar_t *start)
{
    size_t length = wcslen(start);

    return name->Length / sizeof(wchar_t) >= length && !_wcsnicmp(name->Buffer, start, length);
}

/* Full names of the volume C: and of pipes; everything else (devices, relative names) is not told. */
static BOOL is_interesting(const OBJECT_ATTRIBUTES *attributes)
{
    const UNICODE_STRING *name = attributes->ObjectName;

    return name && !attributes->RootDirectory && name->Length < 1200 &&
           (starts_with(name, L"\\??\\C:\\") || starts_with(name, L"\\??\\pipe\\") || starts_with(name, L"\\Device\\NamedPipe\\"));
}

struct create {
    ULONG major, access, options, disposition;
};

static NTSTATUS tell_create(const struct create *create, const UNICODE_STRING *name)
{
    const void *texts[ACTIVITY_TEXTS] = { name->Buffer, NULL, NULL };
    struct activity activity;

    hook_prepare(&activity, ACTIVITY_FILE);
    activity.code = create->major;
    activity.access = create->access;
    activity.target_pid = create->options;
    activity.disposition = create->disposition;
    activity.text_size[0] = name->Length;
    return hook_send(&activity, texts);
}

static void tell_created(const struct create *create, NTSTATUS status, const IO_STATUS_BLOCK *io, HANDLE handle)
{
    static const void *const none[ACTIVITY_TEXTS];
    struct activity activity;

    hook_prepare(&activity, ACTIVITY_FILE);
    activity.code = create->major;
    activity.type = 1;
    activity.status = (uint32_t)status;
    activity.size = status >= 0 ? io->Information : 0;
    activity.address = status >= 0 ? (uintptr_t)handle : 0;
    if (status >= 0)
        track(handle);
    hook_send(&activity, none);
}

#define WITH_CREATE(create, action)                                              \
    do {                                                                         \
        NTSTATUS status;                                                         \
        if (!is_interesting(attributes) || !hook_enter())                        \
            return action;                                                       \
        status = tell_create(&create, attributes->ObjectName);                   \
        if (status >= 0) {                                                       \
            status = action;                                                     \
            tell_created(&create, status, io, *handle);                          \
        }                                                                        \
        hook_leave();                                                            \
        return status;                                                           \
    } while (0)

static NTSTATUS NTAPI create_file(HANDLE *handle, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes, IO_STATUS_BLOCK *io,
                                  LARGE_INTEGER *allocation, ULONG file_attributes, ULONG share, ULONG disposition, ULONG options,
                                  void *ea, ULONG ea_length)
{
    const struct create create = { MAJOR_CREATE, access, options, disposition };

    WITH_CREATE(create, real_create_file(handle, access, attributes, io, allocation, file_attributes, share, disposition, options, ea,
                                         ea_length));
}

static NTSTATUS NTAPI open_file(HANDLE *handle, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes, IO_STATUS_BLOCK *io, ULONG share,
                                ULONG options)
{
    const struct create create = { MAJOR_CREATE, access, options, 1 /* FILE_OPEN */ };

    WITH_CREATE(create, real_open_file(handle, access, attributes, io, share, options));
}

static NTSTATUS NTAPI create_pipe(HANDLE *handle, ULONG access, OBJECT_ATTRIBUTES *attributes, IO_STATUS_BLOCK *io, ULONG share,
                                  ULONG disposition, ULONG options, ULONG type, ULONG mode, ULONG completion, ULONG instances,
                                  ULONG inbound, ULONG outbound, LARGE_INTEGER *timeout)
{
    const struct create create = { MAJOR_CREATE_NAMED_PIPE, access, options, disposition };

    WITH_CREATE(create, real_create_pipe(handle, access, attributes, io, share, disposition, options, type, mode, completion, instances,
                                         inbound, outbound, timeout));
}

/* One phase of an operation on an open file. */
static NTSTATUS tell_open(ULONG major, ULONG phase, HANDLE handle, ULONG class, ULONGLONG offset, const void *data, ULONG size,
                          NTSTATUS result)
{
    const void *texts[ACTIVITY_TEXTS] = { NULL, NULL, data };
    struct activity activity;

    hook_prepare(&activity, ACTIVITY_FILE);
    activity.code = major;
    activity.type = phase;
    activity.address = (uintptr_t)handle;
    activity.target_tid = class;
    activity.size = offset;
    activity.status = (uint32_t)result;
    activity.text_size[2] = size;
    return hook_send(&activity, texts);
}

static NTSTATUS NTAPI write_file(HANDLE handle, HANDLE event, void *apc, void *context, IO_STATUS_BLOCK *io, const void *data, ULONG size,
                                 LARGE_INTEGER *offset, ULONG *key)
{
    NTSTATUS status;

    if (!is_tracked(handle, FALSE) || !hook_enter())
        return real_write(handle, event, apc, context, io, data, size, offset, key);
    status = tell_open(MAJOR_WRITE, 0, handle, 0, offset ? (ULONGLONG)offset->QuadPart : 0, data, size < WRITE_LIMIT ? size : WRITE_LIMIT, 0);
    if (status >= 0)
        status = real_write(handle, event, apc, context, io, data, size, offset, key);
    hook_leave();
    return status;
}

static NTSTATUS NTAPI set_file(HANDLE handle, IO_STATUS_BLOCK *io, void *data, ULONG size, ULONG class)
{
    NTSTATUS status;

    if (!is_tracked(handle, FALSE) || size > 0x2000 || !hook_enter())
        return real_set(handle, io, data, size, class);
    status = tell_open(MAJOR_SET_INFORMATION, 0, handle, class, 0, data, size, 0);
    if (status >= 0) {
        status = real_set(handle, io, data, size, class);
        tell_open(MAJOR_SET_INFORMATION, 1, handle, class, 0, NULL, 0, status);
    }
    hook_leave();
    return status;
}

static NTSTATUS NTAPI close_handle(HANDLE handle)
{
    NTSTATUS status;

    if (!is_tracked(handle, FALSE) || !hook_enter())
        return real_close(handle);
    is_tracked(handle, TRUE);
    tell_open(MAJOR_CLEANUP, 0, handle, 0, 0, NULL, 0, 0);
    status = real_close(handle);
    tell_open(MAJOR_CLEANUP, 1, handle, 0, 0, NULL, 0, status);
    hook_leave();
    return status;
}

void file_hooks_start(void)
{
    static const struct {
        const char *name;
        void *by, **real;
    } hooks[] = {
        { "NtCreateFile", create_file, (void **)&real_create_file },
        { "NtOpenFile", open_file, (void **)&real_open_file },
        { "NtCreateNamedPipeFile", create_pipe, (void **)&real_create_pipe },
        { "NtWriteFile", write_file, (void **)&real_write },
        { "NtSetInformationFile", set_file, (void **)&real_set },
        { "NtClose", close_handle, (void **)&real_close },
    };

    for (unsigned i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
        *hooks[i].real = hook_replace(hooks[i].name, hooks[i].by);
}
