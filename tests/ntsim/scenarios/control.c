/* SPDX-License-Identifier: MIT */
/* The control device: who may open it, what each request answers, whatever it is given. */
#include <stdlib.h>
#include <string.h>

#include "scenarios.h"

#include "../cm.h"
#include "../fault.h"
#include "../host.h"
#include "../mm.h"
#include "../ob.h"
#include "../rules.h"

static bool loaded(void)
{
    NTSTATUS status = world_load();

    check(NT_SUCCESS(status) || fault_fired(), "DriverEntry fails: 0x%08x", (unsigned)status);
    as(world.service);
    return NT_SUCCESS(status);
}

static void done(void)
{
    as(NULL);
    world_unload();
}

void control_security(void)
{
    struct process_plan plan = {.image = L"C:\\Windows\\System32\\cmd.exe", .session = 1, .token = world.admin_token};
    struct opening below = {.path = L"\\Device\\SysmonDrv\\file", .access = FILE_READ_DATA, .disposition = FILE_OPEN};
    struct process *admin;
    PFILE_OBJECT file, second;
    HANDLE handle, other;

    if (!loaded())
        return;
    admin = ps_create(&plan);
    check(client_open_device(world.user, &file, &handle) == STATUS_ACCESS_DENIED, "a user may not open the control device");
    check(!NT_SUCCESS(io_open(&below)), "there is nothing behind the control device");
    check(NT_SUCCESS(client_open_device(admin, &file, &handle)), "an administrator may");
    check(!NT_SUCCESS(client_open_device(world.service, &second, &other)), "but only one client at a time");
    as(admin);
    io_close(handle);
    check(NT_SUCCESS(client_open_device(world.service, &file, &handle)), "SYSTEM may, after the first one left");
    as(world.service);
    io_close(handle);
    done();
}

/* --- reads ------------------------------------------------------------------------------------------------------------- */

enum { READS = 5 };

static void start_reads(struct request *requests, PFILE_OBJECT file, uint8_t *buffer, size_t size)
{
    for (int i = 0; i < READS; i++) {
        io_ioctl_start(&requests[i], file, (ULONG)IOCTL_READ, NULL, 0, buffer + (size_t)i * size, size);
        check(requests[i].pended && !requests[i].done, "read %d pends while there is nothing", i);
    }
}

void control_reads_pend(void)
{
    static uint8_t buffer[READS * 0x1000];
    struct request requests[READS];
    PFILE_OBJECT file;
    HANDLE handle;
    uint32_t version;

    if (!loaded() || !NT_SUCCESS(client_open_device(world.service, &file, &handle)))
        return;
    io_ioctl(file, (ULONG)IOCTL_VERSION, NULL, 0, &version, 4, NULL);
    start_reads(requests, file, buffer, 0x1000);
    io_cancel(&requests[2]);
    sched_settle();
    check(requests[2].done && requests[2].status == STATUS_CANCELLED, "one of them can be cancelled");
    as(world.user);
    ps_exit(world.explorer, STATUS_SUCCESS);
    sched_settle();
    check(requests[0].done && NT_SUCCESS(requests[0].status) && requests[0].information >= RECORD_LEAST, "the oldest gets the record");
    check(!requests[1].done && !requests[3].done, "the others go on waiting");
    as(world.service);
    io_close(handle);
    sched_settle();
    for (int i = 1; i < READS; i++)
        check(requests[i].done && requests[i].status == STATUS_CANCELLED, "read %d ends when the handle is closed", i);
    done();
}

/* Before GET_VERSION nothing flows. */
void control_not_ready(void)
{
    static uint8_t buffer[0x4000];
    struct request request;
    PFILE_OBJECT file;
    HANDLE handle;
    uint32_t version;

    if (!loaded())
        return;
    as(world.user);
    ps_exit(world.explorer, STATUS_SUCCESS);
    if (!NT_SUCCESS(client_open_device(world.service, &file, &handle)))
        return;
    as(world.service);
    io_ioctl_start(&request, file, (ULONG)IOCTL_READ, NULL, 0, buffer, sizeof buffer);
    sched_settle();
    check(!request.done, "no record before the client said that it is ready");
    io_ioctl(file, (ULONG)IOCTL_VERSION, NULL, 0, &version, 4, NULL);
    sched_settle();
    check(request.done && NT_SUCCESS(request.status), "then the record that was kept");
    io_close(handle);
    done();
}

/* Records from the time before there was a service are kept, in order. */
void control_boot_events(void)
{
    struct process_plan plan = {.image = L"C:\\Windows\\System32\\cmd.exe", .session = 1};
    uint32_t ids[20];

    if (!loaded())
        return;
    as(world.user);
    for (int i = 0; i < 20; i++) {
        struct process *process = ps_create(&plan);

        ids[i] = process->id;
        ps_start(process);
        ps_exit(process, STATUS_SUCCESS);
    }
    client_start();
    for (int i = 0; i < 20 && client_running() && !client_in_fault_run(); i++) {
        field_u32(expect(R_PROCESS_CREATE, "a start from before"), "ProcessId", CREATE_PID, ids[i]);
        field_u32(expect(R_PROCESS_TERMINATE, "an end from before"), "ProcessId", EXIT_PID, ids[i]);
    }
    client_check_sequence();
    client_stop();
    done();
}

/* A buffer takes as many whole records as fit; one that takes none keeps the record. */
void control_small_buffers(void)
{
    static uint8_t buffer[0x10000];
    struct record *list = NULL;
    PFILE_OBJECT file;
    HANDLE handle;
    uint32_t version;
    size_t written;
    NTSTATUS status;

    if (!loaded())
        return;
    as(world.user);
    ps_exit(world.explorer, STATUS_SUCCESS);
    ps_exit(ps_create(&(struct process_plan){.image = L"C:\\Windows\\System32\\cmd.exe"}), STATUS_SUCCESS);
    if (!NT_SUCCESS(client_open_device(world.service, &file, &handle)))
        return;
    as(world.service);
    io_ioctl(file, (ULONG)IOCTL_VERSION, NULL, 0, &version, 4, NULL);
    for (size_t size = 0; size < RECORD_LEAST; size += 97) {
        status = io_ioctl(file, (ULONG)IOCTL_READ, NULL, 0, buffer, size, &written);
        check(status == STATUS_BUFFER_TOO_SMALL, "a read of %zu bytes answers 0x%08x", size, (unsigned)status);
    }
    status = io_ioctl(file, (ULONG)IOCTL_READ, NULL, 0, buffer, sizeof buffer, &written);
    check(NT_SUCCESS(status) && record_split(buffer, written, &list) >= (client_in_fault_run() ? 1 : 3), "nothing was lost: %zu bytes", written);
    io_close(handle);
    done();
}

/* --- hostile requests ---------------------------------------------------------------------------------------------------- */

static const ULONG codes[] = {(ULONG)IOCTL_VERSION, (ULONG)IOCTL_CONFIG, (ULONG)IOCTL_CACHE, (ULONG)IOCTL_VERDICT};

static void check_answer(ULONG code, size_t in, size_t out, NTSTATUS status, size_t written)
{
    check(status != STATUS_PENDING, "code 0x%08x, %zu in, %zu out: pending", (unsigned)code, in, out);
    check(written <= out, "code 0x%08x: %zu bytes for a buffer of %zu", (unsigned)code, written, out);
}

static void try_sizes(PFILE_OBJECT file, ULONG code, uint8_t *in, uint8_t *out)
{
    static const size_t sizes[] = {0, 1, 3, 4, 5, 7, 8, 9, 12, 16, 31, 856, 860, 16386};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] - 2; i++)
        for (size_t o = 0; o < sizeof sizes / sizeof sizes[0]; o++) {
            size_t written = 0;
            NTSTATUS status = io_ioctl(file, code, in, sizes[i], out, sizes[o], &written);

            check_answer(code, sizes[i], sizes[o], status, written);
        }
}

/* Random codes (all methods and functions near ours), lengths and contents. Reads of ours would pend: they are left out. */
static void try_random(PFILE_OBJECT file, uint8_t *in, uint8_t *out, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        uint64_t r = sched_random();
        ULONG code = r & 1 ? codes[r >> 1 & 3] : 0x83400000u + (ULONG)(r >> 8 & 0xff);
        size_t in_size = r >> 16 & 63, out_size = r & 0x1000000 ? 0x4000 : r >> 25 & 127, written = 0;
        NTSTATUS status;

        for (size_t k = 0; k < in_size; k += 8) {
            uint64_t noise = sched_random();

            memcpy(in + k, &noise, 8);
        }
        if (code == (ULONG)IOCTL_READ || (code & 3) == 3)
            continue;
        status = io_ioctl(file, code, in, in_size, out, out_size, &written);
        check_answer(code, in_size, out_size, status, written);
        if (code > (ULONG)IOCTL_VERDICT)
            check(!NT_SUCCESS(status), "unknown code 0x%08x answers 0x%08x", (unsigned)code, (unsigned)status);
    }
}

void control_hostile(void)
{
    static uint8_t in[0x1000], out[0x8000];

    memset(in, 0xff, sizeof in);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        try_sizes(client_file(), codes[i], in, out);
    try_random(client_file(), in, out, client_in_fault_run() ? 50 : 1500);
}

void control_verdict_unknown(void)
{
    uint32_t answer[2] = {0x1234, 1};

    check(!NT_SUCCESS(io_ioctl(client_file(), (ULONG)IOCTL_VERDICT, answer, sizeof answer, NULL, 0, NULL)), "a tracker nobody waits for");
    answer[0] = 0xffffffff;
    check(!NT_SUCCESS(io_ioctl(client_file(), (ULONG)IOCTL_VERDICT, answer, sizeof answer, NULL, 0, NULL)), "the tracker of real events");
    answer[1] = 77;
    check(!NT_SUCCESS(io_ioctl(client_file(), (ULONG)IOCTL_VERDICT, answer, sizeof answer, NULL, 0, NULL)), "an answer that is none");
}

/* --- the process cache ------------------------------------------------------------------------------------------------------ */

static struct record *cache_of(uint32_t pid, size_t room, NTSTATUS *status)
{
    static uint8_t out[0x8000];
    uint32_t in[2] = {pid, 0};
    struct record *record = NULL;
    size_t written = 0;

    *status = io_ioctl(client_file(), (ULONG)IOCTL_CACHE, in, sizeof in, out, room, &written);
    if (NT_SUCCESS(*status))
        check(record_split(out, written, &record) == 1, "one record in the answer");
    return record;
}

void control_cache(void)
{
    NTSTATUS status;
    struct record *r = cache_of(world.explorer->id, 16386, &status);

    if (client_in_fault_run() && !r)
        return;
    check(NT_SUCCESS(status), "the cache answers for a living process: 0x%08x", (unsigned)status);
    if (!r)
        return;
    check(r->type == R_PROCESS_CACHE && r->sequence == 0, "type %u, sequence %llu", r->type, (unsigned long long)r->sequence);
    field_u32(r, "ProcessId", CREATE_PID, world.explorer->id);
    field_u32(r, "ParentProcessId", CREATE_PARENT, world.explorer->parent_id);
    field_time(r, "CreateTime", CREATE_TIME, world.explorer->create_time, world.explorer->create_time);
    field_u64(r, "AuthenticationId", CREATE_LUID, 0x3a1f3);
    field_pointer(r, "ProcessObject", CREATE_OBJECT, world.explorer);
    field_text(r, "ImagePath", CREATE_X_IMAGE, L"\\Device\\HarddiskVolume1\\Windows\\explorer.exe");
    field_text(r, "CommandLine", CREATE_X_COMMAND, L"C:\\Windows\\explorer.exe");
    field_text(r, "CurrentDirectory", CREATE_X_DIRECTORY, L"C:\\Windows\\System32\\");
    field_sid(r, "Sid", CREATE_X_SID, "S-1-5-21-1-2-3-1001");
    record_free(r);
    check(!cache_of(0xfffffff0, 16386, &status) && !NT_SUCCESS(status), "an id that does not exist");
    check(!cache_of(world.explorer->id, 16, &status) && !NT_SUCCESS(status), "a buffer that is too small");
    r = cache_of(4, 16386, &status);
    record_free(r);
    r = cache_of(0, 16386, &status);
    record_free(r);
}

/* The parameters of a process are its own to spoil. */
static void spoil(unsigned member, uintptr_t buffer, unsigned length)
{
    struct process *victim = world.user;
    NTSTATUS status;

    as(victim);
    *(USHORT *)(victim->parameters + member) = (USHORT)length;
    *(uintptr_t *)(victim->parameters + member + sizeof(void *)) = buffer;
    as(world.service);
    record_free(cache_of(victim->id, 16386, &status));
}

void control_cache_hostile(void)
{
    const unsigned command = BY_ARCH(112, 64), directory = BY_ARCH(56, 36);
    NTSTATUS status;

    as(world.service);
    for (unsigned i = 0; i < 2; i++) {
        unsigned member = i ? directory : command;

        spoil(member, 0, 200);
        spoil(member, 1, 0xffff);
        spoil(member, (uintptr_t)world.user->parameters + 0x300, 0xfffe);
        spoil(member, (uintptr_t)world.image.base, 100);
        spoil(member, ~(uintptr_t)0, 100);
        spoil(member, mm_user_probe() - 10, 100);
    }
    mm_user_fault(world.user->parameters);
    record_free(cache_of(world.user->id, 16386, &status));
    mm_user_fault(world.user->peb);
    record_free(cache_of(world.user->id, 16386, &status));
    as(world.user);
}

void control_cache_changing(void)
{
    NTSTATUS status;

    as(world.service);
    mm_user_change(world.user->parameters);
    record_free(cache_of(world.user->id, 16386, &status));
    mm_user_change(world.user->peb);
    record_free(cache_of(world.user->id, 16386, &status));
    as(world.user);
}

/* --- queue ---------------------------------------------------------------------------------------------------------------------- */

void control_overflow(void)
{
    unsigned received;

    if (!loaded())
        return;
    as(world.user);
    for (int i = 0; i < 150; i++)
        ps_exit(ps_create(&(struct process_plan){.image = L"C:\\Windows\\System32\\cmd.exe"}), STATUS_SUCCESS);
    client_start();
    client_sync();
    received = client_count(R_PROCESS_CREATE) + client_count(R_PROCESS_TERMINATE);
    if (client_running() && !client_in_fault_run()) {
        check(received >= 64 && received <= 66, "%u records fit in a queue of 64", received);
        check(client_lost() >= 300 - 66, "%llu lost records are reported", (unsigned long long)client_lost());
    }
    as(world.user);
    ps_exit(world.explorer, STATUS_SUCCESS);
    client_sync();
    client_check_sequence();
    client_stop();
    done();
}

/* --- settings ---------------------------------------------------------------------------------------------------------------------- */

static const char no_registry[] = "<Sysmon schemaversion=\"4.90\"><EventFiltering><RegistryEvent onmatch=\"include\"/>"
                                  "</EventFiltering></Sysmon>";

static void exclude_registry(void)
{
    size_t size;
    const uint8_t *rules = rules_compile(no_registry, &size);

    world_parameter(L"Rules", REG_BINARY, rules, (ULONG)size);
}

/* Starts and ends of processes always go up: the service's cache lives on them. */
static bool sees_registry(void)
{
    unsigned before;
    HANDLE key;

    client_sync();
    before = client_count(R_REGISTRY);
    as(world.user);
    cm_open(NULL, L"\\REGISTRY\\MACHINE\\SOFTWARE", &key);
    cm_set_value(key, L"x", REG_DWORD, &(ULONG){1}, 4);
    cm_close(key);
    client_sync();
    return client_count(R_REGISTRY) > before;
}

void control_reload(void)
{
    if (client_in_fault_run())
        return;
    check(sees_registry(), "changes of values are logged by these rules");
    as(world.service);
    exclude_registry();
    check(NT_SUCCESS(io_ioctl(client_file(), (ULONG)IOCTL_CONFIG, NULL, 0, NULL, 0, NULL)), "UPDATE_CONFIG succeeds");
    check(!sees_registry(), "and no more by the new ones");
}

/* Without being told: the driver watches the key. */
void control_watch(void)
{
    if (client_in_fault_run())
        return;
    check(sees_registry(), "changes of values are logged by these rules");
    exclude_registry();
    sched_advance(SECONDS(2));
    expect(R_CONFIG_UPDATE, "a change of the key is announced");
    check(!sees_registry(), "the new rules are in force");
}

void prepare_wrong_settings(void)
{
    static const WCHAR *const names[] = {L"Options", L"HashingAlgorithm", L"Rules", L"CheckRevocation", L"DnsLookup", L"ArchiveDirectory",
                                         L"FieldSizes", L"ProcessAccessNames", L"ProcessAccessMasks", L"DriverQueueSize", L"VerdictTimeout"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        switch (i % 4) {
        case 0:
            world_parameter(names[i], REG_SZ, L"nonsense", sizeof L"nonsense");
            break;
        case 1:
            world_parameter(names[i], REG_DWORD, &(ULONG){0xffffffff}, 3);
            break;
        case 2:
            world_parameter(names[i], REG_DWORD, &(ULONG){0xffffffff}, 4);
            break;
        default:
            world_parameter(names[i], REG_MULTI_SZ, NULL, 0);
        }
}

/* Every value is of the wrong type or size: each is refused, the defaults hold, the driver works. */
void control_wrong_settings(void)
{
    client_sync();
    check(client_count(R_KERNEL_ERROR) >= 4 || client_in_fault_run(), "%u values are reported as refused", client_count(R_KERNEL_ERROR));
    ps_exit(ps_create(&(struct process_plan){.image = L"C:\\Windows\\System32\\cmd.exe"}), STATUS_SUCCESS);
    expect(R_PROCESS_CREATE, "process creation is on by default");
    expect(R_PROCESS_TERMINATE, "so is its end");
}

void prepare_damaged_rules(void)
{
    static uint8_t damaged[0x10000];
    size_t size;
    const uint8_t *rules = rules_everything(&size);

    memcpy(damaged, rules, size);
    for (size_t i = 16; i < size; i += 13)
        damaged[i] ^= 0xff;
    world_parameter(L"Rules", REG_BINARY, damaged, (ULONG)size);
}

void control_damaged_rules(void)
{
    ps_exit(ps_create(&(struct process_plan){.image = L"C:\\Windows\\System32\\cmd.exe"}), STATUS_SUCCESS);
    client_sync();
}

/* Rules cut off at every length, then reloaded. */
void control_cut_rules(void)
{
    size_t size, step;
    const uint8_t *rules = rules_everything(&size);

    step = client_in_fault_run() ? size : size / 60 + 1;
    as(world.service);
    for (size_t cut = 0; cut < size; cut += step) {
        world_parameter(L"Rules", REG_BINARY, rules, (ULONG)cut);
        io_ioctl(client_file(), (ULONG)IOCTL_CONFIG, NULL, 0, NULL, 0, NULL);
    }
    as(world.user);
}
