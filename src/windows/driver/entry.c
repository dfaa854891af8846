/* SPDX-License-Identifier: MIT */
/* Loading and unloading: the parts in order, each undone when a later one fails. */
#include "driver.h"

struct driver driver;

static NTSTATUS NTAPI dispatch(PDEVICE_OBJECT device, PIRP irp)
{
    return control_dispatch(device, irp);
}

/* The path passed to DriverEntry is gone afterwards. */
static NTSTATUS registry_path_keep(PUNICODE_STRING path)
{
    USHORT at = path->Length / sizeof(WCHAR);

    driver.registry_path.Buffer = pool_allocate_paged(path->Length + sizeof(WCHAR));
    if (!driver.registry_path.Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(driver.registry_path.Buffer, path->Buffer, path->Length);
    driver.registry_path.Length = driver.registry_path.MaximumLength = path->Length;
    while (at && path->Buffer[at - 1] != L'\\')
        at--;
    driver.name.Buffer = driver.registry_path.Buffer + at;
    driver.name.Length = driver.name.MaximumLength = (USHORT)(path->Length - at * sizeof(WCHAR));
    return driver.name.Length ? STATUS_SUCCESS : STATUS_OBJECT_NAME_INVALID;
}

static NTSTATUS nothing_to_start(void)
{
    return STATUS_SUCCESS;
}

static void registry_path_drop(void)
{
    pool_free(driver.registry_path.Buffer);
}

/*
 * In the order of starting. A sensor that can not start is reported (event 255) and left out; without the other parts there is
 * no driver.
 */
static const struct part {
    NTSTATUS (*start)(void);
    void (*stop)(void);
    const WCHAR *sensor;
} parts[] = {
    { nothing_to_start, registry_path_drop },
    { queue_start, queue_stop },
    { drives_start, drives_stop },
    { settings_start, settings_stop },
    { process_table_start, process_table_stop },
    { verdict_start, verdict_stop },
    { control_start, control_stop },
    { process_start, process_stop },
    { threads_start, threads_stop, L"Threads" },
    { image_start, image_stop, L"Images" },
    { registry_start, registry_stop, L"Registry" },
    { object_start, object_stop, L"Process access" },
    { files_start, files_stop, L"Files" },
    { pipe_filter_start, pipe_filter_stop, L"Pipes" },
};

static ULONG running; /* bit: index in `parts` */

void driver_stop(void)
{
    for (unsigned i = COUNT(parts); i--;)
        if (running & 1u << i) {
            running &= ~(1u << i);
            parts[i].stop();
        }
}

static NTSTATUS parts_start(void)
{
    for (unsigned i = 0; i < COUNT(parts); i++) {
        NTSTATUS status = parts[i].start();

        if (NT_SUCCESS(status)) {
            running |= 1u << i;
        } else if (parts[i].sensor) {
            record_error(parts[i].sensor, L"Not monitored", status);
        } else {
            driver_stop();
            return status;
        }
    }
    return STATUS_SUCCESS;
}

static VOID NTAPI unload(PDRIVER_OBJECT object)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    UNREFERENCED_PARAMETER(object);
    driver_stop();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT object, PUNICODE_STRING registry_path);

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT object, PUNICODE_STRING registry_path)
{
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    compat_start();
    driver.object = object;
    status = registry_path_keep(registry_path);
    if (!NT_SUCCESS(status)) {
        registry_path_drop();
        return status;
    }
    object->MajorFunction[IRP_MJ_CREATE] = dispatch;
    object->MajorFunction[IRP_MJ_CLEANUP] = dispatch;
    object->MajorFunction[IRP_MJ_CLOSE] = dispatch;
    object->MajorFunction[IRP_MJ_DEVICE_CONTROL] = dispatch;
    object->DriverUnload = unload;
    status = parts_start();
    if (NT_SUCCESS(status) && !files_by_minifilter())
        object->DriverUnload = unload; /* a manager that was tried in vain may have taken it over */
    return status;
}
