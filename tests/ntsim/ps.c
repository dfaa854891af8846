/* SPDX-License-Identifier: MIT */
/* Processes and threads of the world. */
#include "ps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "export.h"
#include "io.h"
#include "irql.h"
#include "ke.h"
#include "loader.h"
#include "mm.h"
#include "ob.h"
#include "profile.h"
#include "psnotify.h"
#include "verify.h"

static void destroy_process(void *body);
static void destroy_thread(void *body);
struct object_type ob_process_type = {"Process", destroy_process, NULL, NULL, NULL};
struct object_type ob_thread_type = {"Thread", destroy_thread, NULL, NULL, NULL};

static struct process *processes, *system_process;
static struct thread *idle_thread;
static uint32_t next_id;
static uint64_t next_start_key;

struct process *ps_system(void) { return system_process; }
struct thread *ps_idle_thread(void) { return idle_thread; }
struct process *ps_list(void) { return processes; }

struct process *ps_current(void)
{
    struct runner *me = self();

    return me->attached ? me->attached : me->thread ? me->thread->process : system_process;
}

/* mm.c asks at a fault, when nothing may be locked. */
void *ps_address_space(void) { return ps_current(); }

struct process *ps_find(uint32_t id)
{
    for (struct process *p = processes; p; p = p->next)
        if (p->id == id)
            return p;
    return NULL;
}

struct thread *ps_first_thread(struct process *process)
{
    struct thread *thread = process->threads;

    while (thread && thread->next)
        thread = thread->next;
    return thread;
}

/* --- objects ------------------------------------------------------------------------------------------------------------ */

static struct process *process_new(uint32_t parent, struct token *token)
{
    struct process *process = ob_create(&ob_process_type, sizeof *process);

    process->header.Type = 3;
    process->id = __atomic_add_fetch(&next_id, 4, __ATOMIC_RELAXED);
    process->parent_id = parent;
    process->token = token;
    ob_reference(token);
    process->create_time = sched_now();
    process->start_key = __atomic_add_fetch(&next_start_key, 1, __ATOMIC_RELAXED);
    sched_lock();
    process->next = processes;
    processes = process;
    sched_unlock();
    return process;
}

static struct thread *thread_new(struct process *process, void *start)
{
    struct thread *thread = ob_create(&ob_thread_type, sizeof *thread);

    thread->header.Type = 6;
    thread->id = __atomic_add_fetch(&next_id, 4, __ATOMIC_RELAXED);
    thread->process = process;
    ob_reference(process);
    thread->start = start;
    thread->create_time = sched_now();
    thread->inserted = true;
    sched_lock();
    thread->next = process->threads;
    process->threads = thread;
    sched_unlock();
    return thread;
}

static void destroy_process(void *body)
{
    struct process *process = body;

    sched_lock();
    for (struct process **at = &processes; *at; at = &(*at)->next)
        if (*at == process) {
            *at = process->next;
            break;
        }
    sched_unlock();
    if (process->token)
        ob_dereference(process->token);
    if (process->file)
        ob_dereference(process->file);
}

static void destroy_thread(void *body)
{
    struct thread *thread = body;

    sched_lock();
    for (struct thread **at = &thread->process->threads; *at; at = &(*at)->next)
        if (*at == thread) {
            *at = thread->next;
            break;
        }
    sched_unlock();
    ob_dereference(thread->process);
}

struct thread *ps_system_thread(void *start)
{
    struct thread *thread = thread_new(system_process, start);

    thread->system = true;
    return thread;
}

/* --- the environment block of a process (spec 08 section 4.3) ----------------------------------------------------------- */

enum { PEB_SIZE = 0x400, PEB_IMAGE_BASE = BY_ARCH(16, 8), PEB_PARAMETERS = BY_ARCH(32, 16), PEB_SESSION = BY_ARCH(0x2C0, 0x1D4),
       PARAMETERS_HEAD = 0x400, P_DIRECTORY = BY_ARCH(56, 36), P_IMAGE = BY_ARCH(96, 56), P_COMMAND = BY_ARCH(112, 64) };

static size_t put_string(uint8_t *block, size_t at, unsigned member, const WCHAR *text, bool raw)
{
    UNICODE_STRING *string = (UNICODE_STRING *)(block + member);

    string->Length = (USHORT)(wcslen(text) * sizeof(WCHAR));
    string->MaximumLength = (USHORT)(string->Length + sizeof(WCHAR));
    memcpy(block + at, text, string->MaximumLength);
    string->Buffer = (WCHAR *)(raw ? (uint8_t *)at : block + at);
    return at + string->MaximumLength;
}

/* Written by the creator into the child; before 6.0 it stays denormalised until the child's own loader runs. */
static void write_parameters(struct process *process, const WCHAR *dos_image)
{
    size_t size = PARAMETERS_HEAD + (wcslen(process->directory) + wcslen(dos_image) + wcslen(process->command_line) + 8) * sizeof(WCHAR);
    bool raw = profile->raw_parameters;
    uint8_t *block = mm_user(process, NULL, size);
    size_t at = PARAMETERS_HEAD;

    memset(block, 0, size);
    ((ULONG *)block)[0] = ((ULONG *)block)[1] = (ULONG)size;
    ((ULONG *)block)[2] = !raw;
    at = put_string(block, at, P_DIRECTORY, process->directory, raw);
    at = put_string(block, at, P_IMAGE, dos_image, raw);
    put_string(block, at, P_COMMAND, process->command_line, raw);
    process->parameters = block;
    *(void **)(process->peb + PEB_PARAMETERS) = block;
}

static void write_peb(struct process *process)
{
    process->peb = mm_user(process, NULL, PEB_SIZE);
    memset(process->peb, 0, PEB_SIZE);
    *(uintptr_t *)(process->peb + PEB_IMAGE_BASE) = IMAGE_BASE;
    *(ULONG *)(process->peb + PEB_SESSION) = process->session;
}

/* The kernel writes into the new address space: as if attached. */
static void in_address_space(struct process *process, void (*what)(struct process *, const WCHAR *), const WCHAR *text)
{
    struct process *was = self()->attached;

    self()->attached = process;
    mm_switch();
    what(process, text);
    self()->attached = was;
    mm_switch();
}

static void peb_only(struct process *process, const WCHAR *text)
{
    (void)text;
    write_peb(process);
}

/* --- life ---------------------------------------------------------------------------------------------------------------- */

static void set_names(struct process *process, const struct process_plan *plan)
{
    const WCHAR *last = wcsrchr(plan->image, '\\');

    io_nt_path(plan->image, process->image, PATH_CHARS);
    swprintf(process->opened, PATH_CHARS, L"\\??\\%ls", plan->image);
    wcscpy(process->command_line, plan->command_line ? plan->command_line : plan->image);
    wcscpy(process->directory, plan->directory ? plan->directory : L"C:\\Windows\\System32\\");
    snprintf(process->short_name, sizeof process->short_name, "%.15ls", last ? last + 1 : plan->image);
}

static struct process *plan_process(const struct process_plan *plan)
{
    struct process *creator = ps_current();
    struct process *process = process_new((plan->parent ? plan->parent : creator)->id, plan->token ? plan->token : creator->token);

    set_names(process, plan);
    process->session = plan->session;
    process->wow64 = plan->wow64;
    process->protected = plan->protected;
    if (!plan->no_file)
        process->file = io_open_image(plan->image);
    return process;
}

static void (*spoiler)(struct process *);

void ps_on_create(void (*spoil)(struct process *)) { spoiler = spoil; }

static void write_image_base(struct process *process, const WCHAR *base)
{
    memcpy(process->peb + PEB_IMAGE_BASE, &base, sizeof base);
}

void ps_set_image_base(struct process *process, uintptr_t base) { in_address_space(process, write_image_base, (const WCHAR *)base); }

struct process *ps_create(const struct process_plan *plan)
{
    struct process *process = plan_process(plan);
    struct thread *thread;
    NTSTATUS status;

    in_address_space(process, peb_only, NULL);
    if (spoiler)
        spoiler(process);
    if (profile->late_command_line) {
        psnotify_process(process, plan->no_file); /* NtCreateProcess; the rest comes from kernel32 */
        in_address_space(process, write_parameters, plan->image);
        thread = thread_new(process, (void *)0x401000);
        psnotify_thread(thread, true);
        return process;
    }
    in_address_space(process, write_parameters, plan->image);
    thread = thread_new(process, (void *)0x401000);
    status = psnotify_process(process, plan->no_file);
    if (!NT_SUCCESS(status)) {
        ps_exit(process, status);
        return NULL;
    }
    psnotify_thread(thread, true);
    return process;
}

struct thread *ps_thread(struct process *process, void *start)
{
    struct thread *thread = thread_new(process, start);

    psnotify_thread(thread, true);
    return thread;
}

void ps_thread_exit(struct thread *thread)
{
    struct thread *was = current_thread();

    sched_become(thread);
    psnotify_thread(thread, false);
    sched_become(was);
    thread->terminated = true;
    ke_signal_body(thread);
    ob_dereference(thread);
}

static void free_user_memory(struct process *process)
{
    if (process->peb)
        mm_user_free(process->peb);
    if (process->parameters)
        mm_user_free(process->parameters);
    process->peb = process->parameters = NULL;
}

void ps_exit(struct process *process, NTSTATUS status)
{
    struct thread *was = current_thread();

    process->exiting = true;
    process->exit_status = status;
    while (process->threads && process->threads->next)
        ps_thread_exit(process->threads);
    if (process->threads)
        sched_become(process->threads);
    psnotify_process_exit(process);
    sched_become(was->process == process ? idle_thread : was);
    if (process->threads)
        ps_thread_exit(process->threads);
    process->exit_time = sched_now();
    ob_close_process(process);
    free_user_memory(process);
    ke_signal_body(process);
    ob_dereference(process);
}

void ps_start(struct process *process)
{
    struct thread *was = current_thread();

    sched_become(ps_first_thread(process));
    psnotify_image(process, process->image, IMAGE_BASE, 0x20000, process->file);
    ps_load_image(process, L"C:\\Windows\\System32\\ntdll.dll", NTDLL_BASE, NTDLL_SIZE);
    process->images_done = true;
    sched_become(was);
}

void ps_load_image(struct process *process, const WCHAR *dos_path, uintptr_t base, size_t size)
{
    WCHAR path[PATH_CHARS];
    PFILE_OBJECT file = io_open_image(dos_path);

    io_nt_path(dos_path, path, PATH_CHARS);
    if (profile->legacy_image_names && _wcsnicmp(dos_path, L"C:\\Windows\\", 11) == 0)
        swprintf(path, PATH_CHARS, L"\\SystemRoot\\%ls", dos_path + 11);
    else if (profile->legacy_image_names && !process)
        swprintf(path, PATH_CHARS, L"%ls", dos_path + 2);
    psnotify_image(process, path, base, size, file);
    if (file)
        ob_dereference(file);
}

/* --- handles as user mode opens them ----------------------------------------------------------------------------------------- */

ACCESS_MASK ps_open(struct process *target, ACCESS_MASK access)
{
    bool kernel = self()->previous_mode == KernelMode;
    HANDLE handle;
    void *cookie;
    ACCESS_MASK left = ob_announce(1, target, kernel, access, NULL, NULL, &cookie);

    ob_handle(target, left, kernel, false, &handle);
    ob_announce_done(1, target, kernel, left, STATUS_SUCCESS, cookie);
    ob_close(handle);
    return left;
}

ACCESS_MASK ps_duplicate(struct process *source, struct process *target, struct process *object, ACCESS_MASK access)
{
    void *cookie;
    ACCESS_MASK left = ob_announce(2, object, false, access, source, target, &cookie);

    ob_announce_done(2, object, false, left, STATUS_SUCCESS, cookie);
    return left;
}

void ps_check_opened(void *body)
{
    if (ob_is(body, &ob_thread_type) && !((struct thread *)body)->inserted)
        bugcheck("uninserted-thread", "a handle to a thread is opened before the object manager knows it: corrupts its lists on NT 5.2");
}

bool ps_callback_allowed(void *routine)
{
    (void)routine;
    return loader_contains((uintptr_t)routine) && loader_image()->dll_characteristics & IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY;
}

/* --- begin and end -------------------------------------------------------------------------------------------------------------- */

/* Enough of a PE header for whoever looks at a mapped image: signature and SizeOfImage. */
static void map_header(uintptr_t base, uint32_t size)
{
    uint8_t header[0x200] = {'M', 'Z'};
    const uint32_t at = 0x80, signature = 0x4550;

    memcpy(header + 0x3C, &at, 4);
    memcpy(header + at, &signature, 4);
    memcpy(header + at + 80, &size, 4);
    mm_user_shared(base, header, sizeof header);
}

void ps_begin(void)
{
    struct token *token = se_token("S-1-5-18", nt_at_least(VISTA) ? 0x4000 : 0xffffffff, 0x3e7, 0, true);

    next_id = 0;
    next_start_key = 0x0007000000000000;
    system_process = process_new(0, token);
    wcscpy(system_process->image, L"System");
    memcpy(system_process->short_name, "System", sizeof "System");
    system_process->is_system = true;
    idle_thread = ps_system_thread(NULL);
    next_id = 0x400;
    map_header(IMAGE_BASE, 0x20000);
    map_header(NTDLL_BASE, NTDLL_SIZE);
    sched_become(idle_thread);
}

void ps_reset(void)
{
    processes = NULL;
    psnotify_reset();
}

unsigned ps_driver_threads(void) { return sched_runners_named("driver thread"); }
EXPORT_DATA(PEPROCESS, PsInitialSystemProcess)
EXPORT_DATA(POBJECT_TYPE, PsProcessType)
EXPORT_DATA(POBJECT_TYPE, PsThreadType)

void ps_export_variables(void)
{
    nt_PsInitialSystemProcess = (PEPROCESS)system_process;
    nt_PsProcessType = (POBJECT_TYPE)&ob_process_type;
    nt_PsThreadType = (POBJECT_TYPE)&ob_thread_type;
}
