/* SPDX-License-Identifier: MIT */
/* Pool and lookaside lists. Every allocation is a block of mm.c; freeing looks for kernel objects that still live in it. */
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "ke.h"
#include "mm.h"
#include "module.h"
#include "pool.h"
#include "profile.h"
#include "sched.h"
#include "host.h"
#include "verify.h"

enum { POOL_NX = 0x200, POOL2_UNINITIALIZED = 2, POOL2_RAISE = 0x20, POOL2_NONPAGED = 0x40, POOL2_NONPAGED_EXECUTE = 0x80,
       POOL2_PAGED = 0x100 };

static enum block_kind kind_of(ULONG type)
{
    if (type & POOL_NX && !nt_at_least(WIN8))
        bug("pool-type", "NonPagedPoolNx (0x%x) does not exist before 6.2", (unsigned)type);
    return (type & 1) ? BLOCK_PAGED : BLOCK_NONPAGED;
}

void *pool_take(ULONG type, SIZE_T size, ULONG tag)
{
    enum block_kind kind = kind_of(type);
    void *memory;

    if (kind == BLOCK_PAGED && self()->irql >= DISPATCH_LEVEL)
        bug("irql-too-high", "paged pool allocated at IRQL %u", self()->irql);
    if (!tag)
        bug("pool-tag", "allocation of %zu bytes without a tag", (size_t)size);
    if (!size)
        bug("pool-size", "allocation of zero bytes");
    memory = mm_allocate(kind, size, tag, 0);
    mm_block(memory)->driver_owned = true;
    return memory;
}

void pool_give(void *memory, ULONG tag)
{
    struct block *block = mm_block(memory);

    if (!memory)
        bugcheck("bad-free", "NULL freed");
    if (block && block->live && block->kind == BLOCK_PAGED && self()->irql >= DISPATCH_LEVEL)
        bug("irql-too-high", "paged pool freed at IRQL %u", self()->irql);
    if (block && block->live && tag && block->tag != tag)
        bug("pool-tag", "allocated as %.4s, freed as %.4s", (char *)&block->tag, (char *)&tag);
    if (block && block->live)
        ke_check_freed(block->data, block->size);
    mm_free(memory);
}

FALLIBLE(FAILS_NULL, PVOID, ExAllocatePoolWithTag, (POOL_TYPE type, SIZE_T size, ULONG tag))
{
    return pool_take((ULONG)type, size, tag);
}

FALLIBLE(FAILS_NULL, PVOID, ExAllocatePool, (POOL_TYPE type, SIZE_T size)) { return pool_take((ULONG)type, size, 'enoN'); }
FALLIBLE(FAILS_NULL, PVOID, ExAllocatePoolWithTagPriority, (POOL_TYPE type, SIZE_T size, ULONG tag, EX_POOL_PRIORITY priority))
{
    (void)priority;
    return pool_take((ULONG)type, size, tag);
}

/* Raises by default: flag 8 (POOL_QUOTA_FAIL_INSTEAD_OF_RAISE) makes it return NULL. */
FALLIBLE(FAILS_RAISE, PVOID, ExAllocatePoolWithQuotaTag, (POOL_TYPE type, SIZE_T size, ULONG tag))
{
    return pool_take((ULONG)type & ~8u, size, tag);
}

FALLIBLE(FAILS_NULL, PVOID, ExAllocatePool2, (ULONG64 flags, SIZE_T size, ULONG tag))
{
    void *memory;

    if (!(flags & (POOL2_NONPAGED | POOL2_NONPAGED_EXECUTE | POOL2_PAGED)))
        bug("pool-type", "ExAllocatePool2 without a kind of pool: flags 0x%llx", (unsigned long long)flags);
    memory = pool_take(flags & POOL2_PAGED ? PagedPool : NonPagedPool, size, tag);
    if (!(flags & POOL2_UNINITIALIZED))
        memset(memory, 0, size);
    return memory;
}

EXPORT(VOID, ExFreePoolWithTag, (PVOID memory, ULONG tag)) { pool_give(memory, tag); }
EXPORT(VOID, ExFreePool, (PVOID memory)) { pool_give(memory, 0); }

/* Memory that a kernel routine gives to the driver, who frees it with ExFreePool. */
void *pool_for_driver(enum block_kind kind, SIZE_T size, ULONG tag)
{
    void *memory = mm_allocate(kind, size ? size : 1, tag, 0);

    mm_block(memory)->driver_owned = true;
    return memory;
}

/* --- what is left at unload ---------------------------------------------------------------------------------------------- */

static void report_leak(struct block *block, void *context)
{
    unsigned *count = context;

    if (!block->driver_owned || (block->kind != BLOCK_NONPAGED && block->kind != BLOCK_PAGED))
        return;
    ++*count;
    bug("pool-leak", "%zu bytes, tag %.4s, allocated by %s", block->size, (char *)&block->tag, place(block->allocated_by));
}

unsigned pool_report_leaks(void)
{
    unsigned count = 0;

    mm_each(report_leak, &count);
    return count;
}

static void count_bytes(struct block *block, void *context)
{
    if (block->driver_owned && (block->kind == BLOCK_NONPAGED || block->kind == BLOCK_PAGED))
        *(size_t *)context += block->size;
}

size_t pool_in_use(void)
{
    size_t bytes = 0;

    mm_each(count_bytes, &bytes);
    return bytes;
}

/* --- lookaside lists: never keep anything, every entry is a fresh block ---------------------------------------------------- */

/* The inlined ExAllocateFromNPagedLookasideList pops L.ListHead first (always empty here), then calls L.Allocate. */
static void lookaside_setup(struct _GENERAL_LOOKASIDE *list, PALLOCATE_FUNCTION allocate, PFREE_FUNCTION release, ULONG type,
                            SIZE_T size, ULONG tag)
{
    memset(list, 0, sizeof *list);
    list->Type = (POOL_TYPE)type;
    list->Tag = tag;
    list->Size = (ULONG)size;
    list->Depth = 0; /* Free finds the list full and calls L.Free */
    list->MaximumDepth = 256;
    list->Allocate = allocate ? allocate : (PALLOCATE_FUNCTION)module_kernel_export("ExAllocatePoolWithTag");
    list->Free = release ? release : (PFREE_FUNCTION)module_kernel_export("ExFreePool");
    ke_object_begin(list, sizeof *list, "lookaside list");
}

EXPORT(VOID, ExInitializeNPagedLookasideList, (PNPAGED_LOOKASIDE_LIST list, PALLOCATE_FUNCTION allocate, PFREE_FUNCTION release,
                                               ULONG flags, SIZE_T size, ULONG tag, USHORT depth))
{
    (void)depth;
    lookaside_setup(&list->L, allocate, release, flags & POOL_NX ? POOL_NX : NonPagedPool, size, tag);
}

EXPORT(VOID, ExInitializePagedLookasideList, (PPAGED_LOOKASIDE_LIST list, PALLOCATE_FUNCTION allocate, PFREE_FUNCTION release,
                                              ULONG flags, SIZE_T size, ULONG tag, USHORT depth))
{
    (void)flags;
    (void)depth;
    lookaside_setup(&list->L, allocate, release, PagedPool, size, tag);
}

EXPORT(VOID, ExDeleteNPagedLookasideList, (PNPAGED_LOOKASIDE_LIST list)) { ke_object_end(list, "lookaside list"); }
EXPORT(VOID, ExDeletePagedLookasideList, (PPAGED_LOOKASIDE_LIST list)) { ke_object_end(list, "lookaside list"); }
EXPORT(PVOID, ExAllocateFromPagedLookasideList, (PPAGED_LOOKASIDE_LIST list))
{
    return list->L.Allocate(list->L.Type, list->L.Size, list->L.Tag);
}
EXPORT(VOID, ExFreeToPagedLookasideList, (PPAGED_LOOKASIDE_LIST list, PVOID entry)) { list->L.Free(entry); }

/* --- interlocked singly linked lists: depth in the low word of the header, first entry in its other half -------------------- */

static PSLIST_ENTRY *first_entry(PSLIST_HEADER head) { return (PSLIST_ENTRY *)((uint8_t *)head + BY_ARCH(8, 0)); }
static USHORT *depth_word(PSLIST_HEADER head) { return (USHORT *)((uint8_t *)head + BY_ARCH(0, 4)); }

EXPORT(VOID, InitializeSListHead, (PSLIST_HEADER head)) { memset(head, 0, sizeof *head); }

EXPORT(PSLIST_ENTRY, ExpInterlockedPopEntrySList, (PSLIST_HEADER head))
{
    PSLIST_ENTRY entry;

    sched_lock();
    entry = *first_entry(head);
    if (entry) {
        *first_entry(head) = entry->Next;
        --*depth_word(head);
    }
    sched_unlock();
    return entry;
}

EXPORT(PSLIST_ENTRY, ExpInterlockedPushEntrySList, (PSLIST_HEADER head, PSLIST_ENTRY entry))
{
    PSLIST_ENTRY old;

    sched_lock();
    old = entry->Next = *first_entry(head);
    *first_entry(head) = entry;
    ++*depth_word(head);
    sched_unlock();
    return old;
}

EXPORT(PSLIST_ENTRY, ExpInterlockedFlushSList, (PSLIST_HEADER head))
{
    PSLIST_ENTRY old;

    sched_lock();
    old = *first_entry(head);
    memset(head, 0, sizeof *head);
    sched_unlock();
    return old;
}

EXPORT(USHORT, ExQueryDepthSList, (PSLIST_HEADER head)) { return *depth_word(head); }

/* x86: fast-call twins */
EXPORT_FAST(PSLIST_ENTRY, InterlockedPopEntrySList, (PSLIST_HEADER head)) { return nt_ExpInterlockedPopEntrySList(head); }
EXPORT_FAST(PSLIST_ENTRY, InterlockedPushEntrySList, (PSLIST_HEADER head, PSLIST_ENTRY entry))
{
    return nt_ExpInterlockedPushEntrySList(head, entry);
}
EXPORT_FAST(PSLIST_ENTRY, ExInterlockedFlushSList, (PSLIST_HEADER head)) { return nt_ExpInterlockedFlushSList(head); }
