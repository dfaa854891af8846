/* SPDX-License-Identifier: MIT */
/*
 * The legacy file-system filter, for systems whose filter manager is missing or not to be trusted (NT 5.2). It sits on the control
 * device of every file system, where it learns of mounts, and on every mounted volume. Requests that the file_*.c parts care
 * about are sent down and waited for, in the requestor's thread; all others pass untouched (spec 08 section 3).
 */
#include "file.h"

#define RECOGNISER L"\\FileSystem\\Fs_Rec"

static struct {
    FAST_MUTEX lock; /* of the list and of attaching */
    LIST_ENTRY attached;
    bool stopping;
} state;

/* ---- operations on files ---- */

static void volume_name_learn(struct volume *volume, PFILE_OBJECT file)
{
    UNICODE_STRING *name;

    if (volume->name.Length)
        return;
    name = name_of_object(file->DeviceObject);
    if (!name)
        return;
    mutex_enter(&state.lock);
    if (!volume->name.Length && name->Length <= volume->name.MaximumLength) {
        memcpy(volume->name.Buffer, name->Buffer, name->Length);
        volume->name.Length = name->Length;
    }
    mutex_leave(&state.lock);
    pool_free(name);
}

/* Only NTFS tells, of the file systems that such a kernel has. Asked with the first file that is open. */
static void volume_learn(const struct file_op *op)
{
    union {
        FILE_FS_ATTRIBUTE_INFORMATION attributes;
        UCHAR bytes[sizeof(FILE_FS_ATTRIBUTE_INFORMATION) + 64];
    } buffer;
    NTSTATUS status;

    if (op->volume->is_known)
        return;
    status = file_query_volume(op, FileFsAttributeInformation, &buffer, sizeof buffer);
    if (status == STATUS_INSUFFICIENT_RESOURCES)
        return;
    op->volume->tells_deletion = NT_SUCCESS(status) && buffer.attributes.FileSystemNameLength == 4 * sizeof(WCHAR) &&
                                 memcmp(buffer.attributes.FileSystemName, L"NTFS", 4 * sizeof(WCHAR)) == 0;
    op->volume->is_known = true;
}

static struct file_op op_of(PDEVICE_OBJECT device, PIRP irp)
{
    struct filter_device *filter = device->DeviceExtension;

    return (struct file_op){
        .volume = &filter->volume,
        .lower = filter->device.lower,
        .file = IoGetCurrentIrpStackLocation(irp)->FileObject,
        .requestor = filter_requestor(irp),
    };
}

static NTSTATUS refuse(PIRP irp, NTSTATUS status)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = 0;
    return filter_complete(irp, status);
}

static NTSTATUS observe_create(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    PIO_SECURITY_CONTEXT security = stack->Parameters.Create.SecurityContext;
    struct file_op op = op_of(device, irp);
    const struct create_request request = {
        .options = stack->Parameters.Create.Options & 0xFFFFFF,
        .disposition = stack->Parameters.Create.Options >> 24,
        .flags = stack->Flags,
        .access = security ? security->DesiredAccess : 0,
    };
    struct file_create *create;
    NTSTATUS status;

    volume_name_learn(op.volume, op.file);
    if (file_create_is_refused(&op, &request, irp->RequestorMode)) {
        file_op_finish(&op);
        return refuse(irp, STATUS_ACCESS_DENIED);
    }
    create = file_create_before(&op, &request);
    if (!create) {
        file_op_finish(&op);
        return filter_pass(device, irp);
    }
    status = filter_forward(device, irp);
    file_op_finish(&op); /* the name may be another one now */
    file_create_after(&op, create, status, irp->IoStatus.Information);
    file_op_finish(&op);
    return filter_complete(irp, status);
}

static NTSTATUS observe_set(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    struct file_op op = op_of(device, irp);
    const struct set_request request = {
        .class = stack->Parameters.SetFile.FileInformationClass,
        .length = stack->Parameters.SetFile.Length,
        .buffer = irp->AssociatedIrp.SystemBuffer,
        .replaces = stack->Parameters.SetFile.ReplaceIfExists,
        .parent = stack->Parameters.SetFile.FileObject,
    };
    struct file_set *set;
    NTSTATUS status;

    volume_learn(&op);
    set = file_set_before(&op, &request);
    if (!set) {
        file_op_finish(&op);
        return filter_pass(device, irp);
    }
    status = filter_forward(device, irp);
    file_set_after(&op, set, status);
    file_op_finish(&op);
    return filter_complete(irp, status);
}

static NTSTATUS observe_cleanup(PDEVICE_OBJECT device, PIRP irp)
{
    struct file_op op = op_of(device, irp);
    struct file_cleanup *cleanup;
    NTSTATUS status;

    volume_learn(&op);
    cleanup = file_cleanup_before(&op);
    file_op_finish(&op);
    if (!cleanup)
        return filter_pass(device, irp);
    status = filter_forward(device, irp);
    file_cleanup_after(&op, cleanup);
    file_op_finish(&op);
    return filter_complete(irp, status);
}

/* Where the data is; NULL when it lies in the address space of another process. */
static const void *write_buffer(PDEVICE_OBJECT device, PIRP irp)
{
    if (device->Flags & DO_BUFFERED_IO)
        return irp->AssociatedIrp.SystemBuffer;
    return filter_requestor(irp) == PsGetCurrentProcess() ? irp->UserBuffer : NULL;
}

static NTSTATUS observe_write(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    LARGE_INTEGER offset = stack->Parameters.Write.ByteOffset;
    struct file_op op = op_of(device, irp);
    struct write_request request = {
        .offset = (ULONGLONG)offset.QuadPart,
        .length = stack->Parameters.Write.Length,
        .mdl = irp->MdlAddress,
        .buffer = write_buffer(device, irp),
    };
    NTSTATUS status = STATUS_SUCCESS;

    if (offset.HighPart == -1 && offset.LowPart == FILE_USE_FILE_POINTER_POSITION)
        request.offset = (ULONGLONG)op.file->CurrentByteOffset.QuadPart;
    if (request.mdl || request.buffer)
        status = file_write_before(&op, &request);
    file_op_finish(&op);
    if (NT_SUCCESS(status))
        return filter_pass(device, irp);
    return refuse(irp, status);
}

/* ---- attaching ---- */

static bool is_attached(PDEVICE_OBJECT device)
{
    PDEVICE_OBJECT at = IoGetAttachedDeviceReference(device), below;
    bool found = false;

    while (at && !found) {
        found = at->DriverObject == driver.object && ((struct device *)at->DeviceExtension)->kind == DEVICE_FILE_SYSTEM;
        below = IoGetLowerDeviceObject(at);
        ObDereferenceObject(at);
        at = below;
    }
    if (at)
        ObDereferenceObject(at);
    return found;
}

static enum volume_kind kind_of(PDEVICE_OBJECT device)
{
    return device->DeviceType == FILE_DEVICE_NETWORK_FILE_SYSTEM ? VOLUME_NETWORK : VOLUME_LOCAL;
}

/* Attaches a device that was made before, or deletes it when there is no need or no way. Under the lock. */
static NTSTATUS attach_locked(struct filter_device *filter, PDEVICE_OBJECT lower)
{
    NTSTATUS status = state.stopping ? STATUS_DELETE_PENDING : STATUS_SUCCESS;

    if (NT_SUCCESS(status) && is_attached(lower)) {
        filter_device_delete(filter);
        return STATUS_SUCCESS;
    }
    if (NT_SUCCESS(status))
        status = filter_device_attach(filter, lower);
    if (NT_SUCCESS(status))
        InsertTailList(&state.attached, &filter->link);
    else
        filter_device_delete(filter);
    return status;
}

static NTSTATUS attach(PDEVICE_OBJECT lower, bool is_control)
{
    struct filter_device *filter;
    NTSTATUS status = filter_device_create(lower, DEVICE_FILE_SYSTEM, NULL, &filter);

    if (!NT_SUCCESS(status))
        return status;
    volume_initialize(&filter->volume, kind_of(lower));
    filter->is_control = is_control;
    mutex_enter(&state.lock);
    status = attach_locked(filter, lower);
    mutex_leave(&state.lock);
    return status;
}

void sfilter_detached(struct filter_device *filter)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    mutex_enter(&state.lock);
    RemoveEntryList(&filter->link);
    mutex_leave(&state.lock);
    IoDetachDevice(filter->device.lower);
    filter_device_delete(filter);
}

/* Volumes have no names of their own; what has one is another control device of the same driver. */
static bool is_volume(PDEVICE_OBJECT device, PDEVICE_OBJECT control)
{
    UNICODE_STRING *name;
    bool is_named;

    if (device == control || device->DeviceType != control->DeviceType)
        return false;
    name = name_of_object(device);
    is_named = name != NULL;
    pool_free(name);
    return !is_named;
}

static void attach_volumes(PDEVICE_OBJECT control)
{
    PDEVICE_OBJECT *list;
    ULONG count = 0, room;

    IoEnumerateDeviceObjectList(control->DriverObject, NULL, 0, &count);
    room = count + 8; /* some may come meanwhile: they are announced */
    list = pool_allocate(room * sizeof *list);
    if (!list) {
        record_error(L"Files", L"Mounted volumes of a file system are not monitored", STATUS_INSUFFICIENT_RESOURCES);
        return;
    }
    if (NT_SUCCESS(IoEnumerateDeviceObjectList(control->DriverObject, list, room * sizeof *list, &count)))
        for (ULONG i = 0; i < count && i < room; i++) {
            if (is_volume(list[i], control))
                attach(list[i], false);
            ObDereferenceObject(list[i]);
        }
    pool_free(list);
}

static bool is_monitored(PDEVICE_OBJECT control)
{
    UNICODE_STRING recogniser;

    RtlInitUnicodeString(&recogniser, RECOGNISER);
    if (RtlEqualUnicodeString(&control->DriverObject->DriverName, &recogniser, TRUE))
        return false; /* it brings in a file system, which then announces itself */
    return control->DeviceType == FILE_DEVICE_DISK_FILE_SYSTEM || control->DeviceType == FILE_DEVICE_CD_ROM_FILE_SYSTEM ||
           control->DeviceType == FILE_DEVICE_NETWORK_FILE_SYSTEM;
}

static void detach_control(PDEVICE_OBJECT control)
{
    struct filter_device *found = NULL;

    mutex_enter(&state.lock);
    for (LIST_ENTRY *at = state.attached.Flink; at != &state.attached && !found; at = at->Flink) {
        struct filter_device *filter = CONTAINING_RECORD(at, struct filter_device, link);

        if (filter->is_control && filter->device.lower == control)
            found = filter;
    }
    mutex_leave(&state.lock);
    if (found)
        sfilter_detached(found);
}

/* A file system registers or goes. */
static VOID NTAPI file_system_changed(PDEVICE_OBJECT control, BOOLEAN active)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!is_monitored(control))
        return;
    if (!active) {
        detach_control(control);
        return;
    }
    attach(control, true);
    if (control->DeviceType != FILE_DEVICE_NETWORK_FILE_SYSTEM)
        attach_volumes(control);
}

/* ---- mounts ---- */

/* Our device is made before the mount: afterwards, lack of memory could not undo it. */
static NTSTATUS observe_mount(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    PDEVICE_OBJECT real = stack->Parameters.MountVolume.Vpb->RealDevice;
    struct filter_device *filter;
    NTSTATUS status = filter_device_create(device, DEVICE_FILE_SYSTEM, NULL, &filter);

    if (!NT_SUCCESS(status)) {
        record_error(L"Files", L"A volume being mounted is not monitored", status);
        return filter_pass(device, irp);
    }
    volume_initialize(&filter->volume, kind_of(device));
    status = filter_forward(device, irp);
    if (NT_SUCCESS(status) && real->Vpb && real->Vpb->DeviceObject) {
        mutex_enter(&state.lock);
        attach_locked(filter, real->Vpb->DeviceObject);
        mutex_leave(&state.lock);
    } else {
        filter_device_delete(filter);
    }
    return filter_complete(irp, status);
}

/* ---- dispatch ---- */

static bool has_files(const struct filter_device *filter)
{
    return !filter->is_control || filter->volume.kind == VOLUME_NETWORK;
}

static bool is_paging(PIRP irp)
{
    return (irp->Flags & (IRP_PAGING_IO | IRP_SYNCHRONOUS_PAGING_IO)) != 0;
}

/* NULL: not of interest. */
static NTSTATUS (*observer_of(const struct filter_device *filter, PIRP irp))(PDEVICE_OBJECT, PIRP)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);

    if (filter->is_control && stack->MajorFunction == IRP_MJ_FILE_SYSTEM_CONTROL && stack->MinorFunction == IRP_MN_MOUNT_VOLUME)
        return observe_mount;
    if (!has_files(filter) || !stack->FileObject || is_paging(irp))
        return NULL;
    switch (stack->MajorFunction) {
    case IRP_MJ_CREATE:
        return observe_create;
    case IRP_MJ_SET_INFORMATION:
        return file_may_wait() ? observe_set : NULL;
    case IRP_MJ_CLEANUP:
        return file_may_wait() ? observe_cleanup : NULL;
    case IRP_MJ_WRITE:
        return stack->MinorFunction ? NULL : observe_write;
    default:
        return NULL;
    }
}

NTSTATUS sfilter_dispatch(PDEVICE_OBJECT device, PIRP irp)
{
    struct filter_device *filter = device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    NTSTATUS (*observer)(PDEVICE_OBJECT, PIRP);
    NTSTATUS status;

    if (stack->MajorFunction == IRP_MJ_CLOSE && stack->FileObject)
        stream_table_close(stack->FileObject);
    if (!filter->device.lower || nt_current_irql() != PASSIVE_LEVEL)
        return filter_pass(device, irp);
    observer = observer_of(filter, irp);
    if (!observer || !filter_enter())
        return filter_pass(device, irp);
    status = observer(device, irp);
    filter_leave();
    return status;
}

/* ---- start and stop ---- */

/* RAW is not announced: it is there by name. STATUS_NOT_SUPPORTED: a success without a file object, which is none. */
static NTSTATUS raw_find(const WCHAR *name, PFILE_OBJECT *file, PDEVICE_OBJECT *device)
{
    UNICODE_STRING text;
    NTSTATUS status;

    RtlInitUnicodeString(&text, name);
    *file = NULL;
    *device = NULL;
    status = IoGetDeviceObjectPointer(&text, FILE_READ_ATTRIBUTES, file, device);
    return NT_SUCCESS(status) && !*file ? STATUS_NOT_SUPPORTED : status;
}

/* Has this system file systems as we know them? */
static NTSTATUS probe(void)
{
    PFILE_OBJECT file;
    PDEVICE_OBJECT device;
    NTSTATUS status = raw_find(L"\\Device\\RawDisk", &file, &device);

    if (NT_SUCCESS(status))
        ObDereferenceObject(file);
    return status == STATUS_NOT_SUPPORTED ? status : STATUS_SUCCESS;
}

static void attach_raw(const WCHAR *name)
{
    PFILE_OBJECT file;
    PDEVICE_OBJECT device;

    if (!NT_SUCCESS(raw_find(name, &file, &device)))
        return;
    attach(device, true);
    ObDereferenceObject(file);
}

static void detach_all(void)
{
    LIST_ENTRY list;

    InitializeListHead(&list);
    mutex_enter(&state.lock);
    state.stopping = true;
    while (!IsListEmpty(&state.attached)) {
        struct filter_device *filter = CONTAINING_RECORD(RemoveHeadList(&state.attached), struct filter_device, link);

        InsertTailList(&list, &filter->link);
        IoDetachDevice(filter->device.lower);
    }
    mutex_leave(&state.lock);
    filter_drain();
    while (!IsListEmpty(&list))
        filter_device_delete(CONTAINING_RECORD(RemoveHeadList(&list), struct filter_device, link));
}

NTSTATUS sfilter_start(void)
{
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    status = probe();
    if (!NT_SUCCESS(status))
        return status;
    state.stopping = false;
    mutex_initialize(&state.lock);
    InitializeListHead(&state.attached);
    stream_table_start();
    filter_install();
    attach_raw(L"\\Device\\RawDisk");
    attach_raw(L"\\Device\\RawCdRom");
    status = IoRegisterFsRegistrationChange(driver.object, file_system_changed);
    if (!NT_SUCCESS(status)) {
        detach_all();
        stream_table_stop();
    }
    return status;
}

void sfilter_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    IoUnregisterFsRegistrationChange(driver.object, file_system_changed);
    detach_all();
    stream_table_stop();
}
