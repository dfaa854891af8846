/* SPDX-License-Identifier: MIT */
/* Executive support: mutexes, resources, push locks, rundown protection, interlocked lists, exceptions. */
#include <string.h>

#include "export.h"
#include "host.h"
#include "irql.h"
#include "ke.h"
#include "lock.h"
#include "mm.h"
#include "profile.h"
#include "ps.h"
#include "verify.h"

/* --- fast and guarded mutexes ------------------------------------------------------------------------------------------ */

/* ExInitializeFastMutex is inlined by the headers: Count 1, event initialised. */
static void check_initialised(PFAST_MUTEX mutex)
{
    if (mutex->Count != 1 && !lock_share_count(mutex))
        bugcheck("bad-object", "fast mutex %p was never initialised (count %d)", (void *)mutex, (int)mutex->Count);
}

EXPORT_FAST(VOID, ExAcquireFastMutex, (PFAST_MUTEX mutex))
{
    KIRQL old = self()->irql;

    check_initialised(mutex);
    if (self()->irql < APC_LEVEL)
        irql_raise(APC_LEVEL);
    lock_take(mutex, LOCK_FAST_MUTEX, true, true);
    mutex->OldIrql = old;
}

EXPORT_FAST(BOOLEAN, ExTryToAcquireFastMutex, (PFAST_MUTEX mutex))
{
    KIRQL old = self()->irql;

    if (self()->irql < APC_LEVEL)
        irql_raise(APC_LEVEL);
    if (lock_take(mutex, LOCK_FAST_MUTEX, true, false)) {
        mutex->OldIrql = old;
        return TRUE;
    }
    self()->irql = old;
    return FALSE;
}

EXPORT_FAST(VOID, ExReleaseFastMutex, (PFAST_MUTEX mutex))
{
    KIRQL old = (KIRQL)mutex->OldIrql;

    lock_drop(mutex, LOCK_FAST_MUTEX);
    if (self()->irql != APC_LEVEL)
        bug("irql-changed", "fast mutex released at IRQL %u", self()->irql);
    self()->irql = old;
}

EXPORT_FAST(VOID, ExAcquireFastMutexUnsafe, (PFAST_MUTEX mutex))
{
    if (!self()->normal_apcs_off && !self()->all_apcs_off && self()->irql < APC_LEVEL)
        bug("apc-state", "ExAcquireFastMutexUnsafe with APCs enabled");
    lock_take(mutex, LOCK_FAST_MUTEX, true, true);
}
EXPORT_FAST(VOID, ExReleaseFastMutexUnsafe, (PFAST_MUTEX mutex)) { lock_drop(mutex, LOCK_FAST_MUTEX); }

EXPORT_FAST(VOID, KeInitializeGuardedMutex, (PKGUARDED_MUTEX mutex)) { memset(mutex, 0, sizeof *mutex); }
EXPORT_FAST(VOID, KeAcquireGuardedMutex, (PKGUARDED_MUTEX mutex))
{
    self()->all_apcs_off++;
    lock_take(mutex, LOCK_GUARDED_MUTEX, true, true);
}
EXPORT_FAST(VOID, KeReleaseGuardedMutex, (PKGUARDED_MUTEX mutex))
{
    lock_drop(mutex, LOCK_GUARDED_MUTEX);
    self()->all_apcs_off--;
}

/* --- resources ------------------------------------------------------------------------------------------------------------ */

FALLIBLE(FAILS_STATUS, NTSTATUS, ExInitializeResourceLite, (PERESOURCE resource))
{
    memset(resource, 0, sizeof *resource);
    ke_object_begin(resource, sizeof *resource, "resource");
    return STATUS_SUCCESS;
}

EXPORT(NTSTATUS, ExDeleteResourceLite, (PERESOURCE resource))
{
    ke_object_end(resource, "resource");
    lock_forget(resource);
    return STATUS_SUCCESS;
}

static BOOLEAN take_resource(PERESOURCE resource, bool exclusive, BOOLEAN wait)
{
    if (!self()->normal_apcs_off && !self()->all_apcs_off && self()->irql < APC_LEVEL)
        bug("apc-state", "a resource is acquired with normal APCs enabled: enter a critical region first");
    if (!ke_object_is(resource, "resource"))
        bugcheck("bad-object", "resource %p was never initialised", (void *)resource);
    return lock_take(resource, LOCK_RESOURCE, exclusive, wait);
}

EXPORT(BOOLEAN, ExAcquireResourceExclusiveLite, (PERESOURCE resource, BOOLEAN wait)) { return take_resource(resource, true, wait); }
EXPORT(BOOLEAN, ExAcquireResourceSharedLite, (PERESOURCE resource, BOOLEAN wait)) { return take_resource(resource, false, wait); }
EXPORT_FAST(VOID, ExReleaseResourceLite, (PERESOURCE resource)) { lock_drop(resource, LOCK_RESOURCE); }
EXPORT(BOOLEAN, ExIsResourceAcquiredExclusiveLite, (PERESOURCE resource))
{
    bool exclusive = false;

    return lock_held_by_me(resource, &exclusive) && exclusive;
}

EXPORT(VOID, FltAcquireResourceExclusive, (PERESOURCE resource))
{
    self()->normal_apcs_off++;
    take_resource(resource, true, TRUE);
}
EXPORT(VOID, FltAcquireResourceShared, (PERESOURCE resource))
{
    self()->normal_apcs_off++;
    take_resource(resource, false, TRUE);
}
EXPORT(VOID, FltReleaseResource, (PERESOURCE resource))
{
    lock_drop(resource, LOCK_RESOURCE);
    self()->normal_apcs_off--;
}

/* --- push locks ------------------------------------------------------------------------------------------------------------- */

EXPORT(VOID, FltInitializePushLock, (PVOID lock))
{
    *(void **)lock = NULL;
    ke_object_begin(lock, sizeof(void *), "push lock");
}
EXPORT(VOID, FltDeletePushLock, (PVOID lock))
{
    ke_object_end(lock, "push lock");
    lock_forget(lock);
}
EXPORT(VOID, FltAcquirePushLockExclusive, (PVOID lock))
{
    self()->normal_apcs_off++;
    lock_take(lock, LOCK_PUSH, true, true);
}
EXPORT(VOID, FltAcquirePushLockShared, (PVOID lock))
{
    self()->normal_apcs_off++;
    lock_take(lock, LOCK_PUSH, false, true);
}
EXPORT(VOID, FltReleasePushLock, (PVOID lock))
{
    lock_drop(lock, LOCK_PUSH);
    self()->normal_apcs_off--;
}
EXPORT(VOID, ExInitializePushLock, (PVOID lock)) { *(void **)lock = NULL; }
EXPORT_FAST(VOID, ExfAcquirePushLockExclusive, (PVOID lock)) { lock_take(lock, LOCK_PUSH, true, true); }
EXPORT_FAST(VOID, ExfReleasePushLockExclusive, (PVOID lock)) { lock_drop(lock, LOCK_PUSH); }

/* --- rundown protection: count in bits 1…, bit 0 = run down ----------------------------------------------------------------- */

EXPORT_FAST(VOID, ExInitializeRundownProtection, (PEX_RUNDOWN_REF rundown)) { rundown->Count = 0; }

EXPORT_FAST(BOOLEAN, ExAcquireRundownProtection, (PEX_RUNDOWN_REF rundown))
{
    BOOLEAN taken;

    sched_lock();
    taken = !(rundown->Count & 1);
    if (taken)
        rundown->Count += 2;
    sched_unlock();
    return taken;
}

EXPORT_FAST(VOID, ExReleaseRundownProtection, (PEX_RUNDOWN_REF rundown))
{
    sched_lock();
    if (rundown->Count < 2)
        bugcheck("rundown", "released more often than acquired");
    rundown->Count -= 2;
    sched_wake(rundown);
    sched_unlock();
}

EXPORT_FAST(VOID, ExWaitForRundownProtectionRelease, (PEX_RUNDOWN_REF rundown))
{
    sched_lock();
    rundown->Count |= 1;
    while (rundown->Count > 1)
        sched_sleep(rundown, NEVER, "rundown protection");
    sched_unlock();
}

EXPORT_FAST(VOID, ExReInitializeRundownProtection, (PEX_RUNDOWN_REF rundown)) { rundown->Count = 0; }
EXPORT_FAST(VOID, ExRundownCompleted, (PEX_RUNDOWN_REF rundown)) { rundown->Count = 1; }

/* --- interlocked lists --------------------------------------------------------------------------------------------------------- */

static void with_lock(PKSPIN_LOCK lock, bool take)
{
    (void)lock;
    if (take)
        sched_lock();
    else
        sched_unlock();
}

EXPORT(PLIST_ENTRY, ExInterlockedInsertTailList, (PLIST_ENTRY head, PLIST_ENTRY entry, PKSPIN_LOCK lock))
{
    PLIST_ENTRY old;

    with_lock(lock, true);
    old = IsListEmpty(head) ? NULL : head->Blink;
    InsertTailList(head, entry);
    with_lock(lock, false);
    return old;
}

EXPORT(PLIST_ENTRY, ExInterlockedInsertHeadList, (PLIST_ENTRY head, PLIST_ENTRY entry, PKSPIN_LOCK lock))
{
    PLIST_ENTRY old;

    with_lock(lock, true);
    old = IsListEmpty(head) ? NULL : head->Flink;
    InsertHeadList(head, entry);
    with_lock(lock, false);
    return old;
}

EXPORT(PLIST_ENTRY, ExInterlockedRemoveHeadList, (PLIST_ENTRY head, PKSPIN_LOCK lock))
{
    PLIST_ENTRY entry = NULL;

    with_lock(lock, true);
    if (!IsListEmpty(head))
        entry = RemoveHeadList(head);
    with_lock(lock, false);
    return entry;
}

EXPORT_FAST(PLIST_ENTRY, ExfInterlockedInsertTailList, (PLIST_ENTRY head, PLIST_ENTRY entry, PKSPIN_LOCK lock))
{
    return nt_ExInterlockedInsertTailList(head, entry, lock);
}

EXPORT(ULONG, ExInterlockedAddUlong, (PULONG value, ULONG increment, PKSPIN_LOCK lock))
{
    (void)lock;
    return __atomic_fetch_add(value, increment, __ATOMIC_SEQ_CST);
}

/* --- exceptions and modes --------------------------------------------------------------------------------------------------------- */

EXPORT(VOID, ExRaiseStatus, (NTSTATUS status)) { host_raise((uint32_t)status); }
EXPORT(VOID, ExRaiseAccessViolation, (void)) { host_raise((uint32_t)STATUS_ACCESS_VIOLATION); }
EXPORT(VOID, ExRaiseDatatypeMisalignment, (void)) { host_raise((uint32_t)STATUS_DATATYPE_MISALIGNMENT); }
EXPORT(KPROCESSOR_MODE, ExGetPreviousMode, (void)) { return self()->previous_mode; }

/* mm.c's user range; a kernel address raises, an unmapped user address raises only when it is touched. */
EXPORT(VOID, ProbeForRead, (const VOID *address, SIZE_T length, ULONG alignment))
{
    uintptr_t start = (uintptr_t)address;

    if (!length)
        return;
    if (start & (alignment - 1))
        host_raise((uint32_t)STATUS_DATATYPE_MISALIGNMENT);
    if (start + length < start || start + length > mm_user_probe())
        host_raise((uint32_t)STATUS_ACCESS_VIOLATION);
}

EXPORT(VOID, ProbeForWrite, (PVOID address, SIZE_T length, ULONG alignment))
{
    nt_ProbeForRead(address, length, alignment);
    if (length)
        *(volatile char *)address = *(volatile char *)address;
}

EXPORT(NTSTATUS, ExUuidCreate, (UUID *uuid))
{
    uint64_t words[2] = {sched_random(), sched_random()};

    memcpy(uuid, words, sizeof *uuid);
    return STATUS_SUCCESS;
}

EXPORT(BOOLEAN, ExIsProcessorFeaturePresent, (ULONG feature)) { return feature == 6 || feature == 10; }
EXPORT(ULONG, RtlRandomEx, (PULONG seed))
{
    *seed = *seed * 0x7fffffed + 0x7fffffc3;
    return *seed & 0x7fffffff;
}
