/* SPDX-License-Identifier: MIT */
/* Events 1, 5, 25, 8, 7, 6: processes, threads, images. */
#include <string.h>

#include "scenarios.h"

static const WCHAR tool[] = L"\\Device\\HarddiskVolume1\\Users\\bob\\tool.exe";
static const WCHAR cmd[] = L"\\Device\\HarddiskVolume1\\Windows\\System32\\cmd.exe";

/* On kernels whose callback comes too early the record is made when the process first runs. */
static struct process *run(const struct process_plan *plan)
{
    struct process *process = ps_create(plan);

    if (process)
        ps_start(process);
    return process;
}

void process_create(void)
{
    const struct process_plan plan = {.image = L"C:\\Windows\\System32\\cmd.exe", .command_line = L"cmd /c echo 100%",
                                      .directory = L"C:\\Users\\bob\\", .session = 1};
    int64_t before = sched_now();
    struct process *process = run(&plan);
    const struct record *r = expect(R_PROCESS_CREATE, "a process was created");

    field_u32(r, "ProcessId", CREATE_PID, process->id);
    field_u32(r, "ParentProcessId", CREATE_PARENT, world.user->id);
    field_u32(r, "SessionId", CREATE_SESSION, 1);
    field_u32(r, "Is64bit", CREATE_64BIT, BY_ARCH(1, 0));
    field_time(r, "CreateTime", CREATE_TIME, before, process->create_time);
    field_u64(r, "AuthenticationId", CREATE_LUID, 0x3a1f3);
    field_u32(r, "IsAppContainer", CREATE_APPCONTAINER, 0);
    field_pointer(r, "ProcessObject", CREATE_OBJECT, process);
    field_pointer(r, "ParentProcessObject", CREATE_PARENT_OBJECT, world.user);
    field_text(r, "ImagePath", CREATE_X_IMAGE, cmd);
    field_text(r, "CommandLine", CREATE_X_COMMAND, L"cmd /c echo 100%");
    field_text(r, "CurrentDirectory", CREATE_X_DIRECTORY, L"C:\\Users\\bob\\");
    field_sid(r, "Sid", CREATE_X_SID, "S-1-5-21-1-2-3-1001");
    if (nt_at_least(VISTA))
        field_sid(r, "IntegrityLevel", CREATE_X_INTEGRITY, "S-1-16-8192");
    else
        field_empty(r, "IntegrityLevel", CREATE_X_INTEGRITY);
    field_session(r, 1);
    if (nt_at_least(WIN10_1703))
        field_u64(r, "ProcessKey", CREATE_KEY, process->start_key);
    else if (r)
        check(record_u64(r, CREATE_KEY) != 0, "ProcessCreate.ProcessKey is zero");
    expect_none(R_PROCESS_CREATE, "one process, one record");
    ps_exit(process, STATUS_SUCCESS);
}

/* The parent in the PEB's sense is not who calls. */
void process_parent(void)
{
    const struct process_plan plan = {.image = L"C:\\Windows\\System32\\cmd.exe", .session = 1, .parent = world.explorer};
    struct process *process = run(&plan);
    const struct record *r = expect(R_PROCESS_CREATE, "a process with another parent");

    field_u32(r, "ParentProcessId", CREATE_PARENT, world.explorer->id);
    field_pointer(r, "ParentProcessObject", CREATE_PARENT_OBJECT, world.explorer);
    ps_exit(process, STATUS_SUCCESS);
}

void process_tokens(void)
{
    struct process_plan plan = {.image = L"C:\\Windows\\System32\\cmd.exe", .session = 0, .token = world.system_token, .wow64 = BY_ARCH(1, 0)};
    struct process *system = run(&plan), *container;
    const struct record *r = expect(R_PROCESS_CREATE, "a SYSTEM process");

    field_sid(r, "Sid", CREATE_X_SID, "S-1-5-18");
    field_u64(r, "AuthenticationId", CREATE_LUID, 0x3e7);
    field_u32(r, "Is64bit", CREATE_64BIT, 0);
    if (nt_at_least(VISTA))
        field_sid(r, "IntegrityLevel", CREATE_X_INTEGRITY, "S-1-16-16384");
    plan.token = se_token("S-1-5-21-1-2-3-1001", 0x1000, 0x777, 1, false);
    plan.token->app_container = true;
    container = run(&plan);
    r = expect(R_PROCESS_CREATE, "a process in a container");
    field_u32(r, "IsAppContainer", CREATE_APPCONTAINER, nt_at_least(WIN8));
    ps_exit(container, STATUS_SUCCESS);
    ps_exit(system, STATUS_SUCCESS);
}

/* Long and empty texts; a long command line stays whole (UNICODE_STRING's own limit). */
void process_texts(void)
{
    static WCHAR text[2000];
    struct process_plan plan = {.image = L"C:\\Windows\\System32\\cmd.exe", .command_line = text, .session = 1};
    struct process *process;
    const struct record *r;

    for (size_t i = 0; i < 1999; i++)
        text[i] = (WCHAR)('a' + i % 26);
    process = run(&plan);
    r = expect(R_PROCESS_CREATE, "a process with a long command line");
    field_text(r, "CommandLine", CREATE_X_COMMAND, text);
    ps_exit(process, STATUS_SUCCESS);
    text[0] = 0;
    process = run(&plan);
    r = expect(R_PROCESS_CREATE, "a process with an empty command line");
    field_text(r, "CommandLine", CREATE_X_COMMAND, L"");
    ps_exit(process, STATUS_SUCCESS);
}

void process_exit(void)
{
    const struct process_plan plan = {.image = L"C:\\Windows\\System32\\cmd.exe", .session = 1};
    struct process *process = run(&plan);
    uint32_t id = process->id;
    int64_t before;
    const struct record *r;

    expect(R_PROCESS_CREATE, "the process before its end");
    before = sched_now();
    ps_exit(process, STATUS_ACCESS_DENIED);
    r = expect(R_PROCESS_TERMINATE, "a process ended");
    field_u32(r, "ProcessId", EXIT_PID, id);
    field_time(r, "EventTime", EXIT_TIME, before, sched_now());
    field_sid(r, "Sid", EXIT_X_SID, "S-1-5-21-1-2-3-1001");
    field_session(r, 1);
}

/* A process that was there before the driver. */
void process_old_exit(void)
{
    uint32_t id = world.explorer->id;
    const struct record *r;

    ps_exit(world.explorer, STATUS_SUCCESS);
    r = expect(R_PROCESS_TERMINATE, "an old process ended");
    field_u32(r, "ProcessId", EXIT_PID, id);
    field_sid(r, "Sid", EXIT_X_SID, "S-1-5-21-1-2-3-1001");
}

/* A subsystem process has no file and no parameters; only Ex2 sees it. */
void process_subsystem(void)
{
    const struct process_plan plan = {.image = L"C:\\init", .session = 1, .no_file = true};
    struct process *process = ps_create(&plan);

    client_sync();
    if (process)
        ps_exit(process, STATUS_SUCCESS);
}

void process_many(void)
{
    const struct process_plan plan = {.image = L"C:\\Windows\\System32\\cmd.exe", .session = 1};

    for (int i = 0; i < 40; i++)
        ps_exit(run(&plan), STATUS_SUCCESS);
    client_sync();
    if (!client_in_fault_run())
        check(client_count(R_PROCESS_CREATE) == 40 && client_count(R_PROCESS_TERMINATE) == 40, "%u of 40 starts and %u of 40 ends",
              client_count(R_PROCESS_CREATE), client_count(R_PROCESS_TERMINATE));
}

/* --- threads ------------------------------------------------------------------------------------------------------------ */

void thread_remote(void)
{
    uintptr_t start = NTDLL_BASE + 0x1234;
    int64_t before = sched_now();
    struct thread *thread = ps_thread(world.explorer, (void *)start);
    const struct record *r;

    sched_advance(SECONDS(2)); /* where the driver looks a moment later */
    r = expect(R_REMOTE_THREAD, "a thread in another process");
    field_time(r, "EventSystemTime", THREAD_TIME, before, sched_now());
    field_u32(r, "SourceProcessId", THREAD_SOURCE, world.user->id);
    field_u32(r, "TargetProcessId", THREAD_TARGET, world.explorer->id);
    field_u32(r, "TargetThreadId", THREAD_ID, thread->id);
    field_pointer(r, "StartAddress", THREAD_START, (void *)start);
    field_inline(r, "StartModule", THREAD_MODULE,
                 nt_at_least(VISTA) ? L"\\Device\\HarddiskVolume1\\Windows\\System32\\ntdll.dll" : L"");
    field_inline(r, "StartFunction", THREAD_FUNCTION, L"");
    field_sid(r, "SidSource", THREAD_X_SOURCE_SID, "S-1-5-21-1-2-3-1001");
    field_sid(r, "SidTarget", THREAD_X_TARGET_SID, "S-1-5-21-1-2-3-1001");
    field_session(r, 1);
    ps_thread_exit(thread);
    expect_none(R_REMOTE_THREAD, "one thread, one record");
}

void thread_remote_nowhere(void)
{
    struct thread *thread = ps_thread(world.service, (void *)0x22330000);
    const struct record *r;

    ps_thread_exit(thread); /* it may be over before anybody looked */
    sched_advance(SECONDS(2));
    r = expect(R_REMOTE_THREAD, "a thread that starts in no file");
    field_u32(r, "TargetProcessId", THREAD_TARGET, world.service->id);
    field_inline(r, "StartModule", THREAD_MODULE, L"");
    field_sid(r, "SidTarget", THREAD_X_TARGET_SID, "S-1-5-18");
}

void thread_local(void)
{
    const struct process_plan plan = {.image = L"C:\\Windows\\System32\\cmd.exe", .session = 1};
    struct thread *thread = ps_thread(world.user, (void *)0x401000);
    struct process *child = run(&plan);

    sched_advance(SECONDS(2));
    expect_none(R_REMOTE_THREAD, "an own thread and the first thread of a child are not remote");
    ps_thread_exit(thread);
    ps_exit(child, STATUS_SUCCESS);
}

/* --- images ---------------------------------------------------------------------------------------------------------------- */

void image_process(void)
{
    int64_t before = sched_now();
    const struct record *r;

    ps_load_image(world.user, L"C:\\Users\\bob\\plugin.dll", 0x10200000, 0x8000);
    r = expect(R_IMAGE_LOAD, "a module was mapped");
    field_u32(r, "ProcessId", LOAD_PID, world.user->id);
    field_time(r, "EventTime", LOAD_TIME, before, sched_now());
    if (r)
        check(r->bytes[RECORD_HEAD + LOAD_DRIVER] == 0, "ImageLoad.Driver is %u", r->bytes[RECORD_HEAD + LOAD_DRIVER]);
    field_pointer(r, "ImageBase", LOAD_BASE, (void *)0x10200000);
    field_text(r, "ImagePath", LOAD_X_IMAGE, L"\\Device\\HarddiskVolume1\\Users\\bob\\plugin.dll");
    field_text(r, "ProcessImage", LOAD_X_PROCESS, tool);
    field_sid(r, "Sid", LOAD_X_SID, "S-1-5-21-1-2-3-1001");
    field_session(r, 1);
}

void image_driver(void)
{
    const struct record *r;

    as(NULL);
    ps_load_image(NULL, L"C:\\Windows\\System32\\drivers\\null.sys", (uintptr_t)world.image.base + 0x100000, 0x4000);
    r = expect(R_IMAGE_LOAD, "a driver was loaded");
    if (r)
        check(r->bytes[RECORD_HEAD + LOAD_DRIVER] == 1, "ImageLoad.Driver is %u", r->bytes[RECORD_HEAD + LOAD_DRIVER]);
    field_pointer(r, "ImageBase", LOAD_BASE, (void *)((uintptr_t)world.image.base + 0x100000));
    field_text(r, "ImagePath", LOAD_X_IMAGE,
               profile->legacy_image_names ? L"\\SystemRoot\\System32\\drivers\\null.sys"
                                           : L"\\Device\\HarddiskVolume1\\Windows\\System32\\drivers\\null.sys");
    as(world.user);
}

/* --- tampering ---------------------------------------------------------------------------------------------------------------- */

static void tampered(void (*spoil)(struct process *), const WCHAR *text)
{
    const struct process_plan plan = {.image = L"C:\\Windows\\System32\\cmd.exe", .session = 1};
    int64_t before = sched_now();
    struct process *process;
    const struct record *r;

    ps_on_create(spoil);
    process = run(&plan);
    ps_on_create(NULL);
    sched_become(ps_first_thread(process));
    ps_load_image(process, L"C:\\Windows\\System32\\kernel32.dll", 0x10400000, 0x8000);
    as(world.user);
    r = expect(R_TAMPERING, "an image that is not what it was");
    field_time(r, "EventSystemTime", TAMPER_TIME, before, sched_now());
    field_u32(r, "ProcessId", TAMPER_PID, process->id);
    field_inline(r, "Type", TAMPER_TYPE, text);
    field_sid(r, "Sid", TAMPER_X_SID, "S-1-5-21-1-2-3-1001");
    expect_none(R_TAMPERING, "one finding, one record");
    ps_exit(process, STATUS_SUCCESS);
}

static void lock_file(struct process *process) { process->file->WriteAccess = TRUE; }
static void delete_file(struct process *process) { process->file->DeletePending = TRUE; }
static void hollow(struct process *process) { ps_set_image_base(process, 0x20000000); }

void tamper_locked(void) { tampered(lock_file, L"Image is locked for access"); }
void tamper_deleted(void) { tampered(delete_file, L"Image is deleted"); }
void tamper_replaced(void) { tampered(hollow, L"Image is replaced"); }

void tamper_none(void)
{
    const struct process_plan plan = {.image = L"C:\\Windows\\System32\\cmd.exe", .session = 1};
    struct process *process = run(&plan);

    sched_become(ps_first_thread(process));
    for (int i = 0; i < 4; i++)
        ps_load_image(process, L"C:\\Windows\\System32\\kernel32.dll", 0x10400000 + (uintptr_t)i * 0x100000, 0x8000);
    as(world.user);
    expect_none(R_TAMPERING, "an honest process");
    ps_exit(process, STATUS_SUCCESS);
}
