/* SPDX-License-Identifier: MIT */
/*
 * The companion driver, for Wine only. Started before SysmonDrv.sys in the same host process, it is told when that driver's image is
 * mapped, before its DriverEntry runs, and points its import table at working versions of what Wine only pretends to have:
 * process, thread, registry and object callbacks, and the "current process" of a callback. The callbacks are then called for
 * what real programs do, as their hook reports it (activity.h).
 */
#include "companion.h"

#define WORKERS 4
#define MAX_MODULES 8

typedef NTSTATUS(NTAPI *process_routine)(PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO);

/* Whom the callback that runs on a worker thread sees as the current thread. */
struct actor {
    HANDLE worker; /* thread id of the worker, NULL: free */
    ULONG pid, tid;
    PEPROCESS process;
    HANDLE handle;
    const struct activity *activity;
    UCHAR peb[0x40], parameters[0x80]; /* of the process that is being created, as far as they are read */
};

struct key {
    UNICODE_STRING name;
    ULONG tid;
    ULONG disposition;
    BOOLEAN used;
    WCHAR text[1024];
};

static struct {
    process_routine process;
    PCREATE_THREAD_NOTIFY_ROUTINE thread;
    PLOAD_IMAGE_NOTIFY_ROUTINE image;
    NTSTATUS(NTAPI *registry)(PVOID, PVOID, PVOID);
    PVOID registry_context;
    OB_PREOP_CALLBACK_STATUS(NTAPI *open)(PVOID, POB_PRE_OPERATION_INFORMATION);
    PVOID open_context;
} hooks;

static struct actor actors[WORKERS];
static struct key keys[32];
static KSPIN_LOCK lock;
static LIST_ENTRY waiting;
static KEVENT arrived;
static HANDLE workers[WORKERS];
static BOOLEAN stopping;
static PDEVICE_OBJECT device;

/* ---- the current actor ---- */

static struct actor *current(void)
{
    HANDLE thread = PsGetCurrentThreadId();

    for (unsigned i = 0; i < WORKERS; i++)
        if (actors[i].worker == thread && actors[i].activity)
            return &actors[i];
    return NULL;
}

static HANDLE NTAPI current_process_id(void)
{
    struct actor *actor = current();

    return actor ? ULongToHandle(actor->pid) : PsGetCurrentProcessId();
}

static HANDLE NTAPI current_thread_id(void)
{
    struct actor *actor = current();

    return actor ? ULongToHandle(actor->tid) : PsGetCurrentThreadId();
}

static PEPROCESS NTAPI current_process(void)
{
    struct actor *actor = current();

    return actor && actor->process ? actor->process : IoGetCurrentProcess();
}

PEPROCESS actor_process(void)
{
    struct actor *actor = current();

    return actor ? actor->process : NULL;
}

static LONG_PTR(FASTCALL *real_dereference)(PVOID);

static LONG_PTR FASTCALL dereference(PVOID object)
{
    return file_object_release(object) ? 0 : real_dereference(object);
}

static NTSTATUS(NTAPI *real_query_system)(ULONG, PVOID, ULONG, PULONG);

static NTSTATUS NTAPI query_system(ULONG class, PVOID out, ULONG size, PULONG needed)
{
    NTSTATUS status = real_query_system(class, out, size, needed);

    return class == 11 ? fltmgr_modules(out, size, needed, status) : status;
}

static BOOLEAN NTAPI no(void)
{
    return FALSE;
}

static PKTHREAD(NTAPI *real_current_thread)(void);

/* An identity, never dereferenced by the driver: threads of programs look different from each other and from the workers. */
static PKTHREAD NTAPI current_thread(void)
{
    struct actor *actor = current();

    return actor ? (PKTHREAD)(ULONG_PTR)(0x100000 + (ULONG_PTR)actor->tid * 16) : real_current_thread();
}

static NTSTATUS NTAPI succeed(PVOID process)
{
    (void)process;
    return STATUS_SUCCESS;
}

static PVOID NTAPI nothing(void)
{
    return NULL;
}

static ULONG_PTR user_probe_address = 0x7FFFFFFF0000; /* as on Windows; Wine has none */

static KIRQL NTAPI current_irql(void)
{
    return PASSIVE_LEVEL;
}

static KPROCESSOR_MODE(NTAPI *real_previous_mode)(void);

static KPROCESSOR_MODE NTAPI previous_mode(void)
{
    return current() ? UserMode : real_previous_mode();
}

static ULONG NTAPI walk_frame_chain(PVOID *out, ULONG count, ULONG flags)
{
    struct actor *actor = current();
    ULONG i = 0;

    (void)flags;
    for (; actor && i < count && i < actor->activity->frame_count && i < ACTIVITY_FRAMES; i++)
        out[i] = (PVOID)(ULONG_PTR)actor->activity->frame[i];
    return i;
}

static VOID NTAPI attach(PVOID process, PVOID state)
{
    (void)process;
    (void)state;
}

static VOID NTAPI detach(PVOID state)
{
    (void)state;
}

/* ---- queries about the current process ---- */

static NTSTATUS(NTAPI *real_query_process)(HANDLE, ULONG, PVOID, ULONG, PULONG);
static NTSTATUS(NTAPI *query_memory)(HANDLE, PVOID, ULONG, PVOID, SIZE_T, PSIZE_T);

static HANDLE actual(HANDLE process)
{
    struct actor *actor = current();

    return process == (HANDLE)-1 && actor && actor->handle ? actor->handle : process;
}

/* A block of parameters of the process that is being created: command line and current directory (spec 08 section 4.3). */
static PVOID parameters_of(struct actor *actor)
{
    const struct activity *activity = actor ? actor->activity : NULL;

    if (!activity || activity->kind != ACTIVITY_PROCESS_CREATE)
        return NULL;
    *(ULONG *)(actor->parameters + 8) = 1; /* normalised */
    *(UNICODE_STRING *)(actor->parameters + 0x38) = activity_text(activity, 2);
    *(UNICODE_STRING *)(actor->parameters + 0x70) = activity_text(activity, 1);
    *(PVOID *)(actor->peb + 0x20) = actor->parameters;
    return actor->peb;
}

/* The driver reads the parameters of a process from its memory. Attaching does not exist here: the host's own would be read. */
static NTSTATUS NTAPI query_process(HANDLE process, ULONG class, PVOID out, ULONG size, PULONG needed)
{
    NTSTATUS status = real_query_process(actual(process), class, out, size, needed);

    if (NT_SUCCESS(status) && class == 0 && size >= 16)
        ((PVOID *)out)[1] = parameters_of(current()); /* PebBaseAddress */
    return status;
}

static NTSTATUS NTAPI query_virtual_memory(HANDLE process, PVOID address, ULONG class, PVOID out, SIZE_T size, PSIZE_T needed)
{
    return query_memory ? query_memory(actual(process), address, class, out, size, needed) : STATUS_NOT_IMPLEMENTED;
}

/* ---- registration ---- */

static NTSTATUS NTAPI set_process(ULONG type, PVOID routine, BOOLEAN remove)
{
    (void)type;
    hooks.process = remove ? NULL : (process_routine)routine;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI set_thread(PCREATE_THREAD_NOTIFY_ROUTINE routine)
{
    hooks.thread = routine;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI remove_thread(PCREATE_THREAD_NOTIFY_ROUTINE routine)
{
    (void)routine;
    hooks.thread = NULL;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI set_image(PLOAD_IMAGE_NOTIFY_ROUTINE routine)
{
    hooks.image = routine;
    return PsSetLoadImageNotifyRoutine(routine); /* Wine itself reports drivers */
}

static NTSTATUS NTAPI remove_image(PLOAD_IMAGE_NOTIFY_ROUTINE routine)
{
    hooks.image = NULL;
    return PsRemoveLoadImageNotifyRoutine(routine);
}

static NTSTATUS NTAPI set_registry(PVOID routine, PCUNICODE_STRING altitude, PVOID driver, PVOID context, PLARGE_INTEGER cookie, PVOID reserved)
{
    (void)altitude;
    (void)driver;
    (void)reserved;
    hooks.registry_context = context;
    hooks.registry = (NTSTATUS(NTAPI *)(PVOID, PVOID, PVOID))routine;
    cookie->QuadPart = 1;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI remove_registry(LARGE_INTEGER cookie)
{
    (void)cookie;
    hooks.registry = NULL;
    return STATUS_SUCCESS;
}

/* A key object of ours is its name. */
static NTSTATUS NTAPI key_name(PLARGE_INTEGER cookie, PVOID object, PULONG_PTR id, PCUNICODE_STRING *name, ULONG flags)
{
    (void)cookie;
    (void)flags;
    if (id)
        *id = (ULONG_PTR)object;
    if (name)
        *name = &((struct key *)object)->name;
    return STATUS_SUCCESS;
}

static VOID NTAPI release_key_name(PCUNICODE_STRING name)
{
    (void)name;
}

static NTSTATUS NTAPI set_open(POB_CALLBACK_REGISTRATION registration, PVOID *handle)
{
    hooks.open_context = registration->RegistrationContext;
    hooks.open = (OB_PREOP_CALLBACK_STATUS(NTAPI *)(PVOID, POB_PRE_OPERATION_INFORMATION))registration->OperationRegistration->PreOperation;
    *handle = &hooks;
    return STATUS_SUCCESS;
}

static VOID NTAPI remove_open(PVOID handle)
{
    (void)handle;
    hooks.open = NULL;
}

/* ---- import tables ---- */

struct replacement {
    const char *name;
    PVOID by, *real;
};

static PVOID NTAPI routine_address(PUNICODE_STRING name);

static const struct replacement imports[] = {
    { "MmGetSystemRoutineAddress", routine_address, NULL },
    { "CmUnRegisterCallback", remove_registry, NULL },
    { "PsSetCreateThreadNotifyRoutine", set_thread, NULL },
    { "PsRemoveCreateThreadNotifyRoutine", remove_thread, NULL },
    { "PsSetLoadImageNotifyRoutine", set_image, NULL },
    { "PsRemoveLoadImageNotifyRoutine", remove_image, NULL },
    { "PsGetCurrentProcessId", current_process_id, NULL },
    { "PsGetCurrentThreadId", current_thread_id, NULL },
    { "IoGetCurrentProcess", current_process, NULL },
    { "KeGetCurrentThread", current_thread, (PVOID *)&real_current_thread },
    { "MmUserProbeAddress", &user_probe_address, NULL },
    { "KeGetCurrentIrql", current_irql, NULL },
    { "PsGetCurrentThreadTeb", nothing, NULL },
    { "PsGetCurrentProcessWow64Process", nothing, NULL },
    { "ExGetPreviousMode", previous_mode, (PVOID *)&real_previous_mode },
    { "RtlWalkFrameChain", walk_frame_chain, NULL },
    { "ObfDereferenceObject", dereference, (PVOID *)&real_dereference },
    { "ZwQuerySystemInformation", query_system, (PVOID *)&real_query_system },
    { "KeAreAllApcsDisabled", no, NULL },
    { "IoGetTopLevelIrp", nothing, NULL },
    { "KeStackAttachProcess", attach, NULL },
    { "KeUnstackDetachProcess", detach, NULL },
    { "ZwQueryInformationProcess", query_process, (PVOID *)&real_query_process },
};

static const struct replacement exports[] = {
    { "PsSetCreateProcessNotifyRoutineEx2", set_process, NULL },
    { "CmRegisterCallbackEx", set_registry, NULL },
    { "CmCallbackGetKeyObjectIDEx", key_name, NULL },
    { "CmCallbackReleaseKeyObjectIDEx", release_key_name, NULL },
    { "ObRegisterCallbacks", set_open, NULL },
    { "ObUnRegisterCallbacks", remove_open, NULL },
    { "ZwQueryVirtualMemory", query_virtual_memory, NULL },
    { "PsAcquireProcessExitSynchronization", succeed, NULL },
    { "PsReleaseProcessExitSynchronization", succeed, NULL },
};

static BOOLEAN same(const char *name, PCUNICODE_STRING text)
{
    USHORT i = 0;

    for (; name[i] && i < text->Length / sizeof(WCHAR); i++)
        if ((WCHAR)name[i] != text->Buffer[i])
            return FALSE;
    return !name[i] && i == text->Length / sizeof(WCHAR);
}

static PVOID NTAPI routine_address(PUNICODE_STRING name)
{
    for (unsigned i = 0; i < sizeof(exports) / sizeof(exports[0]); i++)
        if (same(exports[i].name, name))
            return exports[i].by;
    return MmGetSystemRoutineAddress(name);
}

static void patch_slot(const char *name, PVOID *slot)
{
    for (unsigned i = 0; i < sizeof(imports) / sizeof(imports[0]); i++) {
        const char *a = imports[i].name, *b = name;

        while (*a && *a == *b)
            a++, b++;
        if (*a || *b)
            continue;
        if (imports[i].real)
            *imports[i].real = *slot;
        *slot = imports[i].by;
        return;
    }
}

/* The import directory of a 64-bit image: data directory 1, at offset 120 + 24 of the optional header's start. */
static void patch_imports(UCHAR *base)
{
    ULONG header = *(ULONG *)(base + 0x3C), directory = *(ULONG *)(base + header + 24 + 120);

    for (ULONG *entry = (ULONG *)(base + directory); directory && entry[3]; entry += 5) {
        ULONGLONG *names = (ULONGLONG *)(base + (entry[0] ? entry[0] : entry[4]));
        PVOID *slots = (PVOID *)(base + entry[4]);

        for (; *names; names++, slots++)
            if (!(*names >> 63))
                patch_slot((const char *)base + *names + 2, slots);
    }
}

static BOOLEAN ends_with(PUNICODE_STRING text, const WCHAR *end)
{
    SIZE_T length = wcslen(end), have = text->Length / sizeof(WCHAR);

    return have >= length && !_wcsnicmp(text->Buffer + have - length, end, length);
}

static VOID NTAPI image_loaded(PUNICODE_STRING name, HANDLE pid, PIMAGE_INFO info)
{
    if (!pid && name && ends_with(name, L"\\SysmonDrv.sys"))
        patch_imports(info->ImageBase);
}

/* ---- activities ---- */

UNICODE_STRING activity_text(const struct activity *activity, unsigned index)
{
    const UCHAR *at = (const UCHAR *)(activity + 1);
    UNICODE_STRING text;

    for (unsigned i = 0; i < index; i++)
        at += activity->text_size[i];
    text.Buffer = (WCHAR *)at;
    text.Length = text.MaximumLength = (USHORT)activity->text_size[index];
    return text;
}

static void process_create(const struct activity *activity)
{
    UNICODE_STRING image = activity_text(activity, 0), command = activity_text(activity, 1);
    PS_CREATE_NOTIFY_INFO info = { .Size = sizeof(info) };
    PEPROCESS process;

    if (!hooks.process || PsLookupProcessByProcessId(ULongToHandle(activity->target_pid), &process))
        return;
    info.ParentProcessId = ULongToHandle(activity->pid);
    info.CreatingThreadId.UniqueProcess = ULongToHandle(activity->pid);
    info.CreatingThreadId.UniqueThread = ULongToHandle(activity->tid);
    info.ImageFileName = &image;
    info.CommandLine = &command;
    info.FileOpenNameAvailable = TRUE;
    hooks.process(process, ULongToHandle(activity->target_pid), &info);
    ObDereferenceObject(process);
}

static void image_load(const struct activity *activity)
{
    UNICODE_STRING name = activity_text(activity, 0);
    IMAGE_INFO info = { .ImageBase = (PVOID)(ULONG_PTR)activity->address, .ImageSize = activity->size };

    info.ImageAddressingMode = IMAGE_ADDRESSING_MODE_32BIT;
    if (hooks.image)
        hooks.image(&name, ULongToHandle(activity->pid), &info);
}

static void process_open(const struct activity *activity)
{
    OB_PRE_OPERATION_PARAMETERS parameters;
    OB_PRE_OPERATION_INFORMATION info;
    PEPROCESS target;

    if (!hooks.open || PsLookupProcessByProcessId(ULongToHandle(activity->target_pid), &target))
        return;
    RtlZeroMemory(&parameters, sizeof(parameters));
    RtlZeroMemory(&info, sizeof(info));
    info.Operation = OB_OPERATION_HANDLE_CREATE;
    info.Object = target;
    info.Parameters = &parameters;
    parameters.CreateHandleInformation.DesiredAccess = parameters.CreateHandleInformation.OriginalDesiredAccess = activity->access;
    hooks.open(hooks.open_context, &info);
    ObDereferenceObject(target);
}

static struct key *key_take(const struct activity *activity, BOOLEAN make)
{
    struct key *found = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&lock, &irql);
    for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]) && !found; i++)
        if (make ? !keys[i].used : keys[i].used && keys[i].tid == activity->tid)
            found = &keys[i];
    if (found && make)
        found->used = TRUE;
    KeReleaseSpinLock(&lock, irql);
    return found;
}

union registry_information {
    REG_SET_VALUE_KEY_INFORMATION set;
    REG_DELETE_VALUE_KEY_INFORMATION delete_value;
    REG_DELETE_KEY_INFORMATION delete_key;
    REG_RENAME_KEY_INFORMATION rename;
    REG_CREATE_KEY_INFORMATION create;
};

static NTSTATUS registry_pre(const struct activity *activity)
{
    UNICODE_STRING name = activity_text(activity, 0), second = activity_text(activity, 1), data = activity_text(activity, 2);
    union registry_information info;
    struct key *key = key_take(activity, TRUE);

    if (!key || !hooks.registry)
        return STATUS_SUCCESS;
    RtlZeroMemory(&info, sizeof(info));
    key->tid = activity->tid;
    key->name = name;
    if (key->name.Length > sizeof(key->text))
        key->name.Length = sizeof(key->text);
    key->name.Buffer = key->text;
    RtlCopyMemory(key->text, name.Buffer, key->name.Length);
    info.set.Object = key; /* first member of all of them but creation */
    if (activity->code == RegNtPreSetValueKey) {
        info.set.ValueName = &second;
        info.set.Type = activity->type;
        info.set.Data = data.Buffer;
        info.set.DataSize = data.Length;
    } else if (activity->code == RegNtPreDeleteValueKey) {
        info.delete_value.ValueName = &second;
    } else if (activity->code == RegNtPreRenameKey) {
        info.rename.NewName = &second;
    } else if (activity->code == RegNtPreCreateKeyEx) {
        RtlZeroMemory(&info, sizeof(info));
        info.create.CompleteName = &name;
    }
    return hooks.registry(hooks.registry_context, (PVOID)(ULONG_PTR)activity->code, &info);
}

static void registry_post(const struct activity *activity)
{
    struct key *key = key_take(activity, FALSE);
    REG_POST_OPERATION_INFORMATION info;
    REG_CREATE_KEY_INFORMATION create;

    if (!key)
        return;
    RtlZeroMemory(&info, sizeof(info));
    RtlZeroMemory(&create, sizeof(create));
    key->disposition = activity->disposition;
    create.CompleteName = &key->name;
    create.Disposition = &key->disposition;
    info.Object = key;
    info.Status = (NTSTATUS)activity->status;
    info.PreInformation = &create;
    if (hooks.registry)
        hooks.registry(hooks.registry_context, (PVOID)(ULONG_PTR)activity->code, &info);
    key->used = FALSE;
}

static NTSTATUS perform(const struct activity *activity)
{
    switch (activity->kind) {
    case ACTIVITY_PROCESS_CREATE:
        process_create(activity);
        break;
    case ACTIVITY_PROCESS_EXIT:
        if (hooks.process)
            hooks.process(NULL, ULongToHandle(activity->target_pid), NULL);
        break;
    case ACTIVITY_THREAD_CREATE:
        if (hooks.thread)
            hooks.thread(ULongToHandle(activity->target_pid), ULongToHandle(activity->target_tid), TRUE);
        break;
    case ACTIVITY_IMAGE_LOAD:
        image_load(activity);
        break;
    case ACTIVITY_PROCESS_OPEN:
        process_open(activity);
        break;
    case ACTIVITY_REGISTRY_PRE:
        return registry_pre(activity);
    case ACTIVITY_REGISTRY_POST:
        registry_post(activity);
        break;
    case ACTIVITY_FILE:
        return file_activity(activity);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS perform_as(struct actor *actor, const struct activity *activity)
{
    NTSTATUS status;

    actor->pid = activity->pid;
    actor->tid = activity->tid;
    actor->handle = NULL;
    if (PsLookupProcessByProcessId(ULongToHandle(activity->pid), &actor->process))
        actor->process = NULL;
    if (actor->process)
        ObOpenObjectByPointer(actor->process, OBJ_KERNEL_HANDLE, NULL, 0x1FFFFF, NULL, KernelMode, &actor->handle);
    actor->activity = activity;
    status = perform(activity);
    actor->activity = NULL;
    if (actor->handle)
        ZwClose(actor->handle);
    if (actor->process)
        ObDereferenceObject(actor->process);
    return status;
}

/* ---- requests ---- */

static BOOLEAN valid(const struct activity *activity, ULONG size)
{
    ULONG64 need = sizeof(*activity);

    if (size < sizeof(*activity))
        return FALSE;
    for (unsigned i = 0; i < ACTIVITY_TEXTS; i++)
        need += activity->text_size[i];
    return need <= size && activity->text_size[0] < 0xFFFF && activity->text_size[1] < 0xFFFF && activity->text_size[2] < 0xFFFF;
}

static void finish(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
}

static void serve(struct actor *actor, PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    const struct activity *activity = irp->AssociatedIrp.SystemBuffer;
    NTSTATUS status;

    if (!valid(activity, stack->Parameters.DeviceIoControl.InputBufferLength)) {
        finish(irp, STATUS_INVALID_PARAMETER, 0);
        return;
    }
    status = perform_as(actor, activity);
    if (stack->Parameters.DeviceIoControl.OutputBufferLength >= sizeof(ULONG)) {
        *(ULONG *)irp->AssociatedIrp.SystemBuffer = (ULONG)status;
        finish(irp, STATUS_SUCCESS, sizeof(ULONG));
    } else {
        finish(irp, STATUS_SUCCESS, 0);
    }
}

static PIRP take(void)
{
    PIRP irp = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&lock, &irql);
    if (!IsListEmpty(&waiting))
        irp = CONTAINING_RECORD(RemoveHeadList(&waiting), IRP, Tail.Overlay.ListEntry);
    if (!IsListEmpty(&waiting))
        KeSetEvent(&arrived, 0, FALSE); /* for the next worker */
    KeReleaseSpinLock(&lock, irql);
    return irp;
}

static VOID NTAPI work(PVOID context)
{
    struct actor *actor = context;
    PIRP irp;

    actor->worker = PsGetCurrentThreadId();
    while (!stopping) {
        LARGE_INTEGER second = { .QuadPart = -10000000 };

        KeWaitForSingleObject(&arrived, Executive, KernelMode, FALSE, &second);
        while ((irp = take()))
            serve(actor, irp);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static NTSTATUS NTAPI dispatch(PDEVICE_OBJECT object, PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    KIRQL irql;

    (void)object;
    if (stack->MajorFunction != IRP_MJ_DEVICE_CONTROL) {
        finish(irp, STATUS_SUCCESS, 0);
        return STATUS_SUCCESS;
    }
    if (stack->Parameters.DeviceIoControl.IoControlCode != ACTIVITY_IOCTL) {
        finish(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    IoMarkIrpPending(irp);
    KeAcquireSpinLock(&lock, &irql);
    InsertTailList(&waiting, &irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&lock, irql);
    KeSetEvent(&arrived, 0, FALSE);
    return STATUS_PENDING;
}

static VOID NTAPI unload(PDRIVER_OBJECT driver)
{
    UNICODE_STRING link;

    (void)driver;
    stopping = TRUE;
    for (unsigned i = 0; i < WORKERS; i++)
        if (workers[i]) {
            ZwWaitForSingleObject(workers[i], FALSE, NULL);
            ZwClose(workers[i]);
        }
    PsRemoveLoadImageNotifyRoutine(image_loaded);
    RtlInitUnicodeString(&link, L"\\DosDevices\\" ACTIVITY_NAME);
    IoDeleteSymbolicLink(&link);
    IoDeleteDevice(device);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path);

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    UNICODE_STRING name, link, routine;
    NTSTATUS status;

    (void)path;
    RtlInitUnicodeString(&name, L"\\Device\\" ACTIVITY_NAME);
    RtlInitUnicodeString(&link, L"\\DosDevices\\" ACTIVITY_NAME);
    RtlInitUnicodeString(&routine, L"ZwQueryVirtualMemory");
    query_memory = (NTSTATUS(NTAPI *)(HANDLE, PVOID, ULONG, PVOID, SIZE_T, PSIZE_T))MmGetSystemRoutineAddress(&routine);
    fltmgr_start();
    KeInitializeSpinLock(&lock);
    InitializeListHead(&waiting);
    KeInitializeEvent(&arrived, SynchronizationEvent, FALSE);
    status = IoCreateDevice(driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status))
        return status;
    status = IoCreateSymbolicLink(&link, &name);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    for (unsigned i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = dispatch;
    driver->DriverUnload = unload;
    for (unsigned i = 0; i < WORKERS; i++)
        PsCreateSystemThread(&workers[i], THREAD_ALL_ACCESS, NULL, NULL, NULL, work, &actors[i]);
    return PsSetLoadImageNotifyRoutine(image_loaded);
}
