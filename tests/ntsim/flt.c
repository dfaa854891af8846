/* SPDX-License-Identifier: MIT */
/* Registering, attaching, unloading. */
#include "flt.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "cm.h"
#include "export.h"
#include "io.h"
#include "irql.h"
#include "mm.h"
#include "npfs.h"
#include "ob.h"
#include "profile.h"
#include "ps.h"
#include "sched.h"
#include "verify.h"

enum { VOLUMES = 8 };

static struct object_type filter_type = {"Filter", NULL, NULL, NULL, NULL}, volume_type = {"Volume", NULL, NULL, NULL, NULL},
                          instance_type = {"Instance", NULL, NULL, NULL, NULL};
static struct flt_filter *filter; /* at most one in this world */
static struct flt_volume *volumes[VOLUMES];
static PDRIVER_OBJECT manager;
static PDRIVER_UNLOAD taken_over; /* the driver's own routine */
static FAST_IO_DISPATCH fast = {.SizeOfFastIoDispatch = sizeof(FAST_IO_DISPATCH), .FastIoWrite = flt_fast_write};

struct flt_filter *flt_current(void) { return filter; }

struct flt_volume *flt_volume_of(struct fs_volume *fs)
{
    for (unsigned i = 0; i < VOLUMES; i++)
        if (volumes[i] && volumes[i]->fs == fs)
            return volumes[i];
    return NULL;
}

/* --- volumes ----------------------------------------------------------------------------------------------------------- */

static struct flt_volume *volume_new(PDEVICE_OBJECT target, PDEVICE_OBJECT named, struct fs_volume *fs)
{
    struct flt_volume *volume = ob_create(&volume_type, sizeof *volume);

    volume->named = named;
    volume->fs = fs;
    volume->device = io_device(manager, NULL, target->DeviceType, sizeof volume);
    *(struct flt_volume **)volume->device->DeviceExtension = volume;
    volume->lower = io_attach(volume->device, target);
    for (unsigned i = 0; i < VOLUMES; i++)
        if (!volumes[i]) {
            volumes[i] = volume;
            return volume;
        }
    sim_error("too many volumes");
}

/* --- instances ------------------------------------------------------------------------------------------------------------- */

FLT_RELATED_OBJECTS *flt_lend_objects(struct flt_instance *instance, struct flt_volume *volume, PFILE_OBJECT file)
{
    FLT_RELATED_OBJECTS *objects = mm_allocate(BLOCK_NONPAGED, sizeof *objects, 'bOtF', 0);

    memset(objects, 0, sizeof *objects);
    objects->Size = sizeof *objects;
    objects->Filter = filter;
    objects->Volume = volume;
    objects->Instance = instance;
    objects->FileObject = file;
    return objects;
}

static ULONG file_system_type(const struct flt_volume *volume)
{
    return !volume->fs ? FLT_FSTYPE_NPFS : volume->fs->fat ? FLT_FSTYPE_FAT : FLT_FSTYPE_NTFS;
}

static NTSTATUS ask_setup(struct flt_instance *instance, ULONG flags)
{
    PFLT_INSTANCE_SETUP_CALLBACK setup = filter->registration.InstanceSetupCallback;
    FLT_RELATED_OBJECTS *objects;
    struct crossing crossing;
    NTSTATUS status;

    if (!setup)
        return STATUS_SUCCESS;
    objects = flt_lend_objects(instance, instance->volume, NULL);
    cross_in(&crossing, "an instance setup callback");
    status = setup(objects, flags, instance->volume->device->DeviceType, file_system_type(instance->volume));
    cross_out(&crossing);
    mm_free(objects);
    return status;
}

static bool supports(const struct flt_volume *volume)
{
    return volume->fs || (nt_at_least(WIN8) && filter->registration.Flags & FLTFL_REGISTRATION_SUPPORT_NPFS_MSFS);
}

static void attach(struct flt_volume *volume, ULONG flags)
{
    struct flt_instance *instance;
    NTSTATUS status;

    if (volume->instance || !supports(volume))
        return;
    instance = ob_create(&instance_type, sizeof *instance);
    instance->filter = filter;
    instance->volume = volume;
    status = ask_setup(instance, flags);
    if (NT_SUCCESS(status))
        volume->instance = instance;
    else
        ob_dereference(instance);
}

static void call_teardown(PFLT_INSTANCE_TEARDOWN_CALLBACK callback, struct flt_instance *instance, ULONG reason, const char *what)
{
    FLT_RELATED_OBJECTS *objects;
    struct crossing crossing;

    if (!callback)
        return;
    objects = flt_lend_objects(instance, instance->volume, NULL);
    cross_in(&crossing, what);
    callback(objects, reason);
    cross_out(&crossing);
    mm_free(objects);
}

static void detach(struct flt_volume *volume, ULONG reason)
{
    struct flt_instance *instance = volume->instance;

    if (!instance)
        return;
    instance->tearing_down = true;
    call_teardown(filter->registration.InstanceTeardownStartCallback, instance, reason, "an instance teardown-start callback");
    volume->instance = NULL;
    flt_drain(instance);
    sched_lock();
    while (instance->outstanding)
        sched_sleep(instance, NEVER, "operations of an instance");
    sched_unlock();
    call_teardown(filter->registration.InstanceTeardownCompleteCallback, instance, reason, "an instance teardown-complete callback");
    flt_context_instance_gone(instance);
    ob_dereference(instance);
}

/* --- registration -------------------------------------------------------------------------------------------------------------- */

static size_t registration_size(USHORT version)
{
    switch (version) {
    case 0x200:
        return BY_ARCH(88, 48);
    case 0x201:
        return BY_ARCH(96, 52);
    case 0x202:
        return BY_ARCH(104, 56);
    case 0x203:
        return BY_ARCH(112, 60);
    default:
        return 0;
    }
}

/* A newer minor version than the running manager knows is what this project must not rely on. */
static NTSTATUS check_version(const FLT_REGISTRATION *r)
{
    USHORT newest = nt_at_least(WIN8) ? 0x203 : nt_at_least(6000) ? 0x202 : 0x200;

    if ((r->Version & 0xff00) != 0x200 || !registration_size(r->Version) || r->Size != registration_size(r->Version))
        return STATUS_INVALID_PARAMETER;
    if (r->Version > newest)
        bug("flt-version", "registration version 0x%x on a system that knows 0x%x", r->Version, newest);
    return STATUS_SUCCESS;
}

static void copy_tables(struct flt_filter *f, const FLT_REGISTRATION *r)
{
    const FLT_OPERATION_REGISTRATION *o = r->OperationRegistration;
    const FLT_CONTEXT_REGISTRATION *c = r->ContextRegistration;

    while (o && o->MajorFunction != IRP_MJ_OPERATION_END && f->operation_count < FLT_OPERATIONS)
        f->operations[f->operation_count++] = *o++;
    while (c && c->ContextType != FLT_CONTEXT_END && f->context_count < FLT_CONTEXTS)
        f->contexts[f->context_count++] = *c++;
}

static VOID NTAPI manager_unload(PDRIVER_OBJECT driver)
{
    struct crossing crossing;

    if (filter && filter->registration.FilterUnloadCallback) {
        cross_in(&crossing, "the filter unload callback");
        filter->registration.FilterUnloadCallback(1);
        cross_out(&crossing);
    }
    (void)driver;
    if (filter)
        bug("flt-unload", "the filter unload callback returned without FltUnregisterFilter");
}

static NTSTATUS check_service_key(PDRIVER_OBJECT driver)
{
    WCHAR path[300];

    swprintf(path, 300, L"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\%ls\\Instances",
             driver->DriverExtension->ServiceKeyName.Buffer);
    return cm_exists(path) ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltRegisterFilter, (PDRIVER_OBJECT driver, const FLT_REGISTRATION *r, PFLT_FILTER *out))
{
    NTSTATUS status = check_version(r);

    if (NT_SUCCESS(status))
        status = check_service_key(driver);
    if (!NT_SUCCESS(status))
        return status;
    if (filter)
        bugcheck("flt-register", "registered twice");
    filter = ob_create(&filter_type, sizeof *filter);
    filter->driver = driver;
    memcpy(&filter->registration, r, r->Size);
    copy_tables(filter, r);
    if (r->FilterUnloadCallback && !(r->Flags & FLTFL_REGISTRATION_DO_NOT_SUPPORT_SERVICE_STOP)) {
        taken_over = driver->DriverUnload;
        driver->DriverUnload = manager_unload;
    }
    *out = filter;
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltStartFiltering, (PFLT_FILTER f))
{
    ob_is(f, &filter_type);
    f->started = true;
    for (unsigned i = 0; i < VOLUMES && profile->filter_manager_serves; i++)
        if (volumes[i])
            attach(volumes[i], FLTFL_INSTANCE_SETUP_AUTOMATIC_ATTACHMENT);
    return STATUS_SUCCESS;
}

static bool referenced(void)
{
    return ob_references(filter) > 1;
}

EXPORT(VOID, FltUnregisterFilter, (PFLT_FILTER f))
{
    if (f != filter)
        bugcheck("flt-register", "FltUnregisterFilter of something that is not registered");
    filter->unloading = true;
    for (unsigned i = 0; i < VOLUMES; i++)
        if (volumes[i])
            detach(volumes[i], FLTFL_INSTANCE_TEARDOWN_MANDATORY_FILTER_UNLOAD);
    if (referenced())
        bugcheck("reference-leak", "FltUnregisterFilter would wait for ever: %d reference(s) to the filter are left",
                 (int)ob_references(filter) - 1);
    flt_context_report();
    ob_dereference(filter);
    filter = NULL;
}

/* Nobody promises that FltUnregisterFilter gives the unload routine back. */
void flt_check_driver(PDRIVER_OBJECT driver)
{
    if (driver->DriverUnload != manager_unload || filter)
        return;
    bug("flt-unload", "DriverUnload still is the filter manager's although the filter is not registered: the driver can never be unloaded");
    driver->DriverUnload = taken_over;
}

NTSTATUS flt_unload_optional(void)
{
    struct crossing crossing;
    NTSTATUS status;

    if (!filter || !filter->registration.FilterUnloadCallback)
        return STATUS_FLT_DO_NOT_DETACH;
    cross_in(&crossing, "the filter unload callback");
    status = filter->registration.FilterUnloadCallback(0);
    cross_out(&crossing);
    return status;
}

/* --- objects of the manager in the driver's hands ------------------------------------------------------------------------------- */

FALLIBLE(FAILS_STATUS, NTSTATUS, FltObjectReference, (PVOID object))
{
    ob_reference(object);
    ob_give(object);
    return STATUS_SUCCESS;
}
EXPORT(VOID, FltObjectDereference, (PVOID object))
{
    ob_take_back(object);
    ob_dereference(object);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltEnumerateVolumes, (PFLT_FILTER f, PFLT_VOLUME *list, ULONG size, PULONG returned))
{
    ULONG n = 0;

    (void)f;
    for (unsigned i = 0; i < VOLUMES; i++)
        n += volumes[i] != NULL;
    *returned = n;
    if (size < n)
        return STATUS_BUFFER_TOO_SMALL;
    for (unsigned i = 0; i < VOLUMES; i++)
        if (volumes[i]) {
            nt_FltObjectReference(volumes[i]);
            *list++ = volumes[i];
        }
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltEnumerateInstances, (PFLT_VOLUME volume, PFLT_FILTER f, PFLT_INSTANCE *list, ULONG size, PULONG returned))
{
    ULONG n = 0;

    (void)f;
    for (unsigned i = 0; i < VOLUMES; i++)
        n += volumes[i] && volumes[i]->instance && (!volume || volume == volumes[i]);
    *returned = n;
    if (size < n)
        return STATUS_BUFFER_TOO_SMALL;
    for (unsigned i = 0; i < VOLUMES; i++)
        if (volumes[i] && volumes[i]->instance && (!volume || volume == volumes[i])) {
            nt_FltObjectReference(volumes[i]->instance);
            *list++ = volumes[i]->instance;
        }
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltGetVolumeFromInstance, (PFLT_INSTANCE instance, PFLT_VOLUME *volume))
{
    *volume = instance->volume;
    return nt_FltObjectReference(*volume);
}

static NTSTATUS give_text(const WCHAR *text, PUNICODE_STRING string, PULONG needed)
{
    size_t bytes = wcslen(text) * sizeof(WCHAR);

    if (needed)
        *needed = (ULONG)bytes;
    if (!string || string->MaximumLength < bytes)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(string->Buffer, text, bytes);
    string->Length = (USHORT)bytes;
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltGetVolumeName, (PFLT_VOLUME volume, PUNICODE_STRING name, PULONG needed))
{
    return give_text(ob_path(volume->named), name, needed);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltGetVolumeGuidName, (PFLT_VOLUME volume, PUNICODE_STRING name, PULONG needed))
{
    if (!volume->fs)
        return STATUS_FLT_NO_HANDLER_DEFINED;
    return give_text(L"\\??\\Volume{11111111-2222-3333-4444-555555555555}", name, needed);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltGetDiskDeviceObject, (PFLT_VOLUME volume, PDEVICE_OBJECT *device))
{
    if (!volume->fs)
        return STATUS_FLT_NO_HANDLER_DEFINED;
    ob_reference(volume->named);
    ob_give(volume->named);
    *device = volume->named;
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltGetDeviceObject, (PFLT_VOLUME volume, PDEVICE_OBJECT *device))
{
    ob_reference(volume->device);
    ob_give(volume->device);
    *device = volume->device;
    return STATUS_SUCCESS;
}

EXPORT(NTSTATUS, FltGetFileSystemType, (PVOID object, ULONG *type))
{
    struct flt_volume *volume = ob_is(object, &instance_type) ? ((struct flt_instance *)object)->volume : object;

    *type = file_system_type(volume);
    return STATUS_SUCCESS;
}

/* FLT_VOLUME_PROPERTIES: type 0, characteristics 4, flags 8, alignment 12, sector size 16, three names behind */
FALLIBLE(FAILS_STATUS, NTSTATUS, FltGetVolumeProperties, (PFLT_VOLUME volume, PVOID buffer, ULONG length, PULONG returned))
{
    const WCHAR *name = ob_path(volume->named);
    ULONG fixed = BY_ARCH(72, 44), bytes = (ULONG)(wcslen(name) * sizeof(WCHAR));
    uint8_t *out = buffer;

    *returned = fixed + bytes;
    if (length < fixed)
        return STATUS_BUFFER_TOO_SMALL;
    memset(out, 0, fixed);
    *(ULONG *)out = volume->device->DeviceType;
    *(USHORT *)(out + 16) = 512;
    if (length < *returned)
        return STATUS_BUFFER_OVERFLOW;
    memcpy(out + fixed, name, bytes);
    *(UNICODE_STRING *)(out + BY_ARCH(56, 36)) = (UNICODE_STRING){(USHORT)bytes, (USHORT)bytes, (WCHAR *)(out + fixed)};
    return STATUS_SUCCESS;
}

/* --- the world ------------------------------------------------------------------------------------------------------------------ */

void flt_attach_volume(struct fs_volume *fs)
{
    struct flt_volume *volume = volume_new(fs->file_system, fs->storage, fs);

    if (filter && filter->started && profile->filter_manager_serves)
        attach(volume, FLTFL_INSTANCE_SETUP_AUTOMATIC_ATTACHMENT | FLTFL_INSTANCE_SETUP_NEWLY_MOUNTED_VOLUME);
}

void flt_begin(void)
{
    if (!profile->filter_manager_serves)
        return;
    manager = io_driver(L"\\FileSystem\\FltMgr", L"FltMgr");
    for (unsigned i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        manager->MajorFunction[i] = flt_dispatch;
    manager->FastIoDispatch = &fast;
    for (struct fs_volume *fs = fs_volumes(); fs; fs = fs->next)
        flt_attach_volume(fs);
    if (nt_at_least(WIN8))
        volume_new(npfs_device(), npfs_device(), NULL);
}

unsigned flt_report_leaks(void)
{
    if (!filter)
        return 0;
    bug("callback-leak", "the minifilter is still registered");
    return 1;
}

void flt_reset(void)
{
    filter = NULL;
    memset(volumes, 0, sizeof volumes);
    flt_context_reset();
}
