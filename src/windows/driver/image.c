/* SPDX-License-Identifier: MIT */
/*
 * Images: drivers (event 6), images of processes (event 7, with WIRE_OPTION_IMAGE only). Up to NT 6.1 the routine runs under the
 * address-space lock of the process: nothing here allocates, maps or queries user memory on those systems.
 */
#include "driver.h"

#define SYSTEM_MODE_IMAGE 0x100u
#define EXTENDED_INFO 0x400u

/* IMAGE_INFO_EX, which mingw-w64 has without the file object's guard (NT 6.0). */
struct image_info_extended {
    SIZE_T size;
    IMAGE_INFO info;
    PFILE_OBJECT file;
};

/* When the system gives no name: that of the file. The caller frees it. */
static UNICODE_STRING *name_of_image(PIMAGE_INFO info)
{
    struct image_info_extended *extended = CONTAINING_RECORD(info, struct image_info_extended, info);

    if (!(info->Properties & EXTENDED_INFO) || !extended->file)
        return NULL;
    return name_of_object(extended->file);
}

static void report(HANDLE id, const struct process *process, const UNICODE_STRING *name, PIMAGE_INFO info, bool is_driver)
{
    const struct span extensions[WIRE_IMAGE_EXTENSIONS] = {
        [WIRE_IMAGE_SID] = { process ? process->sid : NULL, process ? process->sid_size : 0 },
        [WIRE_IMAGE_PATH] = { name ? name->Buffer : NULL, name ? name->Length : 0 },
        [WIRE_IMAGE_PROCESS] = { process ? process->image.Buffer : NULL, process ? process->image.Length : 0 },
    };
    struct record *record = record_create(WIRE_IMAGE_LOAD, extensions);
    struct wire_image_load *body;

    if (!record)
        return;
    body = record_body(record);
    body->ProcessId = HandleToULong(id);
    body->EventTime = compat_time();
    body->Driver = is_driver;
    body->ImageBase = (ULONG_PTR)info->ImageBase;
    record_submit(record, process ? process->session : 0);
}

static void image_loaded(HANDLE id, const struct process *process, const UNICODE_STRING *name, PIMAGE_INFO info, bool is_driver)
{
    UNICODE_STRING *found = name && name->Length ? NULL : name_of_image(info);

    report(id, process, found ? found : name, info, is_driver);
    pool_free(found);
}

static bool images_are_wanted(void)
{
    struct settings *settings = settings_acquire();
    bool wanted = (settings->options & WIRE_OPTION_IMAGE) && settings_wants(EVENT_IMAGE_LOAD);

    settings_release(settings);
    return wanted;
}

static void image_of_process(const UNICODE_STRING *name, HANDLE id, PIMAGE_INFO info)
{
    struct process *process = process_acquire(id);

    if (process && process->flags & PROCESS_UNREPORTED) {
        process_report_late(process);
        process_release(process);
        process = process_acquire(id);
    }
    if (process)
        tamper_check_running(process);
    if (images_are_wanted())
        image_loaded(id, process, name, info, false);
    process_release(process);
}

/* IRQL: PASSIVE_LEVEL, in the process that maps; id 0: a driver. */
static VOID NTAPI notify(PUNICODE_STRING name, HANDLE id, PIMAGE_INFO info)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (id && !(info->Properties & SYSTEM_MODE_IMAGE))
        image_of_process(name, id, info);
    else if (settings_wants(EVENT_DRIVER_LOAD))
        image_loaded(id, NULL, name, info, true);
}

NTSTATUS image_start(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    return PsSetLoadImageNotifyRoutine(notify);
}

void image_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    PsRemoveLoadImageNotifyRoutine(notify);
}
