/* SPDX-License-Identifier: MIT */
#include "psnotify.h"

#include <string.h>
#include <wchar.h>

#include "export.h"
#include "fault.h"
#include "host.h"
#include "irql.h"
#include "loader.h"
#include "mm.h"
#include "module.h"
#include "ob.h"
#include "profile.h"
#include "verify.h"

enum { SLOTS = 64 };
enum kind { PROCESS_PLAIN, PROCESS_EX, PROCESS_EX2, THREAD_PLAIN, THREAD_EX_NON_SYSTEM, THREAD_EX_SUBSYSTEMS, IMAGE };
static const char *const kind_names[] = {"process", "process (Ex)", "process (Ex2)", "thread", "thread (Ex)", "thread (Ex)", "image"};

static struct slot {
    void *routine;
    enum kind kind;
    unsigned running;
    uintptr_t place;
} slots[SLOTS];
static struct runner *image_runner;

bool psnotify_address_space_locked(void) { return image_runner == self() && !nt_at_least(WIN8); }

static NTSTATUS add(void *routine, enum kind kind)
{
    struct slot *unused = NULL;
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;

    if (!routine)
        return STATUS_INVALID_PARAMETER;
    sched_lock();
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].routine == routine && slots[i].kind == kind) {
            sched_unlock();
            return STATUS_INVALID_PARAMETER;
        }
        if (!slots[i].routine && !unused)
            unused = &slots[i];
    }
    if (unused) {
        *unused = (struct slot){routine, kind, 0, self()->gate_caller};
        status = STATUS_SUCCESS;
    }
    sched_unlock();
    return status;
}

/* Waits for running calls of the routine; from inside the callback itself that would be for ever. */
static NTSTATUS take_away(void *routine, enum kind first, enum kind last)
{
    NTSTATUS status = STATUS_PROCEDURE_NOT_FOUND;

    sched_lock();
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].routine != routine || slots[i].kind < first || slots[i].kind > last)
            continue;
        while (slots[i].running)
            sched_sleep(&slots[i], NEVER, "running notify callbacks");
        slots[i].routine = NULL;
        status = STATUS_SUCCESS;
        break;
    }
    sched_unlock();
    return status;
}

unsigned ps_report_callbacks(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i].routine && loader_contains((uintptr_t)slots[i].routine)) {
            bug("callback-leak", "a %s notify routine is still registered (at %s)", kind_names[slots[i].kind], place(slots[i].place));
            n++;
        }
    return n;
}

void psnotify_reset(void) { memset(slots, 0, sizeof slots); }

/* --- registration ------------------------------------------------------------------------------------------------------- */

static NTSTATUS set_process(PVOID routine, BOOLEAN remove, enum kind kind, const char *name)
{
    if (!remove && fault_point(name))
        return STATUS_INSUFFICIENT_RESOURCES;
    return remove ? take_away(routine, kind, kind) : add(routine, kind);
}

EXPORT(NTSTATUS, PsSetCreateProcessNotifyRoutine, (PVOID routine, BOOLEAN remove))
{
    return set_process(routine, remove, PROCESS_PLAIN, "PsSetCreateProcessNotifyRoutine");
}

static NTSTATUS set_ex(PVOID routine, BOOLEAN remove, enum kind kind, const char *name)
{
    if (!ps_callback_allowed(routine))
        return STATUS_ACCESS_DENIED;
    return set_process(routine, remove, kind, name);
}

EXPORT(NTSTATUS, PsSetCreateProcessNotifyRoutineEx, (PVOID routine, BOOLEAN remove))
{
    return set_ex(routine, remove, PROCESS_EX, "PsSetCreateProcessNotifyRoutineEx");
}
EXPORT(NTSTATUS, PsSetCreateProcessNotifyRoutineEx2, (ULONG type, PVOID routine, BOOLEAN remove))
{
    return type ? STATUS_INVALID_PARAMETER : set_ex(routine, remove, PROCESS_EX2, "PsSetCreateProcessNotifyRoutineEx2");
}
FALLIBLE(FAILS_STATUS, NTSTATUS, PsSetCreateThreadNotifyRoutine, (PVOID routine)) { return add(routine, THREAD_PLAIN); }
FALLIBLE(FAILS_STATUS, NTSTATUS, PsSetCreateThreadNotifyRoutineEx, (ULONG type, PVOID routine))
{
    return type > 1 ? STATUS_INVALID_PARAMETER : add(routine, type ? THREAD_EX_SUBSYSTEMS : THREAD_EX_NON_SYSTEM);
}
EXPORT(NTSTATUS, PsRemoveCreateThreadNotifyRoutine, (PVOID routine)) { return take_away(routine, THREAD_PLAIN, THREAD_EX_SUBSYSTEMS); }
FALLIBLE(FAILS_STATUS, NTSTATUS, PsSetLoadImageNotifyRoutine, (PVOID routine)) { return add(routine, IMAGE); }
FALLIBLE(FAILS_STATUS, NTSTATUS, PsSetLoadImageNotifyRoutineEx, (PVOID routine, ULONG_PTR flags))
{
    return flags & ~(ULONG_PTR)1 ? STATUS_INVALID_PARAMETER_2 : add(routine, IMAGE);
}
EXPORT(NTSTATUS, PsRemoveLoadImageNotifyRoutine, (PVOID routine)) { return take_away(routine, IMAGE, IMAGE); }

/* --- calls --------------------------------------------------------------------------------------------------------------- */

static void *enter(struct slot *slot, enum kind first, enum kind last)
{
    void *routine = NULL;

    sched_lock();
    if (slot->routine && slot->kind >= first && slot->kind <= last) {
        routine = slot->routine;
        slot->running++;
    }
    sched_unlock();
    return routine;
}

static void leave(struct slot *slot)
{
    sched_lock();
    slot->running--;
    sched_wake(slot);
    sched_unlock();
}

/* Copies in exact blocks, gone when the callback returns: who keeps a pointer is caught. */
static UNICODE_STRING *lend_string(const WCHAR *text)
{
    UNICODE_STRING *string = mm_allocate(BLOCK_NONPAGED, sizeof *string, 'rtSN', 0);
    size_t bytes = wcslen(text) * sizeof(WCHAR);

    string->Length = string->MaximumLength = (USHORT)bytes; /* not terminated */
    string->Buffer = mm_allocate(BLOCK_NONPAGED, bytes ? bytes : 2, 'rtSN', MM_BYTE_END);
    memcpy(string->Buffer, text, bytes);
    return string;
}

static void end_loan(const UNICODE_STRING *string)
{
    if (!string)
        return;
    mm_free(string->Buffer);
    mm_free((void *)string);
}

static PS_CREATE_NOTIFY_INFO *lend_info(struct process *process, bool no_file, bool ex2)
{
    PS_CREATE_NOTIFY_INFO *info = mm_allocate(BLOCK_NONPAGED, sizeof *info, 'nICP', 0);

    memset(info, 0, sizeof *info);
    info->Size = sizeof *info;
    info->Flags = no_file && ex2 ? 2 : 1;
    info->ParentProcessId = (HANDLE)(ULONG_PTR)process->parent_id;
    info->CreatingThreadId.UniqueProcess = (HANDLE)(ULONG_PTR)ps_current()->id;
    info->CreatingThreadId.UniqueThread = (HANDLE)(ULONG_PTR)current_thread()->id;
    if (!no_file) {
        info->FileObject = process->file;
        info->ImageFileName = lend_string(process->opened);
        info->CommandLine = lend_string(process->command_line);
    }
    return info;
}

typedef VOID(NTAPI *plain_process)(HANDLE, HANDLE, BOOLEAN);
typedef VOID(NTAPI *ex_process)(PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO);
typedef VOID(NTAPI *thread_routine)(HANDLE, HANDLE, BOOLEAN);
typedef VOID(NTAPI *image_routine)(PUNICODE_STRING, HANDLE, PIMAGE_INFO);
#define ID(n) ((HANDLE)(ULONG_PTR)(n))

static void begin_call(struct crossing *crossing, const char *what)
{
    self()->normal_apcs_off++;
    cross_in(crossing, what);
}

static void end_call(struct crossing *crossing)
{
    cross_out(crossing);
    self()->normal_apcs_off--;
}

static NTSTATUS call_process(struct slot *slot, void *routine, struct process *process, bool no_file)
{
    struct crossing crossing;
    NTSTATUS status = STATUS_SUCCESS;

    if (slot->kind == PROCESS_PLAIN) {
        begin_call(&crossing, "a process notify routine");
        ((plain_process)routine)(ID(process->parent_id), ID(process->id), TRUE);
        end_call(&crossing);
    } else {
        PS_CREATE_NOTIFY_INFO *info = lend_info(process, no_file, slot->kind == PROCESS_EX2);

        begin_call(&crossing, "a process notify routine (Ex)");
        ((ex_process)routine)((PEPROCESS)process, ID(process->id), info);
        end_call(&crossing);
        status = info->CreationStatus;
        end_loan(info->ImageFileName);
        end_loan(info->CommandLine);
        mm_free(info);
    }
    return status;
}

NTSTATUS psnotify_process(struct process *process, bool no_file)
{
    NTSTATUS status = STATUS_SUCCESS;

    for (unsigned i = 0; i < SLOTS; i++) {
        void *routine = enter(&slots[i], PROCESS_PLAIN, PROCESS_EX2);
        NTSTATUS result;

        if (!routine)
            continue;
        result = no_file && slots[i].kind != PROCESS_EX2 ? STATUS_SUCCESS : call_process(&slots[i], routine, process, no_file);
        leave(&slots[i]);
        if (!NT_SUCCESS(result))
            status = result;
    }
    return status;
}

void psnotify_process_exit(struct process *process)
{
    struct crossing crossing;

    for (unsigned i = 0; i < SLOTS; i++) {
        void *routine = enter(&slots[i], PROCESS_PLAIN, PROCESS_EX2);

        if (!routine)
            continue;
        begin_call(&crossing, "a process notify routine (exit)");
        if (slots[i].kind == PROCESS_PLAIN)
            ((plain_process)routine)(ID(process->parent_id), ID(process->id), FALSE);
        else
            ((ex_process)routine)((PEPROCESS)process, ID(process->id), NULL);
        end_call(&crossing);
        leave(&slots[i]);
    }
}

/* The Ex form of type 0 runs on the new thread itself. */
static void call_thread(struct slot *slot, void *routine, struct thread *thread, bool create)
{
    struct thread *was = current_thread();
    struct crossing crossing;

    if (create && slot->kind == THREAD_EX_NON_SYSTEM)
        sched_become(thread);
    begin_call(&crossing, "a thread notify routine");
    ((thread_routine)routine)(ID(thread->process->id), ID(thread->id), create);
    end_call(&crossing);
    sched_become(was);
}

void psnotify_thread(struct thread *thread, bool create)
{
    thread->inserted = !(create && profile->early_thread_callback);
    for (unsigned i = 0; i < SLOTS; i++) {
        void *routine = enter(&slots[i], THREAD_PLAIN, THREAD_EX_SUBSYSTEMS);

        if (!routine)
            continue;
        call_thread(&slots[i], routine, thread, create);
        leave(&slots[i]);
    }
    if (!thread->inserted) {
        sched_settle(); /* let an immediate work item trip over it */
        thread->inserted = true;
    }
}

static IMAGE_INFO_EX *lend_image(struct process *process, uintptr_t base, size_t size, PFILE_OBJECT file)
{
    bool extended = nt_at_least(VISTA);
    uint8_t *memory = mm_allocate(BLOCK_NONPAGED, extended ? sizeof(IMAGE_INFO_EX) : sizeof(IMAGE_INFO), 'gmIN', 0);
    IMAGE_INFO_EX *image = (IMAGE_INFO_EX *)(extended ? memory : memory - offsetof(IMAGE_INFO_EX, ImageInfo));

    if (extended) {
        image->Size = sizeof *image;
        image->FileObject = file;
    }
    memset(&image->ImageInfo, 0, sizeof image->ImageInfo);
    image->ImageInfo.Properties = 3 | (process ? 0 : 1u << 8) | (extended ? 1u << 10 : 0);
    image->ImageInfo.ImageBase = (PVOID)base;
    image->ImageInfo.ImageSize = size;
    return image;
}

void psnotify_image(struct process *process, const WCHAR *name, uintptr_t base, size_t size, PFILE_OBJECT file)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        void *routine = enter(&slots[i], IMAGE, IMAGE);
        IMAGE_INFO_EX *image;
        UNICODE_STRING *text;
        struct crossing crossing;

        if (!routine)
            continue;
        image = lend_image(process, base, size, file);
        text = name ? lend_string(name) : NULL;
        image_runner = process ? self() : NULL;
        begin_call(&crossing, "an image notify routine");
        ((image_routine)routine)(text, ID(process ? process->id : 0), &image->ImageInfo);
        end_call(&crossing);
        image_runner = NULL;
        end_loan(text);
        mm_free(nt_at_least(VISTA) ? (void *)image : (void *)&image->ImageInfo);
        leave(&slots[i]);
    }
}
