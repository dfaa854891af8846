/* SPDX-License-Identifier: MIT */
/*
 * Return addresses come from the kernel's own walker, which reads the user stack under its own guard. For a WOW64 process it sees
 * the 64-bit frames of the emulation layer only; the 32-bit ones follow the EBP chain from the context that this layer
 * saved (spec 08 section 4.4). All of it is under the control of the process: a hint, never a proof.
 */
#include "trace.h"

#include "driver.h"
#include "guard.h"

#define WALK_USER 1
#define MEMORY_IMAGE 0x1000000u

#define TEB_SLOT_CONTEXT 0x1488 /* TEB64.TlsSlots[1]: what the emulation layer keeps of the 32-bit side */
#define CONTEXT32 4             /* offset of the saved 32-bit context there */
#define CONTEXT32_EBP (CONTEXT32 + 0xB4)
#define CONTEXT32_EIP (CONTEXT32 + 0xB8)

struct frames {
    PVOID address[WIRE_FRAMES_LIMIT];
    ULONG count, native; /* those from `native` on are 32-bit ones of a 64-bit process */
};

/* NT_MEMORY_BASIC */
struct region {
    PVOID base, allocation_base;
    ULONG allocation_protect;
#ifdef _WIN64
    ULONG partition;
#endif
    SIZE_T size;
    ULONG state, protect, type;
};

#ifdef _WIN64
static void walk_wow64(struct frames *frames)
{
    const UCHAR *teb = PsGetCurrentThreadTeb();
    const UCHAR *saved = NULL;
    ULONG frame[2] = { 0, 0 }; /* EBP, return address; the saved context has them in this order too */

    if (!teb || !PsGetCurrentProcessWow64Process() || !NT_SUCCESS(guard_read(&saved, teb + TEB_SLOT_CONTEXT, sizeof saved)) ||
        !NT_SUCCESS(guard_read(frame, saved + CONTEXT32_EBP, sizeof frame)))
        return;
    while (frames->count < WIRE_FRAMES_LIMIT && frame[1]) {
        ULONG below = frame[0];

        frames->address[frames->count++] = ULongToPtr(frame[1]);
        if (!below || below & 3 || !NT_SUCCESS(guard_read(frame, ULongToPtr(below), sizeof frame)))
            return;
        if (frame[0] && frame[0] <= below) /* a stack grows in one direction */
            frame[0] = 0;
    }
}

C_ASSERT(CONTEXT32_EIP == CONTEXT32_EBP + 4);
#else
static void walk_wow64(struct frames *frames)
{
    UNREFERENCED_PARAMETER(frames);
}
#endif

/* Of an image mapped at `base`; 0 when its headers are none. Offsets: both kinds of optional header agree on them. */
static ULONG image_size(const UCHAR *base)
{
    ULONG at, signature, size;

    if (!NT_SUCCESS(guard_read(&at, base + 0x3C, sizeof at)) || at > 0x10000 ||
        !NT_SUCCESS(guard_read(&signature, base + at, sizeof signature)) || signature != 0x4550 ||
        !NT_SUCCESS(guard_read(&size, base + at + 80, sizeof size)))
        return 0;
    return size;
}

/* Another frame of a module that is known already? */
static bool resolve_again(struct wire_frame *frames, ULONG index, PVOID address)
{
    for (ULONG i = 0; i < index; i++)
        if (frames[i].ModuleSize && (ULONG_PTR)address - (ULONG_PTR)frames[i].ModuleBase < frames[i].ModuleSize) {
            memcpy(frames[index].ModulePath, frames[i].ModulePath, sizeof frames[i].ModulePath);
            frames[index].ModuleBase = frames[i].ModuleBase;
            frames[index].ModuleSize = frames[i].ModuleSize;
            return true;
        }
    return false;
}

static void resolve(struct wire_frame *frame, PVOID address)
{
    struct region region;
    UNICODE_STRING *name;
    ULONG size;

    if (!compat.ZwQueryVirtualMemory ||
        !NT_SUCCESS(compat.ZwQueryVirtualMemory(ZwCurrentProcess(), address, NT_MEMORY_BASIC, &region, sizeof region, NULL)) ||
        region.type != MEMORY_IMAGE)
        return;
    size = image_size(region.allocation_base);
    name = size ? name_of_mapping(ZwCurrentProcess(), region.allocation_base) : NULL;
    if (!name)
        return;
    name_copy(frame->ModulePath, COUNT(frame->ModulePath), name);
    frame->ModuleBase = (ULONG_PTR)region.allocation_base;
    frame->ModuleSize = size;
    pool_free(name);
}

struct wire_frame *trace_capture(ULONG *count)
{
    struct frames frames = { .count = 0 };
    struct wire_frame *resolved;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    *count = 0;
    if (ExGetPreviousMode() != UserMode)
        return NULL;
    frames.count = RtlWalkFrameChain(frames.address, COUNT(frames.address), WALK_USER);
    if (frames.count > COUNT(frames.address))
        frames.count = COUNT(frames.address);
    frames.native = frames.count;
    walk_wow64(&frames);
    if (!frames.count)
        return NULL;
    resolved = pool_allocate_paged(frames.count * sizeof *resolved);
    if (!resolved)
        return NULL;
    for (ULONG i = 0; i < frames.count; i++) {
        resolved[i].FrameReturnAddress = (ULONG_PTR)frames.address[i];
        resolved[i].IsWow64 = i >= frames.native;
        if (!resolve_again(resolved, i, frames.address[i]))
            resolve(&resolved[i], frames.address[i]);
    }
    *count = frames.count;
    return resolved;
}
