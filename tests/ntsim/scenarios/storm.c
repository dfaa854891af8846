/* SPDX-License-Identifier: MIT */
/* Many threads at once: everything they cause is delivered or counted as lost, and the driver can be unloaded in the middle of it. */
#include "storm.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "scenarios.h"
#include "user.h"

#include "../cm.h"
#include "../host.h"
#include "../mm.h"
#include "../module.h"

enum { STORMERS = 3 };

struct stormer {
    struct process *process;
    HANDLE key;
    uint64_t operations, expected;
    unsigned number;
    bool done;
};

static struct stormer stormers[STORMERS];
static volatile bool stopping;

/* One of the cheap operations; the number of records it must give. */
static unsigned operate(struct stormer *s, uint64_t n)
{
    WCHAR name[60];

    switch (n % 16) {
    default:
        cm_set_value(s->key, L"value", REG_DWORD, &(ULONG){(ULONG)n}, 4);
        return 1;
    case 3:
    case 9:
        ps_open(world.explorer, 0x1410);
        return nt_at_least(VISTA);
    case 5:
        ps_load_image(s->process, L"C:\\Windows\\System32\\ntdll.dll", NTDLL_BASE, NTDLL_SIZE);
        return 1;
    case 7:
        swprintf(name, 60, L"C:\\Users\\bob\\Documents\\%u\\%llu.txt", s->number, (unsigned long long)(n / 16 % 8));
        return NT_SUCCESS(user_write_file(name, "x", 1));
    case 11:
        ps_thread_exit(ps_thread(world.explorer, (void *)(uintptr_t)(NTDLL_BASE + 16)));
        return 1;
    case 15:
        ps_exit(ps_create(&(struct process_plan){.image = L"C:\\Windows\\System32\\cmd.exe", .session = 1}), STATUS_SUCCESS);
        return 2;
    }
}

static void stormer_main(void *argument)
{
    struct stormer *s = argument;

    as(s->process);
    for (uint64_t n = 0; n < s->operations && !stopping; n++)
        s->expected += operate(s, n + s->number * 5);
    as(NULL);
    sched_lock();
    s->done = true;
    sched_wake(&stormers);
    sched_unlock();
}

static void start_stormers(uint64_t operations)
{
    WCHAR path[120];

    stopping = false;
    memset(stormers, 0, sizeof stormers);
    for (unsigned i = 0; i < STORMERS; i++) {
        struct stormer *s = &stormers[i];
        char name[32];

        s->process = ps_create(&(struct process_plan){.image = L"C:\\Users\\bob\\tool.exe", .token = world.user_token, .session = 1});
        ps_start(s->process);
        as(s->process);
        swprintf(path, 120, L"\\REGISTRY\\USER\\S-1-5-21-1-2-3-1001\\Software\\Storm%u", i);
        cm_create(NULL, path, NULL, &s->key, NULL);
        as(world.user);
        swprintf(path, 120, L"C:\\Users\\bob\\Documents\\%u", i);
        fs_plant_directory(path);
        s->operations = operations / STORMERS;
        s->number = i;
        snprintf(name, sizeof name, "stormer %u", i);
        sched_start(name, ps_first_thread(s->process), stormer_main, s);
    }
}

static bool all_done(void)
{
    for (unsigned i = 0; i < STORMERS; i++)
        if (!stormers[i].done)
            return false;
    return true;
}

static void wait_for_stormers(void)
{
    sched_lock();
    while (!all_done())
        sched_sleep(&stormers, NEVER, "the storm");
    sched_unlock();
}

/* Until nothing has arrived for a while. */
static void wait_for_reader(void)
{
    uint64_t before;

    do {
        before = client_received();
        host_sleep(200);
    } while (client_received() != before);
}

static uint64_t expected_records(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < STORMERS; i++)
        sum += stormers[i].expected;
    return sum;
}

void storm_parallel(uint64_t operations)
{
    uint64_t start, before, got, nanoseconds;

    client_sync();
    client_forget();
    gate_checks(false);
    mm_checks(false);
    sched_parallel(true);
    before = client_received();
    start = host_nanoseconds();
    start_stormers(operations);
    before += STORMERS * 3; /* their own start: process, image, ntdll */
    wait_for_stormers();
    nanoseconds = host_nanoseconds() - start;
    wait_for_reader();
    sched_parallel(false);
    mm_checks(true);
    gate_checks(true);
    client_sync();
    got = client_received() - before;
    say("%llu operations, %llu records, %llu lost, %.0f ns an operation", (unsigned long long)operations, (unsigned long long)got,
        (unsigned long long)client_lost(), (double)nanoseconds / (double)operations);
    check(got + client_lost() >= expected_records(), "%llu records and %llu lost ones, %llu were caused", (unsigned long long)got,
          (unsigned long long)client_lost(), (unsigned long long)expected_records());
}

void storm_short(void) { storm_parallel(30000); }

/* Serial mode with a switch of threads at every few calls: the same order every time, for every seed. */
static void storm_switched(uint64_t seed, bool unload)
{
    sched_preempt(1 + (unsigned)(seed % 3), seed);
    start_stormers(unload ? 600 : 240);
    if (!unload)
        wait_for_stormers();
}

void storm_serial(void)
{
    uint64_t before = 0;

    for (uint64_t seed = 1; seed <= 4; seed++) {
        client_sync();
        client_forget();
        before = client_received();
        storm_switched(seed, false);
        sched_preempt(0, 1);
        sched_advance(SECONDS(2));
        client_sync();
        check(client_received() - before >= expected_records(), "seed %u: %llu records, %llu were caused", (unsigned)seed,
              (unsigned long long)(client_received() - before), (unsigned long long)expected_records());
    }
}

/* The service leaves (reads pending) and the driver is unloaded while the threads go on. */
void storm_unload(void)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        if (!world.loaded && !NT_SUCCESS(world_load()))
            return;
        client_start();
        as(world.user);
        storm_switched(seed, true);
        for (unsigned i = 0; i < 20 + 30 * seed; i++)
            sched_yield();
        client_stop();
        as(NULL);
        world_unload();
        wait_for_stormers();
        sched_preempt(0, 1);
    }
}
