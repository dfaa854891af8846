/* SPDX-License-Identifier: MIT */
/*
 * Process tampering (event 25): does a process run the file it was started from?
 *
 * At creation the state of the image's file tells: marked for deletion, or still open for writing by somebody. Once the process runs,
 * the image base its PEB names must be a mapping of the file it was created from; that is looked at once, at the first
 * image after the program and ntdll, and only where such queries are allowed in that callback (NT 6.2 on).
 */
#include "driver.h"
#include "guard.h"

#define IMAGES_BEFORE_CHECK 2

enum tampering { IMAGE_REPLACED = 1, IMAGE_LOCKED, IMAGE_DELETED };

static const WCHAR *const texts[] = {
    [IMAGE_REPLACED] = L"Image is replaced",
    [IMAGE_LOCKED] = L"Image is locked for access",
    [IMAGE_DELETED] = L"Image is deleted",
};

static void report(const struct process *process, enum tampering what)
{
    const struct span extensions[WIRE_TAMPERING_EXTENSIONS] = { [WIRE_TAMPERING_SID] = SPAN_SID(process) };
    struct record *record;
    struct wire_process_tampering *body;
    UNICODE_STRING text;

    if (!settings_wants(EVENT_PROCESS_IMAGE_TAMPERING))
        return;
    record = record_create(WIRE_PROCESS_TAMPERING, extensions);
    if (!record)
        return;
    RtlInitUnicodeString(&text, texts[what]);
    body = record_body(record);
    body->EventSubtype = what;
    body->EventSystemTime = compat_time();
    body->ProcessId = process->id;
    name_copy(body->Type, COUNT(body->Type), &text);
    record_submit(record, process->session);
}

static bool has_writers(PFILE_OBJECT file)
{
    if (file->WriteAccess)
        return true;
    return compat.MmDoesFileHaveUserWritableReferences && file->SectionObjectPointer &&
           compat.MmDoesFileHaveUserWritableReferences(file->SectionObjectPointer);
}

void tamper_check_file(const struct process *process, PFILE_OBJECT file)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!file)
        return;
    if (file->DeletePending)
        report(process, IMAGE_DELETED);
    else if (has_writers(file))
        report(process, IMAGE_LOCKED);
}

/* Of the current process; NULL when it can not be told. */
static PVOID image_base(void)
{
    struct nt_process_basic basic;
    PVOID base = NULL;

    if (!NT_SUCCESS(ZwQueryInformationProcess(ZwCurrentProcess(), NT_PROCESS_BASIC, &basic, sizeof basic, NULL)) || !basic.peb)
        return NULL;
    if (!NT_SUCCESS(guard_read(&base, (UCHAR *)basic.peb + NT_PEB_IMAGE_BASE, sizeof base)))
        return NULL;
    return base;
}

/* Private memory has no name, which is an answer; that memory is short is none. */
static bool runs_its_image(const struct process *process, PVOID base)
{
    UNICODE_STRING *name = NULL;
    NTSTATUS status = name_query_mapping(ZwCurrentProcess(), base, &name);
    bool same;

    if (status == STATUS_INVALID_ADDRESS || status == STATUS_SECTION_NOT_IMAGE || status == STATUS_FILE_INVALID)
        return false;
    same = !NT_SUCCESS(status) || RtlEqualUnicodeString(name, &process->image, TRUE);
    pool_free(name);
    return same;
}

void tamper_check_running(struct process *process)
{
    PVOID base;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (InterlockedIncrement(&process->images) != IMAGES_BEFORE_CHECK + 1)
        return;
    if (!compat_at_least(6, 2) || !compat.ZwQueryVirtualMemory || !process->seen_from_start || !process->image.Length ||
        process->object != PsGetCurrentProcess())
        return;
    base = image_base();
    if (base && !runs_its_image(process, base))
        report(process, IMAGE_REPLACED);
}
