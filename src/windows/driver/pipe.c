/* SPDX-License-Identifier: MIT */
/*
 * The pipe filter \Device\SysmonPipFilter over \Device\NamedPipe, where the minifilter can not see pipes. Only the two kinds of
 * create are waited for; all data and control requests pass untouched, fast I/O included.
 */
#include "file.h"

#define NAME L"\\Device\\SysmonPipFilter"
#define TARGET L"\\Device\\NamedPipe"

static struct filter_device *attached;

static NTSTATUS observe(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    struct pipe_open *open = NULL;
    NTSTATUS status;

    if (stack->FileObject)
        open = pipe_before(stack->MajorFunction, stack->FileObject, filter_requestor(irp));
    if (!open)
        return filter_pass(device, irp);
    status = filter_forward(device, irp);
    pipe_after(open, status);
    return filter_complete(irp, status);
}

NTSTATUS pipe_dispatch(PDEVICE_OBJECT device, PIRP irp)
{
    UCHAR major = IoGetCurrentIrpStackLocation(irp)->MajorFunction;
    struct filter_device *filter = device->DeviceExtension;
    NTSTATUS status;

    if ((major != IRP_MJ_CREATE && major != IRP_MJ_CREATE_NAMED_PIPE) || !filter->device.lower ||
        nt_current_irql() != PASSIVE_LEVEL || !filter_enter())
        return filter_pass(device, irp);
    status = observe(device, irp);
    filter_leave();
    return status;
}

NTSTATUS pipe_filter_start(void)
{
    UNICODE_STRING name, target;
    PFILE_OBJECT file = NULL;
    PDEVICE_OBJECT lower = NULL;
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    attached = NULL;
    if (minifilter_sees_pipes() || !settings_allows(SETTINGS_SENSOR_PIPE_FILTER))
        return STATUS_SUCCESS;
    RtlInitUnicodeString(&name, NAME);
    RtlInitUnicodeString(&target, TARGET);
    status = IoGetDeviceObjectPointer(&target, FILE_READ_ATTRIBUTES, &file, &lower);
    if (!NT_SUCCESS(status))
        return status;
    if (!file || !lower)
        return STATUS_NOT_SUPPORTED; /* a success without a file object is none */
    filter_install();
    status = filter_device_create(lower, DEVICE_PIPE, &name, &attached);
    if (NT_SUCCESS(status)) {
        volume_initialize(&attached->volume, VOLUME_PIPES);
        status = filter_device_attach(attached, lower);
        if (!NT_SUCCESS(status)) {
            filter_device_delete(attached);
            attached = NULL;
        }
    }
    ObDereferenceObject(file);
    return status;
}

void pipe_filter_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!attached)
        return;
    IoDetachDevice(attached->device.lower);
    filter_drain();
    filter_device_delete(attached);
    attached = NULL;
}
