/* SPDX-License-Identifier: MIT */
/*
 * A filter manager for one filter, for Wine only: the driver finds these routines in the companion's export table, which the list of
 * loaded modules shows as `fltmgr.sys`. Two volumes exist: C: and the named pipes. Operations come from the hook (hook_file.c); the
 * filter's callbacks run for them as on Windows, pre-operation before the system call, post-operation after it.
 */
#include "companion.h"
#include "../../../src/windows/driver/flt.h"

#define FILES 64
#define STREAMS 64
#define FILE_DELETED ((NTSTATUS)0xC0000123)

struct context {
    LONG references;
    USHORT type;
    VOID(NTAPI *cleanup)(PFLT_CONTEXT, USHORT);
    UCHAR DECLSPEC_ALIGN(16) data[1];
};

struct flt_volume {
    UNICODE_STRING name;
    ULONG device_type, file_system;
};

struct flt_instance {
    struct flt_volume *volume;
    PFLT_CONTEXT context;
};

struct stream {
    BOOLEAN used;
    ULONG opens;
    PFLT_CONTEXT context;
    USHORT length;
    WCHAR name[600];
};

/* An open file of a program, or of the filter itself. */
struct file {
    BOOLEAN used, ours;
    ULONG pid, tid;
    ULONGLONG handle; /* in the program; 0: not yet */
    HANDLE own;
    struct flt_instance *instance;
    struct stream *stream;
    UNICODE_STRING name;
    WCHAR text[600];
    FILE_OBJECT object;
    FLT_CALLBACK_DATA data;
    FLT_IO_PARAMETER_BLOCK block;
    IO_SECURITY_CONTEXT security;
    PVOID pre_context; /* what the pre-operation gave */
    const FLT_OPERATION_REGISTRATION *operation;
};

static struct flt_volume volumes[2];
static struct flt_instance instances[2];
static FLT_REGISTRATION registration;
static const FLT_OPERATION_REGISTRATION *operations;
static BOOLEAN filtering;
static struct file files[FILES];
static struct stream streams[STREAMS];
static KSPIN_LOCK lock;

/* ---- contexts ---- */

static struct context *context_of(PFLT_CONTEXT data)
{
    return CONTAINING_RECORD(data, struct context, data);
}

NTSTATUS NTAPI FltAllocateContext(PFLT_FILTER filter, USHORT type, SIZE_T size, POOL_TYPE pool, PFLT_CONTEXT *out)
{
    struct context *context = ExAllocatePoolWithTag(NonPagedPool, sizeof(*context) + size, 'tlfT');

    (void)filter;
    (void)pool;
    if (!context)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(context, sizeof(*context) + size);
    context->references = 1;
    context->type = type;
    for (const FLT_CONTEXT_REGISTRATION *c = registration.ContextRegistration; c && c->ContextType != FLT_CONTEXT_END; c++)
        if (c->ContextType == type)
            context->cleanup = c->ContextCleanupCallback;
    *out = context->data;
    return STATUS_SUCCESS;
}

VOID NTAPI FltReleaseContext(PFLT_CONTEXT data)
{
    struct context *context = context_of(data);

    if (InterlockedDecrement(&context->references))
        return;
    if (context->cleanup)
        context->cleanup(data, context->type);
    ExFreePoolWithTag(context, 'tlfT');
}

static NTSTATUS context_get(PFLT_CONTEXT stored, PFLT_CONTEXT *out)
{
    if (!stored)
        return STATUS_NOT_FOUND;
    InterlockedIncrement(&context_of(stored)->references);
    *out = stored;
    return STATUS_SUCCESS;
}

static NTSTATUS context_set(PFLT_CONTEXT *stored, PFLT_CONTEXT context, PFLT_CONTEXT *old)
{
    if (old)
        *old = NULL;
    if (InterlockedCompareExchangePointer(stored, context, NULL)) {
        if (old)
            context_get(*stored, old);
        return STATUS_FLT_CONTEXT_ALREADY_DEFINED;
    }
    InterlockedIncrement(&context_of(context)->references);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI FltSetInstanceContext(PFLT_INSTANCE instance, ULONG operation, PFLT_CONTEXT context, PFLT_CONTEXT *old)
{
    (void)operation;
    return context_set(&instance->context, context, old);
}

NTSTATUS NTAPI FltGetInstanceContext(PFLT_INSTANCE instance, PFLT_CONTEXT *out)
{
    return context_get(instance->context, out);
}

static struct file *file_of(PFILE_OBJECT object)
{
    return CONTAINING_RECORD(object, struct file, object);
}

NTSTATUS NTAPI FltSetStreamContext(PFLT_INSTANCE instance, PFILE_OBJECT object, ULONG operation, PFLT_CONTEXT context, PFLT_CONTEXT *old)
{
    struct stream *stream = file_of(object)->stream;

    (void)instance;
    (void)operation;
    return stream ? context_set(&stream->context, context, old) : STATUS_NOT_SUPPORTED;
}

NTSTATUS NTAPI FltGetStreamContext(PFLT_INSTANCE instance, PFILE_OBJECT object, PFLT_CONTEXT *out)
{
    struct stream *stream = file_of(object)->stream;

    (void)instance;
    return context_get(stream ? stream->context : NULL, out);
}

/* ---- names ---- */

NTSTATUS NTAPI FltGetFileNameInformation(PFLT_CALLBACK_DATA data, ULONG format, PFLT_FILE_NAME_INFORMATION *out)
{
    struct file *file = CONTAINING_RECORD(data, struct file, data);
    PFLT_FILE_NAME_INFORMATION info = ExAllocatePoolWithTag(NonPagedPool, sizeof(*info) + file->name.Length, 'tlfT');

    if (!info)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(info, sizeof(*info));
    info->Size = sizeof(*info);
    info->Format = format;
    info->Name.Buffer = (PWSTR)(info + 1);
    info->Name.Length = info->Name.MaximumLength = file->name.Length;
    RtlCopyMemory(info->Name.Buffer, file->name.Buffer, file->name.Length);
    *out = info;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI FltGetDestinationFileNameInformation(PFLT_INSTANCE instance, PFILE_OBJECT object, HANDLE root, PWSTR name, ULONG length,
                                                    ULONG options, PFLT_FILE_NAME_INFORMATION *out)
{
    struct file *file = file_of(object);
    UNICODE_STRING saved = file->name;
    NTSTATUS status;

    (void)instance;
    (void)root;
    file->name.Buffer = name;
    file->name.Length = (USHORT)length;
    status = FltGetFileNameInformation(&file->data, options, out);
    file->name = saved;
    return status;
}

VOID NTAPI FltReleaseFileNameInformation(PFLT_FILE_NAME_INFORMATION info)
{
    ExFreePoolWithTag(info, 'tlfT');
}

NTSTATUS NTAPI FltGetVolumeName(PFLT_VOLUME volume, PUNICODE_STRING name, PULONG needed)
{
    if (needed)
        *needed = volume->name.Length;
    if (!name || name->MaximumLength < volume->name.Length)
        return STATUS_BUFFER_TOO_SMALL;
    RtlCopyMemory(name->Buffer, volume->name.Buffer, volume->name.Length);
    name->Length = volume->name.Length;
    return STATUS_SUCCESS;
}

PEPROCESS NTAPI FltGetRequestorProcess(PFLT_CALLBACK_DATA data)
{
    (void)data;
    return actor_process();
}

/* ---- files of the filter ---- */

static struct file *file_new(void)
{
    struct file *found = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&lock, &irql);
    for (unsigned i = 0; i < FILES && !found; i++)
        if (!files[i].used) {
            found = &files[i];
            RtlZeroMemory(found, sizeof(*found));
            found->used = TRUE;
        }
    KeReleaseSpinLock(&lock, irql);
    return found;
}

BOOLEAN file_object_release(PVOID object)
{
    struct file *file = file_of(object);

    if (file < files || file >= files + FILES)
        return FALSE;
    if (file->ours)
        file->used = FALSE;
    return TRUE;
}

NTSTATUS NTAPI FltCreateFileEx(PFLT_FILTER filter, PFLT_INSTANCE instance, PHANDLE handle, PFILE_OBJECT *object, ACCESS_MASK access,
                               POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK result, PLARGE_INTEGER allocation, ULONG file_attributes,
                               ULONG share, ULONG disposition, ULONG options, PVOID ea, ULONG ea_length, ULONG flags)
{
    struct file *file = file_new();
    NTSTATUS status;

    (void)filter;
    (void)flags;
    if (!file)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = ZwCreateFile(handle, access, attributes, result, allocation, file_attributes, share, disposition, options, ea, ea_length);
    if (status) {
        file->used = FALSE;
        return status;
    }
    file->ours = TRUE;
    file->own = *handle;
    file->instance = instance;
    *object = &file->object;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI FltClose(HANDLE handle)
{
    return ZwClose(handle);
}

/* The program's file once more, by its name; a file that is marked for deletion can still be read that way under Wine. */
static NTSTATUS own_handle(struct file *file, ACCESS_MASK access, HANDLE *out)
{
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK result;

    if (file->ours) {
        *out = file->own;
        return STATUS_SUCCESS;
    }
    InitializeObjectAttributes(&attributes, &file->name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    return ZwOpenFile(out, access | SYNCHRONIZE, &attributes, &result, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                      FILE_SYNCHRONOUS_IO_NONALERT);
}

static void own_close(const struct file *file, HANDLE handle)
{
    if (!file->ours)
        ZwClose(handle);
}

NTSTATUS NTAPI FltReadFile(PFLT_INSTANCE instance, PFILE_OBJECT object, PLARGE_INTEGER offset, ULONG length, PVOID buffer, ULONG flags,
                           PULONG read, PVOID callback, PVOID context)
{
    struct file *file = file_of(object);
    IO_STATUS_BLOCK result = { .Information = 0 };
    HANDLE handle;
    NTSTATUS status = own_handle(file, FILE_READ_DATA, &handle);

    (void)instance;
    (void)flags;
    (void)callback;
    (void)context;
    if (status)
        return status;
    status = ZwReadFile(handle, NULL, NULL, NULL, &result, buffer, length, offset, NULL);
    own_close(file, handle);
    *read = (ULONG)result.Information;
    return status;
}

NTSTATUS NTAPI FltQueryInformationFile(PFLT_INSTANCE instance, PFILE_OBJECT object, PVOID out, ULONG length, ULONG class, PULONG needed)
{
    struct file *file = file_of(object);
    IO_STATUS_BLOCK result;
    HANDLE handle;
    NTSTATUS status = own_handle(file, FILE_READ_ATTRIBUTES, &handle);

    (void)instance;
    (void)needed;
    if (status == STATUS_OBJECT_NAME_NOT_FOUND)
        return FILE_DELETED;
    if (status)
        return status;
    status = ZwQueryInformationFile(handle, &result, out, length, class);
    own_close(file, handle);
    return status;
}

NTSTATUS NTAPI FltSetInformationFile(PFLT_INSTANCE instance, PFILE_OBJECT object, PVOID in, ULONG length, ULONG class)
{
    struct file *file = file_of(object);
    IO_STATUS_BLOCK result;
    HANDLE handle;
    NTSTATUS status = own_handle(file, DELETE, &handle);

    (void)instance;
    if (status)
        return status;
    status = ZwSetInformationFile(handle, &result, in, length, class);
    own_close(file, handle);
    return status;
}

NTSTATUS NTAPI FltIsDirectory(PFILE_OBJECT object, PFLT_INSTANCE instance, PBOOLEAN out)
{
    FILE_STANDARD_INFORMATION standard;
    NTSTATUS status = FltQueryInformationFile(instance, object, &standard, sizeof(standard), FileStandardInformation, NULL);

    *out = NT_SUCCESS(status) && standard.Directory;
    return status;
}

/* ---- registration ---- */

NTSTATUS NTAPI FltRegisterFilter(PDRIVER_OBJECT driver, const FLT_REGISTRATION *in, PFLT_FILTER *out)
{
    (void)driver;
    RtlCopyMemory(&registration, in, in->Size < sizeof(registration) ? in->Size : sizeof(registration));
    operations = in->OperationRegistration;
    *out = (PFLT_FILTER)&registration;
    return STATUS_SUCCESS;
}

static FLT_RELATED_OBJECTS related(struct flt_instance *instance, PFILE_OBJECT object)
{
    FLT_RELATED_OBJECTS objects = { sizeof(objects), 0, (PFLT_FILTER)&registration, instance->volume, instance, object, NULL };

    return objects;
}

NTSTATUS NTAPI FltStartFiltering(PFLT_FILTER filter)
{
    (void)filter;
    for (unsigned i = 0; i < 2; i++) {
        FLT_RELATED_OBJECTS objects;

        instances[i].volume = &volumes[i];
        instances[i].context = NULL;
        objects = related(&instances[i], NULL);
        registration.InstanceSetupCallback(&objects, 0, volumes[i].device_type, volumes[i].file_system);
    }
    filtering = TRUE;
    return STATUS_SUCCESS;
}

static void drop(PFLT_CONTEXT *context)
{
    PFLT_CONTEXT old = InterlockedExchangePointer(context, NULL);

    if (old)
        FltReleaseContext(old);
}

VOID NTAPI FltUnregisterFilter(PFLT_FILTER filter)
{
    (void)filter;
    filtering = FALSE;
    for (unsigned i = 0; i < STREAMS; i++)
        drop(&streams[i].context);
    for (unsigned i = 0; i < 2; i++)
        drop(&instances[i].context);
}

void fltmgr_start(void)
{
    KeInitializeSpinLock(&lock);
    RtlInitUnicodeString(&volumes[0].name, L"\\??\\C:");
    volumes[0].device_type = FILE_DEVICE_DISK_FILE_SYSTEM;
    volumes[0].file_system = FLT_FSTYPE_NTFS;
    RtlInitUnicodeString(&volumes[1].name, L"\\Device\\NamedPipe");
    volumes[1].device_type = FILE_DEVICE_NAMED_PIPE;
}

extern const UCHAR __ImageBase[];

/* One more module at the end of the list: its layout is that of the driver's own declaration. */
NTSTATUS fltmgr_modules(PVOID out, ULONG size, PULONG needed, NTSTATUS status)
{
    const UCHAR *base = __ImageBase;
    const ULONG image_size = *(const ULONG *)(base + *(const ULONG *)(base + 0x3C) + 80);
    static const CHAR path[] = "\\SystemRoot\\system32\\drivers\\fltmgr.sys";
    struct nt_modules *modules = out;
    struct nt_module *module;

    if (needed)
        *needed += sizeof(*module);
    if (!NT_SUCCESS(status))
        return status;
    if (size < FIELD_OFFSET(struct nt_modules, module) + (modules->count + 1) * sizeof(*module))
        return STATUS_INFO_LENGTH_MISMATCH;
    module = &modules->module[modules->count++];
    RtlZeroMemory(module, sizeof(*module));
    module->base = (PVOID)base;
    module->size = image_size;
    module->file_name_offset = sizeof("\\SystemRoot\\system32\\drivers\\") - 1;
    RtlCopyMemory(module->path, path, sizeof(path));
    return STATUS_SUCCESS;
}

/* ---- operations ---- */

static struct file *find(const struct activity *activity, BOOLEAN creating)
{
    for (unsigned i = 0; i < FILES; i++) {
        struct file *file = &files[i];

        if (!file->used || file->ours || file->pid != activity->pid)
            continue;
        if (creating ? !file->handle && file->tid == activity->tid : file->handle && file->handle == activity->address)
            return file;
    }
    return NULL;
}

static BOOLEAN is_pipe(PCUNICODE_STRING name)
{
    static const UNICODE_STRING link = { 18, 18, (PWSTR)L"\\??\\pipe\\" }, device = { 36, 36, (PWSTR)L"\\Device\\NamedPipe\\" };

    return RtlPrefixUnicodeString(&link, name, TRUE) || RtlPrefixUnicodeString(&device, name, TRUE);
}

static struct stream *stream_of(PCUNICODE_STRING name)
{
    struct stream *spare = NULL;

    for (unsigned i = 0; i < STREAMS; i++) {
        UNICODE_STRING have = { streams[i].length, streams[i].length, streams[i].name };

        if (streams[i].used && RtlEqualUnicodeString(&have, name, TRUE)) {
            streams[i].opens++;
            return &streams[i];
        }
        if (!streams[i].used && !spare)
            spare = &streams[i];
    }
    if (!spare)
        return NULL;
    RtlZeroMemory(spare, sizeof(*spare));
    spare->used = TRUE;
    spare->opens = 1;
    spare->length = name->Length;
    RtlCopyMemory(spare->name, name->Buffer, name->Length);
    return spare;
}

static void stream_close(struct stream *stream)
{
    if (!stream || --stream->opens)
        return;
    drop(&stream->context);
    stream->used = FALSE;
}

/* A file object in the making, as the pre-operation of a create sees it. */
static struct file *begin(const struct activity *activity)
{
    UNICODE_STRING name = activity_text(activity, 0);
    struct file *file = name.Length <= sizeof(files[0].text) ? file_new() : NULL;
    USHORT skip;

    if (!file)
        return NULL;
    file->pid = activity->pid;
    file->tid = activity->tid;
    file->name.Buffer = file->text;
    file->name.Length = file->name.MaximumLength = name.Length;
    RtlCopyMemory(file->text, name.Buffer, name.Length);
    file->instance = &instances[is_pipe(&name)];
    skip = file->instance == &instances[1] ? (name.Buffer[1] == L'?' ? 16 : 34) : 12; /* \??\pipe, \Device\NamedPipe, \??\C: */
    file->object.FileName.Buffer = file->text + skip / sizeof(WCHAR);
    file->object.FileName.Length = file->object.FileName.MaximumLength = name.Length > skip ? name.Length - skip : 0;
    file->stream = file->instance == &instances[0] ? stream_of(&file->name) : NULL;
    return file;
}

static void fill(struct file *file, const struct activity *activity)
{
    FLT_PARAMETERS *parameters = &file->block.Parameters;
    UNICODE_STRING buffer = activity_text(activity, 2);

    RtlZeroMemory(&file->data, sizeof(file->data));
    RtlZeroMemory(&file->block, sizeof(file->block));
    file->data.Flags = FLTFL_CALLBACK_DATA_IRP_OPERATION;
    file->data.Iopb = &file->block;
    file->data.RequestorMode = UserMode;
    file->block.MajorFunction = (UCHAR)activity->code;
    file->block.TargetFileObject = &file->object;
    file->block.TargetInstance = file->instance;
    switch (activity->code) {
    case IRP_MJ_CREATE:
    case IRP_MJ_CREATE_NAMED_PIPE:
        file->security.DesiredAccess = activity->access;
        parameters->Create.SecurityContext = &file->security;
        parameters->Create.Options = activity->target_pid | activity->disposition << 24;
        break;
    case IRP_MJ_WRITE:
        parameters->Write.Length = buffer.Length;
        parameters->Write.ByteOffset.QuadPart = (LONGLONG)activity->size;
        parameters->Write.WriteBuffer = buffer.Buffer;
        break;
    case IRP_MJ_SET_INFORMATION:
        parameters->SetFileInformation.Length = buffer.Length;
        parameters->SetFileInformation.FileInformationClass = activity->target_tid;
        parameters->SetFileInformation.InfoBuffer = buffer.Buffer;
        break;
    }
}

static const FLT_OPERATION_REGISTRATION *registered(UCHAR major)
{
    for (const FLT_OPERATION_REGISTRATION *o = operations; o && o->MajorFunction != IRP_MJ_OPERATION_END; o++)
        if (o->MajorFunction == major)
            return o;
    return NULL;
}

static BOOLEAN is_create(ULONG code)
{
    return code == IRP_MJ_CREATE || code == IRP_MJ_CREATE_NAMED_PIPE;
}

static void forget(struct file *file)
{
    stream_close(file->stream);
    file->used = FALSE;
}

static NTSTATUS before(const struct activity *activity)
{
    struct file *file = is_create(activity->code) ? begin(activity) : find(activity, FALSE);
    FLT_RELATED_OBJECTS objects;
    FLT_PREOP_CALLBACK_STATUS answer = FLT_PREOP_SUCCESS_NO_CALLBACK;

    if (!file)
        return STATUS_SUCCESS;
    fill(file, activity);
    file->pre_context = NULL;
    file->operation = registered((UCHAR)activity->code);
    objects = related(file->instance, &file->object);
    if (filtering && file->operation && file->operation->PreOperation)
        answer = file->operation->PreOperation(&file->data, &objects, &file->pre_context);
    if (answer == FLT_PREOP_COMPLETE) {
        if (is_create(activity->code))
            forget(file);
        return file->data.IoStatus.Status;
    }
    if (answer != FLT_PREOP_SUCCESS_WITH_CALLBACK && answer != FLT_PREOP_SYNCHRONIZE)
        file->operation = NULL;
    return STATUS_SUCCESS;
}

static void after(const struct activity *activity)
{
    struct file *file = find(activity, is_create(activity->code));
    FLT_RELATED_OBJECTS objects;
    BOOLEAN opened = is_create(activity->code) && NT_SUCCESS((NTSTATUS)activity->status);

    if (!file)
        return;
    file->data.IoStatus.Status = (NTSTATUS)activity->status;
    file->data.IoStatus.Information = (ULONG_PTR)activity->size;
    if (opened)
        file->handle = activity->address;
    objects = related(file->instance, &file->object);
    if (filtering && file->operation && file->operation->PostOperation)
        file->operation->PostOperation(&file->data, &objects, file->pre_context, 0);
    file->operation = NULL;
    if ((is_create(activity->code) && !opened) || activity->code == IRP_MJ_CLEANUP)
        forget(file);
}

NTSTATUS file_activity(const struct activity *activity)
{
    if (activity->type == 0)
        return before(activity);
    after(activity);
    return STATUS_SUCCESS;
}
