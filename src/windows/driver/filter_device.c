/* SPDX-License-Identifier: MIT */
/*
 * Filter devices over other drivers' devices: making, attaching, passing requests through, going away.
 *
 * Requests that can take long (oplocks, change notifications, pipe reads) are only ever passed, never waited for; those that are
 * waited for run between filter_enter() and filter_leave(), and unloading waits for them.
 */
#include "file.h"

#define ATTACH_ATTEMPTS 8
#define ATTACH_PAUSE (-50 * 10000ll) /* 50 ms: a volume that is being mounted is not ready for a moment */
#define LAST_STEPS (-500 * 10000ll)  /* half a second for threads in the last instructions of a dispatch routine */
#define SUPPORTS_TRANSACTIONS 0x40000u /* DO_SUPPORTS_TRANSACTIONS, NT 6.0 */

static EX_RUNDOWN_REF rundown;
static bool installed;

NTSTATUS filter_device_create(PDEVICE_OBJECT lower, enum device_kind kind, UNICODE_STRING *name, struct filter_device **out)
{
    PDEVICE_OBJECT device;
    struct filter_device *filter;
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    status = IoCreateDevice(driver.object, sizeof *filter, name, lower->DeviceType, 0, FALSE, &device);
    if (!NT_SUCCESS(status))
        return status;
    device->Flags |= lower->Flags & (DO_BUFFERED_IO | DO_DIRECT_IO | SUPPORTS_TRANSACTIONS);
    device->Characteristics |= lower->Characteristics & FILE_DEVICE_SECURE_OPEN;
    filter = device->DeviceExtension;
    memset(filter, 0, sizeof *filter);
    filter->device.kind = kind;
    filter->self = device;
    InitializeListHead(&filter->link);
    *out = filter;
    return STATUS_SUCCESS;
}

NTSTATUS filter_device_attach(struct filter_device *filter, PDEVICE_OBJECT lower)
{
    LARGE_INTEGER pause = { .QuadPart = ATTACH_PAUSE };
    NTSTATUS status = STATUS_NO_SUCH_DEVICE;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    for (int attempt = 0; attempt < ATTACH_ATTEMPTS; attempt++) {
        if (attempt)
            KeDelayExecutionThread(KernelMode, FALSE, &pause);
        status = IoAttachDeviceToDeviceStackSafe(filter->self, lower, &filter->device.lower);
        if (NT_SUCCESS(status)) {
            filter->self->Flags &= ~DO_DEVICE_INITIALIZING;
            break;
        }
    }
    return status;
}

void filter_device_delete(struct filter_device *filter)
{
    IoDeleteDevice(filter->self);
}

NTSTATUS filter_complete(PIRP irp, NTSTATUS status)
{
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

NTSTATUS filter_pass(PDEVICE_OBJECT device, PIRP irp)
{
    struct filter_device *filter = device->DeviceExtension;

    if (!filter->device.lower) { /* created, not attached: nothing below could answer */
        irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
        irp->IoStatus.Information = 0;
        return filter_complete(irp, STATUS_INVALID_DEVICE_REQUEST);
    }
    IoSkipCurrentIrpStackLocation(irp);
    return IoCallDriver(filter->device.lower, irp);
}

static NTSTATUS NTAPI forwarded(PDEVICE_OBJECT device, PIRP irp, PVOID event)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeSetEvent(event, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

NTSTATUS filter_forward(PDEVICE_OBJECT device, PIRP irp)
{
    struct filter_device *filter = device->DeviceExtension;
    KEVENT done;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(irp);
    IoSetCompletionRoutine(irp, forwarded, &done, TRUE, TRUE, TRUE);
    if (IoCallDriver(filter->device.lower, irp) == STATUS_PENDING)
        KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
    return irp->IoStatus.Status;
}

PEPROCESS filter_requestor(PIRP irp)
{
    return irp->Tail.Overlay.Thread ? IoGetRequestorProcess(irp) : NULL;
}

bool filter_enter(void)
{
    return ExAcquireRundownProtection(&rundown) != FALSE;
}

void filter_leave(void)
{
    ExReleaseRundownProtection(&rundown);
}

static NTSTATUS NTAPI dispatch(PDEVICE_OBJECT device, PIRP irp)
{
    switch (((struct device *)device->DeviceExtension)->kind) {
    case DEVICE_FILE_SYSTEM:
        return sfilter_dispatch(device, irp);
    case DEVICE_PIPE:
        return pipe_dispatch(device, irp);
    default:
        return control_dispatch(device, irp);
    }
}

void filter_install(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (installed)
        return;
    installed = true;
    ExInitializeRundownProtection(&rundown);
    for (unsigned major = 0; major <= IRP_MJ_MAXIMUM_FUNCTION; major++)
        driver.object->MajorFunction[major] = dispatch;
    driver.object->FastIoDispatch = &fast_io_dispatch;
}

void filter_drain(void)
{
    LARGE_INTEGER steps = { .QuadPart = LAST_STEPS };

    IRQL_AT_MOST(PASSIVE_LEVEL);
    ExWaitForRundownProtectionRelease(&rundown);
    installed = false; /* another filter may start anew */
    KeDelayExecutionThread(KernelMode, FALSE, &steps);
}
