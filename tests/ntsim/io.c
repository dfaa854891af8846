/* SPDX-License-Identifier: MIT */
/* Devices, stacks, IRPs. */
#include "io.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "export.h"
#include "irql.h"
#include "ke.h"
#include "lock.h"
#include "loader.h"
#include "mm.h"
#include "ob.h"
#include "profile.h"
#include "ps.h"
#include "verify.h"

struct object_type ob_device_type = {"Device", NULL, NULL, NULL, NULL}, ob_driver_type = {"Driver", NULL, NULL, NULL, NULL};

enum { DEVICE_SIZE = BY_ARCH(336, 184), DRIVER_DEVICES_MAX = 256 };

/* In front of every IRP. */
struct irp_head {
    struct request *request;       /* the I/O manager's own */
    struct irp_watch *watches;     /* calls into the driver's dispatch routines that are not over yet */
    bool completed, drivers;       /* drivers: allocated by the driver */
    uintptr_t completed_by;
    uint32_t pad[4];
};
enum { IRP_PREFIX = 64 };
_Static_assert(sizeof(struct irp_head) <= IRP_PREFIX, "IRP head");

struct irp_watch {
    bool completed, marked;
    NTSTATUS status;
    CHAR location;
    struct irp_watch *next;
};

static PDRIVER_OBJECT tested;
static KSPIN_LOCK cancel_lock;

void io_under_test(PDRIVER_OBJECT driver) { tested = driver; }
bool io_is_drivers(PDEVICE_OBJECT device) { return tested && device->DriverObject == tested; }

/* --- drivers ------------------------------------------------------------------------------------------------------------- */

static NTSTATUS NTAPI invalid_request(PDEVICE_OBJECT device, PIRP irp)
{
    (void)device;
    irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    irp->IoStatus.Information = 0;
    io_complete(irp);
    return STATUS_INVALID_DEVICE_REQUEST;
}

static void set_string(UNICODE_STRING *string, const WCHAR *text)
{
    size_t bytes = wcslen(text) * sizeof(WCHAR);

    string->Buffer = mm_allocate(BLOCK_PAGED, bytes + 2, 'mNoI', 0);
    memcpy(string->Buffer, text, bytes + 2);
    string->Length = (USHORT)bytes;
    string->MaximumLength = (USHORT)(bytes + 2);
}

PDRIVER_OBJECT io_driver(const WCHAR *name, const WCHAR *service)
{
    PDRIVER_OBJECT driver = ob_create(&ob_driver_type, sizeof(DRIVER_OBJECT) + sizeof(DRIVER_EXTENSION));

    driver->Type = 4;
    driver->Size = sizeof(DRIVER_OBJECT);
    driver->DriverExtension = (PDRIVER_EXTENSION)(driver + 1);
    driver->DriverExtension->DriverObject = driver;
    set_string(&driver->DriverName, name);
    set_string(&driver->DriverExtension->ServiceKeyName, service);
    for (unsigned i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = invalid_request;
    ob_name(driver, name);
    return driver;
}

/* --- devices --------------------------------------------------------------------------------------------------------------- */

struct device_side { /* DEVOBJ_EXTENSION and what the simulator keeps */
    DEVOBJ_EXTENSION extension;
    PDEVICE_OBJECT lower;
    uint8_t descriptor[512];
    bool has_descriptor;
    bool deleted;
    uintptr_t made_by;
};

static struct device_side *side_of(PDEVICE_OBJECT device) { return (struct device_side *)device->DeviceObjectExtension; }
PDEVICE_OBJECT io_lower(PDEVICE_OBJECT device) { return side_of(device)->lower; }

static PDEVICE_OBJECT device_new(PDRIVER_OBJECT driver, ULONG type, size_t extension)
{
    PDEVICE_OBJECT device = ob_create(&ob_device_type, DEVICE_SIZE + extension);
    struct device_side *side = mm_allocate(BLOCK_OBJECT, sizeof *side, 'sveD', 0);

    memset(side, 0, sizeof *side);
    device->Type = 3;
    device->Size = (USHORT)(DEVICE_SIZE + extension);
    device->DriverObject = driver;
    device->DeviceType = type;
    device->StackSize = 1;
    device->Flags = DO_DEVICE_INITIALIZING;
    device->DeviceExtension = extension ? (uint8_t *)device + DEVICE_SIZE : NULL;
    device->DeviceObjectExtension = (PDEVOBJ_EXTENSION)side;
    device->NextDevice = driver->DeviceObject;
    driver->DeviceObject = device;
    side->made_by = self()->gate_caller;
    return device;
}

PDEVICE_OBJECT io_device(PDRIVER_OBJECT driver, const WCHAR *name, ULONG type, size_t extension)
{
    PDEVICE_OBJECT device = device_new(driver, type, extension);

    if (name && !NT_SUCCESS(ob_name(device, name)))
        sim_error("device %ls exists", name);
    device->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
    return device;
}

void io_device_ready(PDEVICE_OBJECT device) { device->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING; }

void io_devices_ready(PDRIVER_OBJECT driver)
{
    for (PDEVICE_OBJECT d = driver->DeviceObject; d; d = d->NextDevice)
        io_device_ready(d);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, IoCreateDevice, (PDRIVER_OBJECT driver, ULONG extension, PUNICODE_STRING name, DEVICE_TYPE type,
                                                  ULONG characteristics, BOOLEAN exclusive, PDEVICE_OBJECT *device))
{
    WCHAR path[260];
    const WCHAR *rest;
    size_t length = name ? name->Length / sizeof(WCHAR) : 0, left;

    if (length >= 260)
        return STATUS_OBJECT_NAME_INVALID;
    if (name && ob_lookup(name->Buffer, length, &rest, &left) && left == 0)
        return STATUS_OBJECT_NAME_COLLISION;
    *device = device_new(driver, type, extension);
    (*device)->Characteristics = characteristics;
    if (exclusive)
        (*device)->Flags |= DO_EXCLUSIVE;
    if (name) {
        memcpy(path, name->Buffer, name->Length);
        path[length] = 0;
        ob_name(*device, path);
    }
    return STATUS_SUCCESS;
}

static void unlink_device(PDEVICE_OBJECT device)
{
    for (PDEVICE_OBJECT *at = &device->DriverObject->DeviceObject; *at; at = &(*at)->NextDevice)
        if (*at == device) {
            *at = device->NextDevice;
            return;
        }
    bugcheck("device-delete", "a device is deleted that its driver does not have (deleted twice?)");
}

EXPORT(VOID, IoDeleteDevice, (PDEVICE_OBJECT device))
{
    struct device_side *side = side_of(device);

    if (side->lower)
        bug("device-delete", "a device is deleted while it is attached to another");
    if (device->AttachedDevice)
        bug("device-delete", "a device is deleted while another is attached above it");
    unlink_device(device);
    ob_unname(device);
    side->deleted = true;
    if (device->ReferenceCount == 0) {
        mm_free(side);
        ob_dereference(device);
    }
}

static void release_device(PDEVICE_OBJECT device)
{
    if (InterlockedDecrement(&device->ReferenceCount) == 0 && side_of(device)->deleted) {
        mm_free(side_of(device));
        ob_dereference(device);
    }
}
void io_device_reference(PDEVICE_OBJECT device, bool take)
{
    if (take)
        InterlockedIncrement(&device->ReferenceCount);
    else
        release_device(device);
}

PSECURITY_DESCRIPTOR io_descriptor(PDEVICE_OBJECT device)
{
    return side_of(device)->has_descriptor ? (PSECURITY_DESCRIPTOR)side_of(device)->descriptor : NULL;
}

/* Kept self-relative: control, then the DACL right behind the head. */
void io_set_descriptor(PDEVICE_OBJECT device, PSECURITY_DESCRIPTOR descriptor, SECURITY_INFORMATION what)
{
    struct device_side *side = side_of(device);
    PISECURITY_DESCRIPTOR from = (PISECURITY_DESCRIPTOR)descriptor;
    PISECURITY_DESCRIPTOR_RELATIVE to = (PISECURITY_DESCRIPTOR_RELATIVE)side->descriptor;
    PACL dacl = from->Control & SE_SELF_RELATIVE ? (PACL)((uint8_t *)from + ((PISECURITY_DESCRIPTOR_RELATIVE)from)->Dacl) : from->Dacl;

    if (!(what & DACL_SECURITY_INFORMATION) || !(from->Control & SE_DACL_PRESENT))
        return;
    memset(side->descriptor, 0, sizeof side->descriptor);
    to->Revision = 1;
    to->Control = (SECURITY_DESCRIPTOR_CONTROL)(from->Control | SE_SELF_RELATIVE);
    to->Dacl = sizeof *to;
    memcpy(to + 1, dacl, dacl->AclSize);
    side->has_descriptor = true;
}

/* --- stacks ------------------------------------------------------------------------------------------------------------------ */

PDEVICE_OBJECT io_top(PDEVICE_OBJECT device)
{
    while (device->AttachedDevice)
        device = device->AttachedDevice;
    return device;
}

PDEVICE_OBJECT io_attach(PDEVICE_OBJECT device, PDEVICE_OBJECT target)
{
    PDEVICE_OBJECT top = io_top(target);

    if (side_of(device)->lower)
        bug("device-attach", "a device is attached twice");
    top->AttachedDevice = device;
    side_of(device)->lower = top;
    device->StackSize = (CCHAR)(top->StackSize + 1);
    device->AlignmentRequirement = top->AlignmentRequirement;
    return top;
}

static bool attachable(PDEVICE_OBJECT target) { return !(io_top(target)->Flags & DO_DEVICE_INITIALIZING); }

FALLIBLE(FAILS_STATUS, NTSTATUS, IoAttachDeviceToDeviceStackSafe, (PDEVICE_OBJECT source, PDEVICE_OBJECT target, PDEVICE_OBJECT *lower))
{
    if (!attachable(target))
        return STATUS_NO_SUCH_DEVICE;
    *lower = io_attach(source, target);
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_NULL, PDEVICE_OBJECT, IoAttachDeviceToDeviceStack, (PDEVICE_OBJECT source, PDEVICE_OBJECT target))
{
    return attachable(target) ? io_attach(source, target) : NULL;
}

void io_detach(PDEVICE_OBJECT lower)
{
    PDEVICE_OBJECT upper = lower->AttachedDevice;

    if (!upper)
        bugcheck("device-detach", "nothing is attached to the device that is detached");
    lower->AttachedDevice = NULL;
    side_of(upper)->lower = NULL;
}

EXPORT(VOID, IoDetachDevice, (PDEVICE_OBJECT lower))
{
    if (lower->AttachedDevice && !io_is_drivers(lower->AttachedDevice))
        bug("device-detach", "the driver detaches somebody else's device");
    io_detach(lower);
}

/* --- IRPs: making ---------------------------------------------------------------------------------------------------------------- */

static struct irp_head *head_of(PIRP irp)
{
    struct block *block = mm_block(irp);

    if (!block || (uint8_t *)irp - IRP_PREFIX != block->data)
        bugcheck("bad-irp", "%p is not an IRP", (void *)irp);
    return (struct irp_head *)((uint8_t *)irp - IRP_PREFIX);
}

static void irp_setup(PIRP irp, CCHAR stack)
{
    memset(irp, 0, sizeof(IRP) + (size_t)stack * sizeof(IO_STACK_LOCATION));
    irp->Type = 6;
    irp->Size = (USHORT)(sizeof(IRP) + (size_t)stack * sizeof(IO_STACK_LOCATION));
    irp->StackCount = stack;
    irp->CurrentLocation = (CCHAR)(stack + 1);
    irp->Tail.Overlay.CurrentStackLocation = (PIO_STACK_LOCATION)(irp + 1) + stack;
    InitializeListHead(&irp->ThreadListEntry);
}

static PIRP irp_new(CCHAR stack, bool drivers)
{
    uint8_t *memory = mm_allocate(BLOCK_OBJECT, IRP_PREFIX + sizeof(IRP) + (size_t)stack * sizeof(IO_STACK_LOCATION), ' prI', 0);
    PIRP irp = (PIRP)(memory + IRP_PREFIX);

    memset(memory, 0, IRP_PREFIX);
    irp_setup(irp, stack);
    head_of(irp)->drivers = drivers;
    mm_block(memory)->driver_owned = drivers;
    return irp;
}

PIRP io_irp(PDEVICE_OBJECT top)
{
    PIRP irp = irp_new((CCHAR)(top->StackSize + 1), false);

    irp->Tail.Overlay.Thread = (PETHREAD)current_thread();
    irp->RequestorMode = self()->previous_mode;
    return irp;
}

static void irp_free(PIRP irp) { mm_free(head_of(irp)); }

FALLIBLE(FAILS_NULL, PIRP, IoAllocateIrp, (CCHAR stack, BOOLEAN quota))
{
    (void)quota;
    return irp_new(stack, true);
}

EXPORT(VOID, IoFreeIrp, (PIRP irp))
{
    if (!head_of(irp)->drivers)
        bug("irp-free", "the driver frees an IRP that it did not allocate");
    irp_free(irp);
}

EXPORT(VOID, IoReuseIrp, (PIRP irp, NTSTATUS status))
{
    irp_setup(irp, irp->StackCount);
    head_of(irp)->completed = false;
    irp->IoStatus.Status = status;
}

/* --- IRPs: calling --------------------------------------------------------------------------------------------------------------- */

static NTSTATUS call_dispatch(PDEVICE_OBJECT device, PIRP irp, PIO_STACK_LOCATION stack)
{
    PDRIVER_DISPATCH routine = device->DriverObject->MajorFunction[stack->MajorFunction];
    struct crossing crossing;
    NTSTATUS status;

    if (!io_is_drivers(device))
        return routine(device, irp);
    cross_in(&crossing, "a dispatch routine");
    status = routine(device, irp);
    cross_out(&crossing);
    return status;
}

/* STATUS_PENDING returned if and only if marked pending; otherwise completed with the status returned. */
static void check_returned(const struct irp_watch *watch, PIRP irp, NTSTATUS returned, UCHAR major)
{
    bool marked = watch->completed ? watch->marked
                                   : ((PIO_STACK_LOCATION)(irp + 1))[watch->location - 1].Control & SL_PENDING_RETURNED;

    if (returned == STATUS_PENDING && !marked)
        bug("irp-pending", "STATUS_PENDING returned for IRP_MJ 0x%x without IoMarkIrpPending", major);
    if (returned != STATUS_PENDING && marked)
        bug("irp-pending", "IRP_MJ 0x%x was marked pending, but 0x%08x returned", major, (unsigned)returned);
    if (returned != STATUS_PENDING && !watch->completed)
        bug("irp-lost", "IRP_MJ 0x%x: 0x%08x returned without completing the request", major, (unsigned)returned);
    if (returned != STATUS_PENDING && watch->completed && watch->status != returned)
        bug("irp-status", "IRP_MJ 0x%x completed with 0x%08x, but 0x%08x returned", major, (unsigned)watch->status, (unsigned)returned);
}

static void unwatch(PIRP irp, struct irp_watch *watch)
{
    struct irp_watch **at = &head_of(irp)->watches;

    while (*at && *at != watch)
        at = &(*at)->next;
    if (*at)
        *at = watch->next;
}

static PIO_STACK_LOCATION next_location(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION stack;

    if (head_of(irp)->completed)
        bugcheck("irp-completed", "a completed IRP is passed on");
    if (--irp->CurrentLocation <= 0)
        bugcheck("irp-stack", "no stack location left in the IRP (stack size %d)", irp->StackCount);
    stack = --irp->Tail.Overlay.CurrentStackLocation;
    stack->DeviceObject = device;
    return stack;
}

NTSTATUS io_send(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION stack = next_location(device, irp);
    UCHAR major = stack->MajorFunction;
    struct irp_watch watch = {.location = irp->CurrentLocation};
    NTSTATUS status;

    ob_is(device, &ob_device_type);
    if (!io_is_drivers(device))
        return call_dispatch(device, irp, stack);
    sched_lock();
    watch.next = head_of(irp)->watches;
    head_of(irp)->watches = &watch;
    sched_unlock();
    status = call_dispatch(device, irp, stack);
    sched_lock();
    if (!watch.completed)
        unwatch(irp, &watch);
    check_returned(&watch, irp, status, major);
    sched_unlock();
    return status;
}

EXPORT_FAST(NTSTATUS, IofCallDriver, (PDEVICE_OBJECT device, PIRP irp))
{
    PIO_STACK_LOCATION current = irp->Tail.Overlay.CurrentStackLocation;

    if (irp->CurrentLocation <= irp->StackCount && current->DeviceObject == device)
        bug("irp-device", "an IRP is sent to the device that is handling it");
    return io_send(device, irp);
}

/* --- IRPs: completing --------------------------------------------------------------------------------------------------------------- */

static void io_request_done(struct request *request, PIRP irp);

static bool wants_call(const IO_STACK_LOCATION *stack, PIRP irp)
{
    if (NT_SUCCESS(irp->IoStatus.Status) && stack->Control & SL_INVOKE_ON_SUCCESS)
        return true;
    if (!NT_SUCCESS(irp->IoStatus.Status) && stack->Control & SL_INVOKE_ON_ERROR)
        return true;
    return irp->Cancel && stack->Control & SL_INVOKE_ON_CANCEL;
}

static NTSTATUS call_completion(PDEVICE_OBJECT device, PIRP irp, PIO_COMPLETION_ROUTINE routine, PVOID context)
{
    struct crossing crossing;
    NTSTATUS status;

    if (!loader_contains((uintptr_t)routine))
        return routine(device, irp, context);
    cross_in(&crossing, "a completion routine");
    status = routine(device, irp, context);
    cross_out(&crossing);
    return status;
}

/* Everything that watches this location or a lower one hears of it. */
static void tell_watches(PIRP irp, CHAR location, bool marked)
{
    struct irp_watch **at = &head_of(irp)->watches;

    while (*at) {
        struct irp_watch *watch = *at;

        if (watch->location != location) {
            at = &watch->next;
            continue;
        }
        watch->completed = true;
        watch->marked = marked;
        watch->status = irp->IoStatus.Status;
        *at = watch->next;
    }
}

static void clear_location(PIO_STACK_LOCATION stack)
{
    stack->MinorFunction = stack->Flags = stack->Control = 0;
    memset(&stack->Parameters, 0, sizeof stack->Parameters);
    stack->FileObject = NULL;
}

/* One step up; true when a completion routine keeps the IRP. */
static bool step_up(PIRP irp)
{
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation;
    PIO_COMPLETION_ROUTINE routine = stack->CompletionRoutine;
    PVOID context = stack->Context;
    bool pending = stack->Control & SL_PENDING_RETURNED, wanted = wants_call(stack, irp);
    PDEVICE_OBJECT device;

    tell_watches(irp, irp->CurrentLocation, pending);
    irp->PendingReturned = pending;
    irp->CurrentLocation++;
    irp->Tail.Overlay.CurrentStackLocation++;
    device = irp->CurrentLocation <= irp->StackCount ? irp->Tail.Overlay.CurrentStackLocation->DeviceObject : NULL;
    clear_location(stack);
    if (wanted && routine)
        return call_completion(device, irp, routine, context) == STATUS_MORE_PROCESSING_REQUIRED;
    if (pending && irp->CurrentLocation <= irp->StackCount)
        irp->Tail.Overlay.CurrentStackLocation->Control |= SL_PENDING_RETURNED;
    return false;
}

void io_complete(PIRP irp)
{
    struct irp_head *head = head_of(irp);

    if (head->completed)
        bugcheck("irp-completed", "an IRP is completed twice (first by %s)", place(head->completed_by));
    if (irp->CancelRoutine)
        bug("irp-cancel", "an IRP is completed with its cancel routine still set");
    if (irp->IoStatus.Status == STATUS_PENDING)
        bug("irp-status", "an IRP is completed with STATUS_PENDING");
    while (irp->CurrentLocation <= irp->StackCount)
        if (step_up(irp))
            return;
    head->completed = true;
    head->completed_by = self()->gate_caller;
    if (head->request)
        io_request_done(head->request, irp);
    else if (!head->drivers)
        irp_free(irp);
    else
        bug("irp-lost", "an IRP of the driver's own came back without a completion routine that keeps it");
}

EXPORT_FAST(VOID, IofCompleteRequest, (PIRP irp, CCHAR boost))
{
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation;

    (void)boost;
    if (irp->CurrentLocation <= irp->StackCount && stack->DeviceObject && !io_is_drivers(stack->DeviceObject))
        bug("irp-owner", "the driver completes an IRP that another device is handling");
    io_complete(irp);
}

/* --- requests of the I/O manager ------------------------------------------------------------------------------------------------------- */

static void check_output(const struct request *request, PIRP irp)
{
    size_t run = 0;

    if (irp->IoStatus.Information > request->output_size)
        bugcheck("information-too-big", "IoStatus.Information %zu for an output buffer of %zu", (size_t)irp->IoStatus.Information,
                 request->output_size);
    for (size_t i = 0; i < irp->IoStatus.Information; i++) {
        run = request->system_buffer[i] == FILL_FRESH ? run + 1 : 0;
        if (run == 4) {
            bug("disclosure", "byte %zu of %zu given to user mode was never written: uninitialised pool", i,
                (size_t)irp->IoStatus.Information);
            return;
        }
    }
}

static void io_request_done(struct request *request, PIRP irp)
{
    request->status = irp->IoStatus.Status;
    request->information = irp->IoStatus.Information;
    if (request->system_buffer) {
        if (!NT_ERROR(request->status) && request->output) {
            check_output(request, irp);
            memcpy(request->output, request->system_buffer, request->information);
        }
        mm_free(request->system_buffer);
    }
    request->system_buffer = NULL;
    irp_free(irp);
    sched_lock();
    request->irp = NULL;
    request->done = true;
    sched_wake(request);
    sched_unlock();
}

static void request_start(struct request *request, PIRP irp, PDEVICE_OBJECT device)
{
    NTSTATUS status;

    head_of(irp)->request = request;
    request->irp = irp;
    request->done = false;
    status = io_send(device, irp);
    request->pended = status == STATUS_PENDING;
    if (status != STATUS_PENDING && !request->done)
        bug("irp-lost", "0x%08x returned, but the request is not completed", (unsigned)status);
}

bool io_wait(struct request *request, int64_t timeout)
{
    int64_t deadline = timeout == NEVER ? NEVER : sched_now() + timeout;

    sched_lock();
    while (!request->done && sched_now() < deadline)
        sched_sleep(request, deadline, "a request");
    sched_unlock();
    return request->done;
}

NTSTATUS io_run(struct request *request, PIRP irp, PDEVICE_OBJECT device)
{
    request_start(request, irp, device);
    io_wait(request, NEVER);
    return request->status;
}

void io_ioctl_start(struct request *request, PFILE_OBJECT file, ULONG code, const void *input, size_t input_size, void *output,
                    size_t output_size)
{
    PDEVICE_OBJECT device = io_target(file);
    PIRP irp = io_irp(device);
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    size_t size = input_size > output_size ? input_size : output_size;

    *request = (struct request){.output = output, .output_size = output_size, .input_size = input_size, .file = file};
    if (size) {
        request->system_buffer = mm_allocate(BLOCK_OBJECT, size, 'bSoI', MM_BYTE_END);
        memcpy(request->system_buffer, input, input_size);
    }
    irp->AssociatedIrp.SystemBuffer = request->system_buffer;
    irp->Flags = IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
    stack->MajorFunction = IRP_MJ_DEVICE_CONTROL;
    stack->FileObject = file;
    stack->Parameters.DeviceIoControl.IoControlCode = code;
    stack->Parameters.DeviceIoControl.InputBufferLength = (ULONG)input_size;
    stack->Parameters.DeviceIoControl.OutputBufferLength = (ULONG)output_size;
    request_start(request, irp, device);
}

NTSTATUS io_ioctl(PFILE_OBJECT file, ULONG code, const void *input, size_t input_size, void *output, size_t output_size, size_t *written)
{
    struct request request;

    io_ioctl_start(&request, file, code, input, input_size, output, output_size);
    io_wait(&request, NEVER);
    if (written)
        *written = NT_ERROR(request.status) ? 0 : request.information;
    return request.status;
}

/* --- cancel --------------------------------------------------------------------------------------------------------------------------------- */

static void cancel_lock_take(PKIRQL irql)
{
    *irql = irql_raise(DISPATCH_LEVEL);
    lock_take(&cancel_lock, LOCK_CANCEL, true, true);
}

static void cancel_lock_drop(KIRQL irql)
{
    lock_drop(&cancel_lock, LOCK_CANCEL);
    irql_lower(irql);
}

static BOOLEAN cancel(PIRP irp)
{
    PDRIVER_CANCEL routine;
    KIRQL irql;

    cancel_lock_take(&irql);
    irp->Cancel = TRUE;
    routine = (PDRIVER_CANCEL)InterlockedExchangePointer((PVOID *)&irp->CancelRoutine, NULL);
    if (!routine) {
        cancel_lock_drop(irql);
        return FALSE;
    }
    irp->CancelIrql = irql;
    routine(irp->Tail.Overlay.CurrentStackLocation->DeviceObject, irp);
    if (lock_held_by_me(&cancel_lock, NULL))
        bugcheck("lock-held", "a cancel routine returned without releasing the cancel spin lock");
    if (self()->irql != irql)
        bug("irql-changed", "a cancel routine returned at IRQL %u, entered from %u", self()->irql, irql);
    return TRUE;
}

void io_cancel(struct request *request)
{
    if (request->irp && !request->done) {
        request->cancelled = true;
        cancel(request->irp);
    }
}

EXPORT(BOOLEAN, IoCancelIrp, (PIRP irp)) { return cancel(irp); }
EXPORT(VOID, IoAcquireCancelSpinLock, (PKIRQL irql)) { cancel_lock_take(irql); }
EXPORT(VOID, IoReleaseCancelSpinLock, (KIRQL irql)) { cancel_lock_drop(irql); }

/* --- what is left ------------------------------------------------------------------------------------------------------------------------------ */

static void report_irp(struct block *block, void *context)
{
    if (block->driver_owned && block->kind == BLOCK_OBJECT) {
        bug("irp-leak", "an %s of the driver's is left, allocated by %s", block->tag == ' prI' ? "IRP" : "object", place(block->allocated_by));
        ++*(unsigned *)context;
    }
}

unsigned io_report_leaks(PDRIVER_OBJECT driver)
{
    unsigned count = 0;

    for (PDEVICE_OBJECT d = driver->DeviceObject; d; d = d->NextDevice) {
        bug("device-leak", "a device object (type 0x%x, %ls) is left, created by %s", (unsigned)d->DeviceType,
            ob_path(d) ? ob_path(d) : L"unnamed", place(side_of(d)->made_by));
        count++;
    }
    mm_each(report_irp, &count);
    return count + iolib_report_leaks();
}
