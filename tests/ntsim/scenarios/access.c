/* SPDX-License-Identifier: MIT */
/* Event 10: handles to processes. */
#include <string.h>

#include "scenarios.h"

#include "../host.h"
#include "../mm.h"

static const WCHAR tool[] = L"\\Device\\HarddiskVolume1\\Users\\bob\\tool.exe";
static const WCHAR explorer[] = L"\\Device\\HarddiskVolume1\\Windows\\explorer.exe";
static const WCHAR ntdll[] = L"\\Device\\HarddiskVolume1\\Windows\\System32\\ntdll.dll";

static void stack_of(struct thread *thread, const uintptr_t *frames, unsigned count)
{
    memcpy(thread->user_frames, frames, count * sizeof *frames);
    thread->user_frame_count = count;
}

static void check_frame(const uint8_t *trace, size_t size, unsigned number, const WCHAR *module, uintptr_t base, uintptr_t address)
{
    const uint8_t *at = trace + number * FRAME_SIZE;
    uintptr_t word;

    if (!check(size >= (number + 1) * FRAME_SIZE, "the trace has a frame %u (%zu bytes)", number, size))
        return;
    check(wcscmp((const WCHAR *)at, module) == 0, "frame %u is in \"%ls\", should be \"%ls\"", number, (const WCHAR *)at, module);
    memcpy(&word, at + FRAME_BASE, sizeof word);
    check(word == base, "frame %u: base %p, should be %p", number, (void *)word, (void *)base);
    memcpy(&word, at + FRAME_ADDRESS, sizeof word);
    check(word == address, "frame %u: address %p, should be %p", number, (void *)word, (void *)address);
    check(at[FRAME_WOW64] == 0, "frame %u is no WOW64 frame", number);
}

void access_open(void)
{
    const uintptr_t frames[] = {NTDLL_BASE + 0x9d1e4, IMAGE_BASE + 0x1010, 0x22330000};
    int64_t before = sched_now();
    const struct record *r;
    const uint8_t *trace;
    size_t size;

    stack_of(current_thread(), frames, 3);
    check(ps_open(world.explorer, 0x1410) == 0x1410, "the access is not touched");
    r = expect(R_PROCESS_ACCESS, "a process was opened");
    field_u32(r, "ClientProcessID", ACCESS_CLIENT, world.user->id);
    field_u32(r, "ClientThreadID", ACCESS_THREAD, current_thread()->id);
    field_u32(r, "TargetPid", ACCESS_TARGET, world.explorer->id);
    field_u32(r, "GrantedAccess", ACCESS_GRANTED, 0x1410);
    field_time(r, "EventSystemTime", ACCESS_TIME, before, sched_now());
    field_text(r, "ClientImage", ACCESS_X_CLIENT, tool);
    field_text(r, "TargetImage", ACCESS_X_TARGET, explorer);
    field_sid(r, "SidSource", ACCESS_X_SOURCE_SID, "S-1-5-21-1-2-3-1001");
    field_sid(r, "SidTarget", ACCESS_X_TARGET_SID, "S-1-5-21-1-2-3-1001");
    field_session(r, 1);
    if (!r || client_in_fault_run())
        return;
    trace = record_extension(r, ACCESS_X_TRACE, &size);
    check(size == 3 * FRAME_SIZE, "3 frames, not %zu bytes", size);
    check_frame(trace, size, 0, ntdll, NTDLL_BASE, frames[0]);
    check_frame(trace, size, 1, tool, IMAGE_BASE, frames[1]);
    check_frame(trace, size, 2, L"", 0, frames[2]);
    expect_none(R_PROCESS_ACCESS, "one handle, one record");
}

void access_duplicate(void)
{
    const struct record *r;

    current_thread()->user_frame_count = 0;
    as(world.explorer);
    ps_duplicate(world.explorer, world.user, world.service, 0x40);
    r = expect(R_PROCESS_ACCESS, "a handle was duplicated");
    field_u32(r, "ClientProcessID", ACCESS_CLIENT, world.user->id); /* the receiver */
    field_u32(r, "TargetPid", ACCESS_TARGET, world.service->id);
    field_u32(r, "GrantedAccess", ACCESS_GRANTED, 0x40);
    field_sid(r, "SidTarget", ACCESS_X_TARGET_SID, "S-1-5-18");
    as(world.user);
}

void access_ignored(void)
{
    ps_open(world.user, 0x1fffff);
    expect_none(R_PROCESS_ACCESS, "a process opens itself");
    as(NULL);
    ps_open(world.explorer, 0x1fffff);
    expect_none(R_PROCESS_ACCESS, "a kernel handle");
    as(world.user);
}

/* A stack full of frames; more than the format holds. */
void access_deep(void)
{
    uintptr_t frames[32];
    const struct record *r;
    size_t size;

    for (unsigned i = 0; i < 32; i++)
        frames[i] = NTDLL_BASE + 0x1000 + i * 16;
    stack_of(current_thread(), frames, 32);
    ps_open(world.explorer, 0x10);
    r = expect(R_PROCESS_ACCESS, "a process was opened from deep down");
    if (!r || client_in_fault_run())
        return;
    record_extension(r, ACCESS_X_TRACE, &size);
    check(size == BY_ARCH(24, 16) * FRAME_SIZE, "%zu frames", size / FRAME_SIZE);
}

/* WOW64: the 32-bit chain starts from what the emulation layer saved; a hostile process makes it a loop, or points it nowhere. */
static void wow64_chain(const uint32_t (*chain)[2], unsigned count, uint32_t first_ebp)
{
    static const uintptr_t native[] = {NTDLL_BASE + 0x100};
    struct process *process = world.user;
    uint8_t *teb = mm_user(process, NULL, 0x2000), *saved = mm_user(process, NULL, 0x400), *stack = mm_user(process, chain, count * 8);
    uint32_t head[2] = {first_ebp ? first_ebp : (uint32_t)(uintptr_t)stack, 0x46001234};

    memset(teb, 0, 0x2000);
    memset(saved, 0, 0x400);
    memcpy(saved + 4 + 0xB4, head, 8);
    memcpy(teb + 0x1488, &saved, sizeof saved);
    process->wow64 = true;
    current_thread()->teb = teb;
    stack_of(current_thread(), native, 1);
    ps_open(world.explorer, 0x10);
    process->wow64 = false;
    current_thread()->teb = NULL;
}

void access_wow64(void)
{
    const struct record *r;
    const uint8_t *trace;
    size_t size;

    if (BY_ARCH(0, 1))
        return;
    wow64_chain((const uint32_t[][2]){{0, 0x46001300}}, 1, 0);
    r = expect(R_PROCESS_ACCESS, "a 32-bit process opens another");
    if (!r || client_in_fault_run())
        return;
    trace = record_extension(r, ACCESS_X_TRACE, &size);
    check(size == 3 * FRAME_SIZE, "one native and two 32-bit frames, not %zu bytes", size);
    if (size == 3 * FRAME_SIZE)
        check(trace[FRAME_SIZE + FRAME_WOW64] == 1 && trace[2 * FRAME_SIZE + FRAME_WOW64] == 1, "they are marked as 32-bit frames");
}

void access_wow64_hostile(void)
{
    if (BY_ARCH(0, 1))
        return;
    wow64_chain((const uint32_t[][2]){{0xfffffff0, 0x46001300}}, 1, 0);
    expect(R_PROCESS_ACCESS, "a chain into kernel addresses");
    wow64_chain((const uint32_t[][2]){{0, 0}}, 1, 0x00000003);
    expect(R_PROCESS_ACCESS, "a chain that is not aligned");
    wow64_chain((const uint32_t[][2]){{0, 0}}, 1, 0x12340000);
    expect(R_PROCESS_ACCESS, "a chain into nothing");
}
