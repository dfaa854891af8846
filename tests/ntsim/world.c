/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "cm.h"
#include "export.h"
#include "flt.h"
#include "irql.h"
#include "ke.h"
#include "lock.h"
#include "mm.h"
#include "module.h"
#include "npfs.h"
#include "ob.h"
#include "pool.h"
#include "rtl.h"
#include "profile.h"
#include "sched.h"
#include "verify.h"

struct world world;
static struct driver_file driver_file;

void world_driver_file(const struct driver_file *file) { driver_file = *file; }

/* --- booting ------------------------------------------------------------------------------------------------------------ */

static void plant_registry(void)
{
    const WCHAR *key = SERVICE_KEY L"\\Instances";

    cm_plant(SERVICE_KEY, L"Type", REG_DWORD, &(ULONG){2}, 4);
    cm_plant(SERVICE_KEY L"\\Parameters", NULL, 0, NULL, 0);
    cm_plant(key, L"DefaultInstance", REG_SZ, L"Sysmon Instance", sizeof L"Sysmon Instance");
    cm_plant(SERVICE_KEY L"\\Instances\\Sysmon Instance", L"Altitude", REG_SZ, L"385201", sizeof L"385201");
    cm_plant(SERVICE_KEY L"\\Instances\\Sysmon Instance", L"Flags", REG_DWORD, &(ULONG){0}, 4);
}

static void plant_files(void)
{
    static const WCHAR *const images[] = {L"C:\\Windows\\System32\\ntdll.dll", L"C:\\Windows\\explorer.exe", L"C:\\Windows\\Sysmon64.exe",
                                          L"C:\\Windows\\System32\\cmd.exe", L"C:\\Users\\bob\\tool.exe"};

    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        fs_plant(images[i], "MZ\x90", 3);
    fs_plant_directory(L"C:\\Users\\bob\\Documents");
    fs_plant_directory(L"D:\\data");
}

static struct process *start(const WCHAR *image, struct token *token, uint32_t session)
{
    struct process_plan plan = {.image = image, .token = token, .session = session};
    struct process *process = ps_create(&plan);

    ps_start(process);
    return process;
}

static void make_people(void)
{
    uint32_t medium = nt_at_least(VISTA) ? 0x2000 : 0xffffffff, high = nt_at_least(VISTA) ? 0x3000 : 0xffffffff;

    world.system_token = ps_system()->token;
    world.user_token = se_token("S-1-5-21-1-2-3-1001", medium, 0x3a1f3, 1, false);
    world.admin_token = se_token("S-1-5-21-1-2-3-500", high, 0x4b2e4, 1, true);
    world.service = start(L"C:\\Windows\\Sysmon64.exe", world.system_token, 0);
    world.explorer = start(L"C:\\Windows\\explorer.exe", world.user_token, 1);
    world.user = start(L"C:\\Users\\bob\\tool.exe", world.user_token, 1);
}

static void export_variables(void)
{
    ps_export_variables();
    io_export_variables();
    rtl_export_variables();
    ke_export_variables();
    modules_refresh();
}

void world_boot(void)
{
    static const struct profile *built;

    memset(&world, 0, sizeof world);
    if (built != profile)
        modules_build();
    built = profile;
    lock_reset();
    se_begin();
    ps_begin();
    ke_begin();
    io_begin();
    cm_begin();
    fs_begin();
    npfs_begin();
    export_variables();
    world.c = fs_mount(L"\\Device\\HarddiskVolume1", 'C', profile->fat_volumes);
    world.d = fs_mount(L"\\Device\\HarddiskVolume2", 'D', true);
    ob_link(L"\\SystemRoot", L"\\Device\\HarddiskVolume1\\Windows");
    plant_registry();
    plant_files();
    flt_begin();
    make_people();
}

/* --- the driver ------------------------------------------------------------------------------------------------------------ */

static UNICODE_STRING *registry_path(void)
{
    const WCHAR *text = profile->upper_case_registry_path ? L"\\REGISTRY\\MACHINE\\SYSTEM\\CONTROLSET001\\SERVICES\\SYSMONDRV" : SERVICE_KEY;
    UNICODE_STRING *path = mm_allocate(BLOCK_PAGED, sizeof *path, 'htaP', 0);
    size_t bytes = wcslen(text) * sizeof(WCHAR);

    path->Buffer = mm_allocate(BLOCK_PAGED, bytes, 'htaP', MM_BYTE_END); /* not terminated */
    memcpy(path->Buffer, text, bytes);
    path->Length = path->MaximumLength = (USHORT)bytes;
    return path;
}

static NTSTATUS call_entry(void)
{
    UNICODE_STRING *path = registry_path();
    struct crossing crossing;
    NTSTATUS status;

    cross_in(&crossing, "DriverEntry");
    status = world.image.entry(world.driver, path);
    cross_out(&crossing);
    mm_free(path->Buffer);
    mm_free(path);
    return status;
}

static unsigned report_leftovers(void)
{
    unsigned n = ps_report_callbacks() + cm_report_callbacks() + ob_callbacks() + flt_report_leaks() + flt_context_report();

    if (ps_driver_threads()) {
        bug("thread-leak", "%u system thread(s) of the driver still run", ps_driver_threads());
        n++;
    }
    if (!ke_dpcs_idle())
        bug("dpc-leak", "a DPC is still queued or running");
    return n + ke_report_objects() + io_report_leaks(world.driver) + ob_report_leaks() + pool_report_leaks();
}

static void driver_gone(void)
{
    const struct runner *inside = sched_inside_driver();

    if (inside)
        bug("unload-inside", "the driver is gone while thread %s is inside %s", inside->name, inside->inside);
    world_settle();
    report_leftovers();
    loader_unmap(&world.image);
    world.loaded = false;
}

NTSTATUS world_load(void)
{
    KPROCESSOR_MODE mode = self()->previous_mode;
    struct thread *was = current_thread();

    sched_become(ps_idle_thread());
    self()->previous_mode = KernelMode;
    world.entry_status = loader_map(&driver_file, &world.image);
    if (!NT_SUCCESS(world.entry_status))
        return world.entry_status;
    world.driver = io_driver(L"\\FileSystem\\SysmonDrv", L"SysmonDrv");
    world.driver->DriverStart = world.image.base;
    world.driver->DriverSize = world.image.size;
    world.driver->DriverInit = world.image.entry;
    io_under_test(world.driver);
    world.entry_status = call_entry();
    world.loaded = true;
    if (!NT_SUCCESS(world.entry_status)) {
        driver_gone();
    } else {
        flt_check_driver(world.driver);
        io_devices_ready(world.driver);
        loader_discard_init(&world.image);
        io_reinitialize(true);
        io_reinitialize(false);
    }
    sched_become(was);
    self()->previous_mode = mode;
    return world.entry_status;
}

void world_unload(void)
{
    struct thread *was = current_thread();
    struct crossing crossing;

    if (!world.loaded)
        return;
    if (!world.driver->DriverUnload) {
        bug("unload", "the driver has no DriverUnload");
        return;
    }
    sched_become(ps_idle_thread());
    self()->previous_mode = KernelMode;
    cross_in(&crossing, "DriverUnload");
    world.driver->DriverUnload(world.driver);
    cross_out(&crossing);
    driver_gone();
    sched_become(was);
}

void world_end(void)
{
    as(NULL);
    world_unload();
    io_reset();
    ke_reset();
    flt_reset();
    fs_reset();
    cm_reset();
    ps_reset();
    ob_reset();
    mm_reset();
}

/* --- acting ------------------------------------------------------------------------------------------------------------------- */

void as_thread(struct thread *thread)
{
    sched_become(thread);
    self()->previous_mode = thread->system ? KernelMode : UserMode;
}

void as(struct process *process) { as_thread(process ? ps_first_thread(process) : ps_idle_thread()); }

void world_parameter(const WCHAR *name, ULONG type, const void *data, ULONG size) { cm_plant(SERVICE_KEY L"\\Parameters", name, type, data, size); }
void world_parameter_dword(const WCHAR *name, ULONG value) { world_parameter(name, REG_DWORD, &value, sizeof value); }

void world_settle(void) { sched_settle(); }
