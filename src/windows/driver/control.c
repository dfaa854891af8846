/* SPDX-License-Identifier: MIT */
/*
 * The control device: named after the driver's service, for SYSTEM and administrators, one client at a time.
 *
 * READ_EVENT requests always pend in a cancel-safe list and are served, in order, by deliver(): called by the dispatch
 * routine that queued the request and by a thread that callbacks wake. Callbacks never copy for the reader.
 */
#include "driver.h"

#define DEVICE_PREFIX L"\\Device\\"
#define LINK_PREFIX L"\\DosDevices\\"

static struct {
    struct device *extension;
    UNICODE_STRING link; /* owned */
    LONG open;           /* a client has the device */
    LONG ready;          /* … and said so */
    ULONG client;
    KSPIN_LOCK lock; /* of `requests` */
    LIST_ENTRY requests;
    LONG waiting; /* how many they are */
    FAST_MUTEX delivering;
    KEVENT wake;
    struct thread thread;
} control;

static NTSTATUS complete(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

/*
 * ---- the pended reads ----
 *
 * Whoever takes the cancel routine out of a request completes it. A request in the list whose cancel routine is gone
 * belongs to canceled(), which waits for the lock; taken from the list by somebody else it is left linked to itself, so that
 * canceled() may unlink it again.
 */

static VOID NTAPI canceled(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL irql;

    UNREFERENCED_PARAMETER(device);
    IoReleaseCancelSpinLock(irp->CancelIrql);
    KeAcquireSpinLock(&control.lock, &irql);
    RemoveEntryList(&irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&control.lock, irql);
    InterlockedDecrement(&control.waiting);
    complete(irp, STATUS_CANCELLED, 0);
}

static PDRIVER_CANCEL cancel_routine_swap(PIRP irp, PDRIVER_CANCEL routine)
{
    return (PDRIVER_CANCEL)InterlockedExchangePointer((PVOID *)&irp->CancelRoutine, routine);
}

static void reads_insert(PIRP irp)
{
    bool lost = false;
    KIRQL irql;

    InterlockedIncrement(&control.waiting);
    IoMarkIrpPending(irp);
    KeAcquireSpinLock(&control.lock, &irql);
    InsertTailList(&control.requests, &irp->Tail.Overlay.ListEntry);
    cancel_routine_swap(irp, canceled);
    if (irp->Cancel && cancel_routine_swap(irp, NULL)) { /* was canceled before anybody could hear of it */
        RemoveEntryList(&irp->Tail.Overlay.ListEntry);
        lost = true;
    }
    KeReleaseSpinLock(&control.lock, irql);
    if (lost) {
        InterlockedDecrement(&control.waiting);
        complete(irp, STATUS_CANCELLED, 0);
    }
}

/* The oldest request, of `file` if that is not NULL; NULL when there is none. The caller completes it. */
static PIRP reads_remove(PFILE_OBJECT file)
{
    PIRP found = NULL;
    PLIST_ENTRY at, next;
    KIRQL irql;

    KeAcquireSpinLock(&control.lock, &irql);
    for (at = control.requests.Flink; at != &control.requests && !found; at = next) {
        PIRP irp = CONTAINING_RECORD(at, IRP, Tail.Overlay.ListEntry);

        next = at->Flink;
        if (file && IoGetCurrentIrpStackLocation(irp)->FileObject != file)
            continue;
        RemoveEntryList(at);
        if (cancel_routine_swap(irp, NULL))
            found = irp;
        else
            InitializeListHead(at);
    }
    KeReleaseSpinLock(&control.lock, irql);
    if (found)
        InterlockedDecrement(&control.waiting);
    return found;
}

static void cancel_reads(PFILE_OBJECT file)
{
    PIRP irp;

    while ((irp = reads_remove(file)) != NULL)
        complete(irp, STATUS_CANCELLED, 0);
}

/* ---- delivery ---- */

static void serve(PIRP irp)
{
    ULONG capacity = IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceIoControl.OutputBufferLength;
    ULONG taken = 0;
    NTSTATUS status = queue_take(irp->AssociatedIrp.SystemBuffer, capacity, &taken);

    complete(irp, status, taken);
}

/* Under the mutex nobody else takes records: a queue that is not empty stays so until serve(). */
static void deliver(void)
{
    PIRP irp;

    mutex_enter(&control.delivering);
    while (control.ready && !queue_is_empty() && (irp = reads_remove(NULL)) != NULL)
        serve(irp);
    mutex_leave(&control.delivering);
}

static VOID NTAPI delivery_thread(PVOID context)
{
    struct thread *thread = context;
    PVOID objects[2] = { &thread->stop, &control.wake };

    while (KeWaitForMultipleObjects(COUNT(objects), objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL) != STATUS_WAIT_0)
        deliver();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

void control_notify(void)
{
    IRQL_AT_MOST(DISPATCH_LEVEL);
    if (control.ready && control.waiting)
        KeSetEvent(&control.wake, IO_NO_INCREMENT, FALSE);
}

bool control_is_ready(void)
{
    return control.ready != 0;
}

ULONG control_client(void)
{
    return control.client;
}

/* ---- requests ---- */

static NTSTATUS control_create(PIRP irp)
{
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(irp)->FileObject;

    if (file && file->FileName.Length) /* nothing lies behind the device */
        return complete(irp, STATUS_OBJECT_NAME_NOT_FOUND, 0);
    if (InterlockedCompareExchange(&control.open, 1, 0) != 0)
        return complete(irp, STATUS_ACCESS_DENIED, 0);
    if (file)
        file->FsContext2 = &control; /* this one is the client */
    control.client = HandleToULong(PsGetCurrentProcessId());
    return complete(irp, STATUS_SUCCESS, FILE_OPENED);
}

/* At CLEANUP, or at CLOSE where a system sends no CLEANUP: the client is gone, whoever waits for it must not. */
static void client_leaves(PFILE_OBJECT file)
{
    if (file && !InterlockedExchangePointer(&file->FsContext2, NULL))
        return;
    control.client = 0;
    InterlockedExchange(&control.ready, 0);
    cancel_reads(file);
    verdict_release();
    InterlockedExchange(&control.open, 0);
}

static NTSTATUS control_leave(PIRP irp)
{
    client_leaves(IoGetCurrentIrpStackLocation(irp)->FileObject);
    return complete(irp, STATUS_SUCCESS, 0);
}

static NTSTATUS get_version(PIRP irp, PIO_STACK_LOCATION stack)
{
    ULONG version = WIRE_VERSION;

    if (stack->Parameters.DeviceIoControl.OutputBufferLength < sizeof version)
        return complete(irp, STATUS_BUFFER_TOO_SMALL, 0);
    memcpy(irp->AssociatedIrp.SystemBuffer, &version, sizeof version);
    InterlockedExchange(&control.ready, 1);
    complete(irp, STATUS_SUCCESS, sizeof version);
    settings_client_came();
    deliver();
    return STATUS_SUCCESS;
}

static NTSTATUS read_event(PIRP irp, PIO_STACK_LOCATION stack)
{
    if (stack->Parameters.DeviceIoControl.OutputBufferLength < WIRE_MINIMUM_RECORD_SIZE)
        return complete(irp, STATUS_BUFFER_TOO_SMALL, 0);
    reads_insert(irp);
    deliver();
    return STATUS_PENDING;
}

static NTSTATUS process_cache(PIRP irp, PIO_STACK_LOCATION stack)
{
    struct wire_update_cache request;
    struct record *record;
    ULONG size;
    NTSTATUS status;

    if (stack->Parameters.DeviceIoControl.InputBufferLength != sizeof request)
        return complete(irp, STATUS_INVALID_PARAMETER, 0);
    if (stack->Parameters.DeviceIoControl.OutputBufferLength < WIRE_MINIMUM_RECORD_SIZE)
        return complete(irp, STATUS_BUFFER_TOO_SMALL, 0);
    memcpy(&request, irp->AssociatedIrp.SystemBuffer, sizeof request);
    status = process_cache_record(request.ProcessId, stack->Parameters.DeviceIoControl.OutputBufferLength, &record);
    if (!NT_SUCCESS(status))
        return complete(irp, status, 0);
    record_write(record, irp->AssociatedIrp.SystemBuffer);
    size = record->header.EventSize;
    record_free(record);
    return complete(irp, STATUS_SUCCESS, size);
}

static NTSTATUS filter_result(PIRP irp, PIO_STACK_LOCATION stack)
{
    struct wire_verdict verdict;

    if (stack->Parameters.DeviceIoControl.InputBufferLength != sizeof verdict)
        return complete(irp, STATUS_INVALID_PARAMETER, 0);
    memcpy(&verdict, irp->AssociatedIrp.SystemBuffer, sizeof verdict);
    if (verdict.Result > WIRE_VERDICT_LOG)
        return complete(irp, STATUS_INVALID_PARAMETER, 0);
    return complete(irp, verdict_answer(verdict.TrackerId, verdict.Result), 0);
}

static NTSTATUS control_ioctl(PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);

    if (stack->FileObject && stack->FileObject->FsContext2 != &control) /* not the client, however it got here */
        return complete(irp, STATUS_ACCESS_DENIED, 0);
    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case WIRE_IOCTL_GET_VERSION:
        return get_version(irp, stack);
    case WIRE_IOCTL_READ_EVENT:
        return read_event(irp, stack);
    case WIRE_IOCTL_UPDATE_CONFIG:
        return complete(irp, settings_reload(), 0);
    case WIRE_IOCTL_PROCESS_CACHE:
        return process_cache(irp, stack);
    case WIRE_IOCTL_FILE_DELETE_FILTER_RESULT:
        return filter_result(irp, stack);
    default:
        return complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

NTSTATUS control_dispatch(PDEVICE_OBJECT device, PIRP irp)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    UNREFERENCED_PARAMETER(device);
    switch (IoGetCurrentIrpStackLocation(irp)->MajorFunction) {
    case IRP_MJ_CREATE:
        return control_create(irp);
    case IRP_MJ_CLEANUP:
    case IRP_MJ_CLOSE:
        return control_leave(irp);
    case IRP_MJ_DEVICE_CONTROL:
        return control_ioctl(irp);
    default:
        return complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

/* ---- the device object ---- */

/* prefix + the service's name, in memory of ours */
static NTSTATUS name_compose(const WCHAR *prefix, UNICODE_STRING *out)
{
    USHORT length = (USHORT)(wcslen(prefix) * sizeof(WCHAR));
    WCHAR *buffer = pool_allocate_paged((SIZE_T)length + driver.name.Length);

    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(buffer, prefix, length);
    memcpy((UCHAR *)buffer + length, driver.name.Buffer, driver.name.Length);
    out->Buffer = buffer;
    out->Length = out->MaximumLength = (USHORT)(length + driver.name.Length);
    return STATUS_SUCCESS;
}

static NTSTATUS descriptor_set(PDEVICE_OBJECT device, PSECURITY_DESCRIPTOR descriptor)
{
    HANDLE handle;
    NTSTATUS status = ObOpenObjectByPointer(device, OBJ_KERNEL_HANDLE, NULL, WRITE_DAC, *nt_device_type, KernelMode, &handle);

    if (!NT_SUCCESS(status))
        return status;
    status = ZwSetSecurityObject(handle, DACL_SECURITY_INFORMATION, descriptor);
    ZwClose(handle);
    return status;
}

/* D:P(A;;GA;;;SY)(A;;GA;;;BA). Nobody can open the device before this: DO_DEVICE_INITIALIZING is still set. */
static NTSTATUS device_protect(PDEVICE_OBJECT device)
{
    static const UCHAR system[12] = { 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0 };
    static const UCHAR administrators[16] = { 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0 };
    SECURITY_DESCRIPTOR descriptor;
    union {
        ACL acl;
        UCHAR bytes[64];
    } buffer;
    NTSTATUS status;

    status = RtlCreateAcl(&buffer.acl, sizeof buffer, ACL_REVISION);
    if (NT_SUCCESS(status))
        status = RtlAddAccessAllowedAce(&buffer.acl, ACL_REVISION, FILE_ALL_ACCESS, (PSID)system);
    if (NT_SUCCESS(status))
        status = RtlAddAccessAllowedAce(&buffer.acl, ACL_REVISION, FILE_ALL_ACCESS, (PSID)administrators);
    if (NT_SUCCESS(status))
        status = RtlCreateSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
    if (NT_SUCCESS(status))
        status = RtlSetDaclSecurityDescriptor(&descriptor, TRUE, &buffer.acl, FALSE);
    if (!NT_SUCCESS(status))
        return status;
    descriptor.Control |= SE_DACL_PROTECTED;
    return descriptor_set(device, &descriptor);
}

static NTSTATUS device_create(void)
{
    UNICODE_STRING name;
    NTSTATUS status = name_compose(DEVICE_PREFIX, &name);

    if (!NT_SUCCESS(status))
        return status;
    status = IoCreateDevice(driver.object, sizeof(struct device), &name, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE,
                            &driver.control);
    pool_free(name.Buffer);
    if (!NT_SUCCESS(status))
        return status;
    ((struct device *)driver.control->DeviceExtension)->kind = DEVICE_CONTROL;
    status = device_protect(driver.control);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(driver.control);
        driver.control = NULL;
    }
    return status;
}

static NTSTATUS link_create(void)
{
    UNICODE_STRING name;
    NTSTATUS status = name_compose(DEVICE_PREFIX, &name);

    if (!NT_SUCCESS(status))
        return status;
    status = name_compose(LINK_PREFIX, &control.link);
    if (NT_SUCCESS(status)) {
        status = IoCreateSymbolicLink(&control.link, &name);
        if (!NT_SUCCESS(status)) {
            pool_free(control.link.Buffer);
            control.link.Buffer = NULL;
        }
    }
    pool_free(name.Buffer);
    return status;
}

NTSTATUS control_start(void)
{
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    KeInitializeSpinLock(&control.lock);
    InitializeListHead(&control.requests);
    mutex_initialize(&control.delivering);
    KeInitializeEvent(&control.wake, SynchronizationEvent, FALSE);
    status = thread_start(&control.thread, delivery_thread);
    if (!NT_SUCCESS(status))
        return status;
    status = device_create();
    if (!NT_SUCCESS(status))
        goto no_device;
    status = link_create();
    if (!NT_SUCCESS(status))
        goto no_link;
    return STATUS_SUCCESS;
no_link:
    IoDeleteDevice(driver.control);
    driver.control = NULL;
no_device:
    thread_stop(&control.thread);
    return status;
}

void control_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    InterlockedExchange(&control.ready, 0);
    thread_stop(&control.thread);
    cancel_reads(NULL);
    IoDeleteSymbolicLink(&control.link);
    pool_free(control.link.Buffer);
    IoDeleteDevice(driver.control);
    driver.control = NULL;
    memset(&control, 0, sizeof control);
}
