/* SPDX-License-Identifier: MIT */
/*
 * Reading, querying, changing and opening files below this filter: by the filter manager's routines, or by requests of our own to
 * the device below the legacy filter. Either way neither this filter nor those above it see them.
 */
#include "file.h"

/* ---- legacy: one synchronous request ---- */

static NTSTATUS NTAPI request_done(PDEVICE_OBJECT device, PIRP irp, PVOID event)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeSetEvent(event, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static PIRP request_create(const struct file_op *op, UCHAR major, void *buffer, IO_STATUS_BLOCK *result)
{
    PIRP irp = IoAllocateIrp(op->lower->StackSize, FALSE);

    if (!irp)
        return NULL;
    irp->UserIosb = result;
    irp->UserBuffer = buffer;
    irp->AssociatedIrp.SystemBuffer = buffer;
    irp->RequestorMode = KernelMode;
    irp->Tail.Overlay.Thread = (PETHREAD)nt_current_thread();
    irp->Tail.Overlay.OriginalFileObject = op->file;
    IoGetNextIrpStackLocation(irp)->MajorFunction = major;
    IoGetNextIrpStackLocation(irp)->FileObject = op->file;
    return irp;
}

static NTSTATUS request_send(const struct file_op *op, PIRP irp, ULONG_PTR *information)
{
    KEVENT done;
    NTSTATUS status;

    KeInitializeEvent(&done, NotificationEvent, FALSE);
    IoSetCompletionRoutine(irp, request_done, &done, TRUE, TRUE, TRUE);
    IoCallDriver(op->lower, irp);
    KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
    status = irp->IoStatus.Status;
    if (information)
        *information = irp->IoStatus.Information;
    if (irp->MdlAddress)
        IoFreeMdl(irp->MdlAddress);
    IoFreeIrp(irp);
    return status;
}

static NTSTATUS legacy_read(const struct file_op *op, ULONGLONG offset, void *buffer, ULONG length, ULONG *read)
{
    IO_STATUS_BLOCK result;
    PIO_STACK_LOCATION stack;
    ULONG_PTR information = 0;
    NTSTATUS status;
    PIRP irp = request_create(op, IRP_MJ_READ, buffer, &result);

    if (!irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    irp->MdlAddress = IoAllocateMdl(buffer, length, FALSE, FALSE, NULL);
    if (!irp->MdlAddress) {
        IoFreeIrp(irp);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    MmBuildMdlForNonPagedPool(irp->MdlAddress);
    irp->Flags = IRP_READ_OPERATION | IRP_SYNCHRONOUS_API;
    if (op->file->Flags & FO_NO_INTERMEDIATE_BUFFERING)
        irp->Flags |= IRP_NOCACHE;
    stack = IoGetNextIrpStackLocation(irp);
    stack->Parameters.Read.Length = length;
    stack->Parameters.Read.ByteOffset.QuadPart = (LONGLONG)offset;
    status = request_send(op, irp, &information);
    *read = (ULONG)information;
    return status;
}

static NTSTATUS legacy_query(const struct file_op *op, ULONG class, void *buffer, ULONG length)
{
    IO_STATUS_BLOCK result;
    PIO_STACK_LOCATION stack;
    PIRP irp = request_create(op, IRP_MJ_QUERY_INFORMATION, buffer, &result);

    if (!irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    irp->Flags = IRP_SYNCHRONOUS_API;
    stack = IoGetNextIrpStackLocation(irp);
    stack->Parameters.QueryFile.Length = length;
    stack->Parameters.QueryFile.FileInformationClass = class;
    return request_send(op, irp, NULL);
}

NTSTATUS file_query_volume(const struct file_op *op, ULONG class, void *buffer, ULONG length)
{
    IO_STATUS_BLOCK result;
    PIO_STACK_LOCATION stack;
    PIRP irp;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    irp = request_create(op, IRP_MJ_QUERY_VOLUME_INFORMATION, buffer, &result);
    if (!irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    irp->Flags = IRP_SYNCHRONOUS_API;
    stack = IoGetNextIrpStackLocation(irp);
    stack->Parameters.QueryVolume.Length = length;
    stack->Parameters.QueryVolume.FsInformationClass = class;
    return request_send(op, irp, NULL);
}

static NTSTATUS legacy_set(const struct file_op *op, ULONG class, void *buffer, ULONG length)
{
    IO_STATUS_BLOCK result;
    PIO_STACK_LOCATION stack;
    PIRP irp = request_create(op, IRP_MJ_SET_INFORMATION, buffer, &result);

    if (!irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    irp->Flags = IRP_SYNCHRONOUS_API;
    stack = IoGetNextIrpStackLocation(irp);
    stack->Parameters.SetFile.Length = length;
    stack->Parameters.SetFile.FileInformationClass = class;
    return request_send(op, irp, NULL);
}

/* ---- both ---- */

NTSTATUS file_read(const struct file_op *op, ULONGLONG offset, void *buffer, ULONG length, ULONG *read)
{
    LARGE_INTEGER at = { .QuadPart = (LONGLONG)offset };

    IRQL_AT_MOST(PASSIVE_LEVEL);
    *read = 0;
    if (op->instance)
        return flt.FltReadFile(op->instance, op->file, &at, length, buffer, FLTFL_IO_OPERATION_DO_NOT_UPDATE_BYTE_OFFSET, read,
                               NULL, NULL);
    return legacy_read(op, offset, buffer, length, read);
}

NTSTATUS file_query(const struct file_op *op, ULONG class, void *buffer, ULONG length)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (op->instance)
        return flt.FltQueryInformationFile(op->instance, op->file, buffer, length, class, NULL);
    return legacy_query(op, class, buffer, length);
}

NTSTATUS file_set(const struct file_op *op, ULONG class, void *buffer, ULONG length)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (op->instance)
        return flt.FltSetInformationFile(op->instance, op->file, buffer, length, class);
    return legacy_set(op, class, buffer, length);
}

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define OPTIONS_ALWAYS (FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_REPARSE_POINT | FILE_OPEN_NO_RECALL)
#define IGNORE_SHARE_ACCESS 0x800 /* IO_IGNORE_SHARE_ACCESS_CHECK */

NTSTATUS file_open(const struct file_op *op, HANDLE root, const UNICODE_STRING *path, ACCESS_MASK access, ULONG disposition,
                   ULONG options, PSECURITY_DESCRIPTOR descriptor, struct file_open *out, ULONG_PTR *information)
{
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK result = { .Information = 0 };
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    InitializeObjectAttributes(&attributes, (PUNICODE_STRING)path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, root, descriptor);
    access |= SYNCHRONIZE;
    options |= OPTIONS_ALWAYS;
    if (op->instance) {
        status = flt.FltCreateFileEx(minifilter_object(), op->instance, &out->handle, &out->file, access, &attributes, &result, NULL,
                                     FILE_ATTRIBUTE_NORMAL, SHARE_ALL, disposition, options, NULL, 0, IGNORE_SHARE_ACCESS);
    } else {
        status = IoCreateFileSpecifyDeviceObjectHint(&out->handle, access, &attributes, &result, NULL, FILE_ATTRIBUTE_NORMAL,
                                                     SHARE_ALL, disposition, options, NULL, 0, CreateFileTypeNone, NULL,
                                                     IGNORE_SHARE_ACCESS, op->lower);
        if (NT_SUCCESS(status)) {
            status = ObReferenceObjectByHandle(out->handle, 0, NULL, KernelMode, (PVOID *)&out->file, NULL);
            if (!NT_SUCCESS(status))
                ZwClose(out->handle);
        }
    }
    if (NT_SUCCESS(status) && information)
        *information = result.Information;
    return status;
}

void file_close(const struct file_op *op, struct file_open *open)
{
    ObDereferenceObject(open->file);
    if (op->instance)
        flt.FltClose(open->handle);
    else
        ZwClose(open->handle);
}
