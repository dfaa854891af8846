/* SPDX-License-Identifier: MIT */
/* The I/O manager's routines for drivers: work items, lookups of devices, remove locks, MDLs, registrations. */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "export.h"
#include "fs.h"
#include "io.h"
#include "irql.h"
#include "ke.h"
#include "mm.h"
#include "ob.h"
#include "pool.h"
#include "profile.h"
#include "ps.h"
#include "verify.h"

/* --- work items ---------------------------------------------------------------------------------------------------------- */

struct _IO_WORKITEM { /* opaque to the driver */
    PDEVICE_OBJECT device;
    void *routine;
    PVOID context;
    bool queued, ex, flt;
};

enum { WORKERS = 2, QUEUE = 512 };
static struct _IO_WORKITEM *queue[QUEUE];
static PWORK_QUEUE_ITEM plain_queue[QUEUE];
static unsigned first, count;
static unsigned busy;
static bool ending;
static char work_channel;

static void run_item(struct _IO_WORKITEM *item)
{
    struct _IO_WORKITEM copy = *item;
    struct crossing crossing;

    item->queued = false;
    cross_in(&crossing, "a work item");
    if (copy.ex)
        ((VOID(NTAPI *)(PVOID, PVOID, PVOID))copy.routine)(copy.device, copy.context, item);
    else if (copy.flt)
        ((VOID(NTAPI *)(PVOID, PVOID, PVOID))copy.routine)(item, copy.device, copy.context);
    else
        ((VOID(NTAPI *)(PVOID, PVOID))copy.routine)(copy.device, copy.context);
    cross_out(&crossing);
    if (!copy.flt)
        ob_dereference(copy.device);
}

static void run_plain(PWORK_QUEUE_ITEM item)
{
    struct crossing crossing;

    cross_in(&crossing, "a work queue item");
    item->WorkerRoutine(item->Parameter);
    cross_out(&crossing);
}

static void worker(void *unused)
{
    (void)unused;
    sched_lock();
    while (!ending) {
        struct _IO_WORKITEM *item;
        PWORK_QUEUE_ITEM plain;

        if (!count) {
            sched_sleep(&work_channel, NEVER, "work");
            continue;
        }
        item = queue[first];
        plain = plain_queue[first];
        first = (first + 1) % QUEUE;
        count--;
        busy++;
        sched_unlock();
        if (item)
            run_item(item);
        else
            run_plain(plain);
        sched_lock();
        busy--;
    }
    sched_unlock();
}

static void enqueue(struct _IO_WORKITEM *item, PWORK_QUEUE_ITEM plain)
{
    sched_lock();
    if (count == QUEUE)
        sim_error("the work queue is full");
    queue[(first + count) % QUEUE] = item;
    plain_queue[(first + count++) % QUEUE] = plain;
    sched_wake(&work_channel);
    sched_unlock();
}

bool io_work_idle(void) { return count == 0 && busy == 0; }

static struct _IO_WORKITEM *item_new(void *target)
{
    struct _IO_WORKITEM *item = mm_allocate(BLOCK_NONPAGED, sizeof *item, 'mtIW', 0);

    *item = (struct _IO_WORKITEM){.device = target};
    mm_block(item)->driver_owned = true;
    return item;
}

static void item_free(struct _IO_WORKITEM *item)
{
    if (item->queued)
        bug("work-item", "a work item is freed while it is queued");
    mm_free(item);
}

static void item_queue(struct _IO_WORKITEM *item, void *routine, PVOID context)
{
    if (item->queued)
        bugcheck("work-item", "a work item is queued twice");
    item->routine = routine;
    item->context = context;
    item->queued = true;
    enqueue(item, NULL);
}

FALLIBLE(FAILS_NULL, PIO_WORKITEM, IoAllocateWorkItem, (PDEVICE_OBJECT device)) { return item_new(device); }
EXPORT(VOID, IoFreeWorkItem, (PIO_WORKITEM item)) { item_free(item); }
EXPORT(VOID, IoQueueWorkItem, (PIO_WORKITEM item, PVOID routine, WORK_QUEUE_TYPE type, PVOID context))
{
    (void)type;
    ob_reference(item->device);
    item_queue(item, routine, context);
}
EXPORT(VOID, IoQueueWorkItemEx, (PIO_WORKITEM item, PVOID routine, WORK_QUEUE_TYPE type, PVOID context))
{
    item->ex = true;
    nt_IoQueueWorkItem(item, routine, type, context);
}
EXPORT(VOID, ExQueueWorkItem, (PWORK_QUEUE_ITEM item, WORK_QUEUE_TYPE type))
{
    (void)type;
    enqueue(NULL, item);
}

FALLIBLE(FAILS_NULL, PVOID, FltAllocateGenericWorkItem, (void)) { return item_new(NULL); }
EXPORT(VOID, FltFreeGenericWorkItem, (PVOID item)) { item_free(item); }
FALLIBLE(FAILS_STATUS, NTSTATUS, FltQueueGenericWorkItem, (PVOID memory, PVOID object, PVOID routine, WORK_QUEUE_TYPE type, PVOID context))
{
    struct _IO_WORKITEM *item = memory;

    (void)type;
    item->flt = true;
    item->device = object;
    item_queue(item, routine, context);
    return STATUS_SUCCESS;
}

/* --- finding devices --------------------------------------------------------------------------------------------------------- */

static void give_reference(void *body)
{
    ob_reference(body);
    ob_give(body);
}

EXPORT(PDEVICE_OBJECT, IoGetAttachedDevice, (PDEVICE_OBJECT device)) { return io_top(device); }
EXPORT(PDEVICE_OBJECT, IoGetAttachedDeviceReference, (PDEVICE_OBJECT device))
{
    device = io_top(device);
    give_reference(device);
    return device;
}
EXPORT(PDEVICE_OBJECT, IoGetLowerDeviceObject, (PDEVICE_OBJECT device))
{
    device = io_lower(device);
    if (device)
        give_reference(device);
    return device;
}
EXPORT(PDEVICE_OBJECT, IoGetDeviceAttachmentBaseRef, (PDEVICE_OBJECT device))
{
    while (io_lower(device))
        device = io_lower(device);
    give_reference(device);
    return device;
}
EXPORT(PDEVICE_OBJECT, IoGetBaseFileSystemDeviceObject, (PFILE_OBJECT file))
{
    return file->DeviceObject->Vpb ? file->DeviceObject->Vpb->DeviceObject : file->DeviceObject;
}
EXPORT(PDEVICE_OBJECT, IoGetRelatedDeviceObject, (PFILE_OBJECT file)) { return io_top(nt_IoGetBaseFileSystemDeviceObject(file)); }

FALLIBLE(FAILS_STATUS, NTSTATUS, IoGetDiskDeviceObject, (PDEVICE_OBJECT file_system, PDEVICE_OBJECT *disk))
{
    struct fs_volume *volume = fs_volume_of(file_system);

    if (!volume)
        return STATUS_INVALID_PARAMETER;
    if (profile->fat_volumes) /* nt52-facts: may fail for a volume device */
        return STATUS_VOLUME_DISMOUNTED;
    give_reference(volume->storage);
    *disk = volume->storage;
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, IoEnumerateDeviceObjectList, (PDRIVER_OBJECT driver, PDEVICE_OBJECT *list, ULONG size, PULONG number))
{
    ULONG n = 0;

    for (PDEVICE_OBJECT d = driver->DeviceObject; d; d = d->NextDevice)
        n++;
    *number = n;
    if (size / sizeof *list < n)
        return STATUS_BUFFER_TOO_SMALL;
    for (PDEVICE_OBJECT d = driver->DeviceObject; d; d = d->NextDevice) {
        give_reference(d);
        *list++ = d;
    }
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, IoGetDeviceObjectPointer, (PUNICODE_STRING name, ACCESS_MASK access, PFILE_OBJECT *file, PDEVICE_OBJECT *device))
{
    WCHAR path[260];
    struct opening o = {.path = path, .access = access, .disposition = FILE_OPEN, .no_handle = true};
    KPROCESSOR_MODE mode = self()->previous_mode;
    NTSTATUS status;

    memcpy(path, name->Buffer, name->Length);
    path[name->Length / sizeof(WCHAR)] = 0;
    self()->previous_mode = KernelMode;
    status = io_open(&o);
    self()->previous_mode = mode;
    if (!NT_SUCCESS(status))
        return status;
    ob_give(o.file);
    *file = o.file;
    *device = io_target(o.file);
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, IoVolumeDeviceToDosName, (PVOID body, PUNICODE_STRING name))
{
    for (struct fs_volume *v = fs_volumes(); v; v = v->next)
        if (v->storage == body && v->letter) {
            name->Length = 4;
            name->MaximumLength = 6;
            name->Buffer = pool_for_driver(BLOCK_PAGED, 6, 'mNdV');
            memcpy(name->Buffer, (WCHAR[3]){v->letter, ':', 0}, 6);
            return STATUS_SUCCESS;
        }
    return STATUS_OBJECT_NAME_NOT_FOUND;
}
EXPORT_ALIAS(RtlVolumeDeviceToDosName, nt_IoVolumeDeviceToDosName)

static int links;

/* \DosDevices is \?? */
static void link_path(PUNICODE_STRING link, WCHAR *text)
{
    memcpy(text, link->Buffer, link->Length);
    text[link->Length / 2] = 0;
    if (_wcsnicmp(text, L"\\DosDevices\\", 12) == 0) {
        memmove(text + 4, text + 12, (wcslen(text + 12) + 1) * sizeof(WCHAR));
        memcpy(text, L"\\??\\", 8);
    }
}

FALLIBLE(FAILS_STATUS, NTSTATUS, IoCreateSymbolicLink, (PUNICODE_STRING link, PUNICODE_STRING target))
{
    WCHAR from[260], to[260];

    if (link->Length >= sizeof from || target->Length >= sizeof to)
        return STATUS_OBJECT_NAME_INVALID;
    link_path(link, from);
    memcpy(to, target->Buffer, target->Length);
    to[target->Length / 2] = 0;
    if (!NT_SUCCESS(ob_link(from, to)))
        return STATUS_OBJECT_NAME_COLLISION;
    links++;
    return STATUS_SUCCESS;
}

EXPORT(NTSTATUS, IoDeleteSymbolicLink, (PUNICODE_STRING link))
{
    WCHAR from[260];

    link_path(link, from);
    if (!ob_unlink(from))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    links--;
    return STATUS_SUCCESS;
}

/* --- requestors and the thread's state --------------------------------------------------------------------------------------------- */

EXPORT(PEPROCESS, IoGetRequestorProcess, (PIRP irp))
{
    struct thread *thread = (struct thread *)irp->Tail.Overlay.Thread;

    return thread ? (PEPROCESS)thread->process : NULL;
}
EXPORT(ULONG, IoGetRequestorProcessId, (PIRP irp)) { return irp->Tail.Overlay.Thread ? ((struct thread *)irp->Tail.Overlay.Thread)->process->id : 0; }
EXPORT(PIRP, IoGetTopLevelIrp, (void)) { return self()->top_level_irp; }
EXPORT(VOID, IoSetTopLevelIrp, (PIRP irp)) { self()->top_level_irp = irp; }
EXPORT(BOOLEAN, IoIsOperationSynchronous, (PIRP irp)) { return (irp->Flags & (IRP_SYNCHRONOUS_API | IRP_SYNCHRONOUS_PAGING_IO)) != 0; }
EXPORT(PVOID, IoGetInitialStack, (void)) { return self()->stack + self()->stack_size; }
EXPORT(VOID, IoGetStackLimits, (PULONG_PTR low, PULONG_PTR high))
{
    *low = (ULONG_PTR)self()->stack;
    *high = (ULONG_PTR)(self()->stack + self()->stack_size);
}
EXPORT(BOOLEAN, FsRtlIsPagingFile, (PFILE_OBJECT file)) { return (file->Flags & 0) != 0; }

/* --- remove locks ---------------------------------------------------------------------------------------------------------------------- */

EXPORT(VOID, IoInitializeRemoveLockEx, (PIO_REMOVE_LOCK lock, ULONG tag, ULONG minutes, ULONG high, ULONG size))
{
    (void)tag, (void)minutes, (void)high, (void)size;
    memset(lock, 0, sizeof lock->Common);
    lock->Common.IoCount = 1;
}
EXPORT(NTSTATUS, IoAcquireRemoveLockEx, (PIO_REMOVE_LOCK lock, PVOID tag, PCSTR file, ULONG line, ULONG size))
{
    NTSTATUS status = STATUS_SUCCESS;

    (void)tag, (void)file, (void)line, (void)size;
    sched_lock();
    if (lock->Common.Removed)
        status = STATUS_DELETE_PENDING;
    else
        lock->Common.IoCount++;
    sched_unlock();
    return status;
}
EXPORT(VOID, IoReleaseRemoveLockEx, (PIO_REMOVE_LOCK lock, PVOID tag, ULONG size))
{
    (void)tag, (void)size;
    sched_lock();
    if (--lock->Common.IoCount < 0)
        bugcheck("rundown", "a remove lock is released more often than acquired");
    sched_wake(lock);
    sched_unlock();
}
EXPORT(VOID, IoReleaseRemoveLockAndWaitEx, (PIO_REMOVE_LOCK lock, PVOID tag, ULONG size))
{
    (void)tag, (void)size;
    sched_lock();
    lock->Common.Removed = TRUE;
    lock->Common.IoCount -= 2;
    while (lock->Common.IoCount > 0)
        sched_sleep(lock, NEVER, "a remove lock");
    sched_unlock();
}

/* --- registrations ------------------------------------------------------------------------------------------------------------------------ */

typedef VOID(NTAPI *fs_notification)(PDEVICE_OBJECT, BOOLEAN);
enum { NOTIFICATIONS = 8 };
static struct {
    PDRIVER_OBJECT driver;
    fs_notification routine;
    uintptr_t place;
} notifications[NOTIFICATIONS];
static unsigned fs_filter_registrations;

static void call_notification(fs_notification routine, PDEVICE_OBJECT device, BOOLEAN active)
{
    struct crossing crossing;

    cross_in(&crossing, "a file-system notification");
    routine(device, active);
    cross_out(&crossing);
}

void io_announce_file_system(PDEVICE_OBJECT control, bool active)
{
    for (unsigned i = 0; i < NOTIFICATIONS; i++)
        if (notifications[i].routine)
            call_notification(notifications[i].routine, control, active);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, IoRegisterFsRegistrationChange, (PDRIVER_OBJECT driver, PVOID routine))
{
    for (unsigned i = 0; i < NOTIFICATIONS; i++) {
        if (notifications[i].routine == routine)
            return STATUS_DEVICE_ALREADY_ATTACHED;
        if (notifications[i].routine)
            continue;
        notifications[i].driver = driver;
        notifications[i].routine = (fs_notification)routine;
        notifications[i].place = self()->gate_caller;
        for (unsigned fat = 0; fat < 2; fat++)
            call_notification(notifications[i].routine, fs_control_device(fat), TRUE);
        return STATUS_SUCCESS;
    }
    return STATUS_INSUFFICIENT_RESOURCES;
}
FALLIBLE(FAILS_STATUS, NTSTATUS, IoRegisterFsRegistrationChangeMountAware, (PDRIVER_OBJECT driver, PVOID routine, BOOLEAN synchronize))
{
    (void)synchronize;
    return nt_IoRegisterFsRegistrationChange(driver, routine);
}
EXPORT(VOID, IoUnregisterFsRegistrationChange, (PDRIVER_OBJECT driver, PVOID routine))
{
    for (unsigned i = 0; i < NOTIFICATIONS; i++)
        if (notifications[i].routine == routine && notifications[i].driver == driver) {
            notifications[i].routine = NULL;
            return;
        }
    bug("unregister", "a file-system notification is unregistered that is not registered");
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FsRtlRegisterFileSystemFilterCallbacks, (PDRIVER_OBJECT driver, PFS_FILTER_CALLBACKS callbacks))
{
    (void)driver;
    if (callbacks->SizeOfFsFilterCallbacks < BY_ARCH(104u, 56u))
        return STATUS_INVALID_PARAMETER;
    fs_filter_registrations++;
    return STATUS_SUCCESS;
}

static struct {
    PDRIVER_OBJECT driver;
    PDRIVER_REINITIALIZE routine;
    PVOID context;
    bool boot;
} reinitializations[4];

static void add_reinitialization(PDRIVER_OBJECT driver, PDRIVER_REINITIALIZE routine, PVOID context, bool boot)
{
    for (unsigned i = 0; i < 4; i++)
        if (!reinitializations[i].routine) {
            reinitializations[i].driver = driver;
            reinitializations[i].routine = routine;
            reinitializations[i].context = context;
            reinitializations[i].boot = boot;
            return;
        }
}
EXPORT(VOID, IoRegisterBootDriverReinitialization, (PDRIVER_OBJECT driver, PDRIVER_REINITIALIZE routine, PVOID context))
{
    add_reinitialization(driver, routine, context, true);
}
EXPORT(VOID, IoRegisterDriverReinitialization, (PDRIVER_OBJECT driver, PDRIVER_REINITIALIZE routine, PVOID context))
{
    add_reinitialization(driver, routine, context, false);
}

void io_reinitialize(bool boot)
{
    for (unsigned i = 0; i < 4; i++)
        if (reinitializations[i].routine && reinitializations[i].boot == boot) {
            PDRIVER_REINITIALIZE routine = reinitializations[i].routine;
            struct crossing crossing;

            reinitializations[i].routine = NULL;
            cross_in(&crossing, "a reinitialisation routine");
            routine(reinitializations[i].driver, reinitializations[i].context, 1);
            cross_out(&crossing);
        }
}

EXPORT(NTSTATUS, IoRegisterShutdownNotification, (PDEVICE_OBJECT device))
{
    ke_object_begin(device, 1, "shutdown notification");
    return STATUS_SUCCESS;
}
EXPORT(VOID, IoUnregisterShutdownNotification, (PDEVICE_OBJECT device)) { ke_object_end(device, "shutdown notification"); }

unsigned iolib_report_leaks(void)
{
    unsigned n = 0;

    if (links) {
        bug("link-leak", "%d symbolic link(s) left", links);
        links = 0;
        n++;
    }
    for (unsigned i = 0; i < NOTIFICATIONS; i++)
        if (notifications[i].routine) {
            bug("callback-leak", "a file-system notification is still registered (at %s)", place(notifications[i].place));
            n++;
        }
    return n;
}

/* --- MDLs ---------------------------------------------------------------------------------------------------------------------------------- */

FALLIBLE(FAILS_NULL, PMDL, IoAllocateMdl, (PVOID address, ULONG length, BOOLEAN secondary, BOOLEAN quota, PIRP irp))
{
    PMDL mdl = mm_allocate(BLOCK_NONPAGED, sizeof *mdl + 64, 'ldmI', 0);

    (void)secondary, (void)quota, (void)irp;
    memset(mdl, 0, sizeof *mdl);
    mdl->StartVa = (PVOID)((ULONG_PTR)address & ~(ULONG_PTR)0xfff);
    mdl->ByteOffset = (ULONG)((ULONG_PTR)address & 0xfff);
    mdl->ByteCount = length;
    mm_block(mdl)->driver_owned = true;
    return mdl;
}
EXPORT(VOID, IoFreeMdl, (PMDL mdl))
{
    if (mdl->MdlFlags & MDL_PAGES_LOCKED)
        bug("mdl-locked", "an MDL is freed with its pages locked");
    mm_free(mdl);
}
EXPORT(VOID, MmBuildMdlForNonPagedPool, (PMDL mdl))
{
    mdl->MappedSystemVa = (uint8_t *)mdl->StartVa + mdl->ByteOffset;
    mdl->MdlFlags |= MDL_SOURCE_IS_NONPAGED_POOL;
}
FALLIBLE(FAILS_NULL, PVOID, MmMapLockedPagesSpecifyCache, (PMDL mdl, KPROCESSOR_MODE mode, MEMORY_CACHING_TYPE cache, PVOID base,
                                                           ULONG bugcheck_on_failure, ULONG priority))
{
    (void)mode, (void)cache, (void)base, (void)bugcheck_on_failure, (void)priority;
    return mdl->MappedSystemVa ? mdl->MappedSystemVa : (uint8_t *)mdl->StartVa + mdl->ByteOffset;
}
EXPORT(VOID, MmUnmapLockedPages, (PVOID base, PMDL mdl)) { (void)base, (void)mdl; }
EXPORT(VOID, MmUnlockPages, (PMDL mdl)) { mdl->MdlFlags &= (CSHORT)~MDL_PAGES_LOCKED; }

/* --- begin, end -------------------------------------------------------------------------------------------------------------------------------- */

void io_begin(void)
{
    ending = false;
    first = count = busy = 0;
    memset(notifications, 0, sizeof notifications);
    memset(reinitializations, 0, sizeof reinitializations);
    for (unsigned i = 0; i < WORKERS; i++)
        sched_start("worker", ps_idle_thread(), worker, NULL);
}

void io_reset(void)
{
    sched_lock();
    ending = true;
    sched_wake(&work_channel);
    sched_unlock();
    sched_settle();
}
