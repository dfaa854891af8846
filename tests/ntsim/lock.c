/* SPDX-License-Identifier: MIT */
#include "lock.h"

#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "host.h"
#include "irql.h"
#include "mm.h"
#include "verify.h"

enum { LOCKS = 1024, BUCKETS = 509, EDGES = 8192 };

struct lock {
    const void *address;
    enum lock_kind kind;
    struct runner *owner;   /* exclusive */
    unsigned depth;         /* of the exclusive owner */
    unsigned sharers;
    unsigned waiting_exclusive;
    uintptr_t taken_at;
    bool seen;              /* by the search for a cycle */
    struct lock *next;
};

static struct lock pool[LOCKS];
static unsigned used;
static struct lock *buckets[BUCKETS];
static struct edge {
    struct lock *before, *after;
    uintptr_t place;
} edges[EDGES];
static unsigned edge_count;

const char *lock_kind_name(enum lock_kind kind)
{
    static const char *const names[] = {"spin lock", "fast mutex", "guarded mutex", "resource", "push lock", "cancel spin lock"};

    return names[kind];
}

static struct lock **bucket_of(const void *address) { return &buckets[((uintptr_t)address >> 3) % BUCKETS]; }

static struct lock *find(const void *address)
{
    struct lock *lock = *bucket_of(address);

    while (lock && lock->address != address)
        lock = lock->next;
    return lock;
}

static struct lock *find_or_make(const void *address, enum lock_kind kind)
{
    struct lock *lock = find(address);

    if (lock)
        return lock;
    if (used == LOCKS)
        sim_error("too many locks");
    lock = &pool[used++];
    *lock = (struct lock){.address = address, .kind = kind, .next = *bucket_of(address)};
    *bucket_of(address) = lock;
    return lock;
}

void lock_reset(void)
{
    used = edge_count = 0;
    memset(buckets, 0, sizeof buckets);
}

/* --- order ------------------------------------------------------------------------------------------------------------ */

static bool reaches(struct lock *from, const struct lock *to)
{
    if (from == to)
        return true;
    from->seen = true;
    for (unsigned i = 0; i < edge_count; i++)
        if (edges[i].before == from && !edges[i].after->seen && reaches(edges[i].after, to))
            return true;
    return false;
}

static bool known_edge(const struct lock *before, const struct lock *after)
{
    for (unsigned i = 0; i < edge_count; i++)
        if (edges[i].before == before && edges[i].after == after)
            return true;
    return false;
}

static void learn_order(struct lock *lock)
{
    struct runner *me = self();

    if (sched_is_parallel())
        return;
    for (unsigned i = 0; i < me->held_count; i++) {
        struct lock *before = me->held[i].lock;

        if (before == lock || known_edge(before, lock))
            continue;
        for (unsigned n = 0; n < used; n++)
            pool[n].seen = false;
        if (reaches(lock, before))
            bug("lock-order", "%s %p is taken while %s %p is held; elsewhere it is the other way round", lock_kind_name(lock->kind),
                lock->address, lock_kind_name(before->kind), before->address);
        if (edge_count < EDGES)
            edges[edge_count++] = (struct edge){before, lock, me->gate_caller};
    }
}

/* --- taking and dropping -------------------------------------------------------------------------------------------------- */

static bool recursive(enum lock_kind kind) { return kind == LOCK_RESOURCE; }

static bool available(const struct lock *lock, bool exclusive)
{
    if (lock->owner)
        return lock->owner == self() && recursive(lock->kind);
    return exclusive ? lock->sharers == 0 : lock->waiting_exclusive == 0 || lock->sharers == 0;
}

static void note_held(struct lock *lock, bool exclusive)
{
    struct runner *me = self();

    if (me->held_count == HELD_MAX)
        bugcheck("lock-held", "more than %d locks held", HELD_MAX);
    me->held[me->held_count++] = (struct held_lock){lock, exclusive, me->irql};
    lock->taken_at = me->gate_caller;
}

static int held_index(const struct lock *lock)
{
    struct runner *me = self();

    for (unsigned i = me->held_count; i-- > 0;)
        if (me->held[i].lock == lock)
            return (int)i;
    return -1;
}

static void check_recursion(const struct lock *lock)
{
    if (!recursive(lock->kind) && held_index(lock) >= 0)
        bugcheck("lock-recursion", "%s %p taken again by its holder (first at %s)", lock_kind_name(lock->kind), lock->address,
                 place(lock->taken_at));
}

static void wait_for(struct lock *lock, bool exclusive)
{
    lock->waiting_exclusive += exclusive;
    while (!available(lock, exclusive))
        sched_sleep(lock, NEVER, lock_kind_name(lock->kind));
    lock->waiting_exclusive -= exclusive;
}

bool lock_take(const void *address, enum lock_kind kind, bool exclusive, bool wait)
{
    struct lock *lock;

    sched_lock();
    lock = find_or_make(address, kind);
    lock->kind = kind;
    check_recursion(lock);
    learn_order(lock);
    if (!available(lock, exclusive)) {
        if (!wait) {
            sched_unlock();
            return false;
        }
        wait_for(lock, exclusive);
    }
    if (exclusive || lock->owner == self()) {
        lock->owner = self();
        lock->depth++;
    } else {
        lock->sharers++;
    }
    note_held(lock, exclusive);
    sched_unlock();
    return true;
}

void lock_drop(const void *address, enum lock_kind kind)
{
    struct runner *me = self();
    struct lock *lock;
    int index;

    sched_lock();
    lock = find(address);
    index = lock ? held_index(lock) : -1;
    if (index < 0)
        bugcheck("lock-owner", "%s %p is released by somebody who does not hold it", lock_kind_name(kind), address);
    if (lock->kind != kind)
        bug("lock-kind", "taken as %s, released as %s", lock_kind_name(lock->kind), lock_kind_name(kind));
    for (unsigned i = (unsigned)index; i + 1 < me->held_count; i++)
        me->held[i] = me->held[i + 1];
    me->held_count--;
    if (lock->owner == me) {
        if (--lock->depth == 0)
            lock->owner = NULL;
    } else {
        lock->sharers--;
    }
    sched_wake(lock);
    sched_unlock();
}

bool lock_held_by_me(const void *address, bool *exclusive)
{
    struct lock *lock = find(address);

    if (!lock || held_index(lock) < 0)
        return false;
    if (exclusive)
        *exclusive = lock->owner == self();
    return true;
}

unsigned lock_share_count(const void *address)
{
    struct lock *lock = find(address);

    return lock ? lock->sharers + lock->depth : 0;
}

void lock_forget(const void *address)
{
    struct lock *lock = find(address);

    if (lock && (lock->owner || lock->sharers))
        bug("lock-held", "%s %p ends while it is held", lock_kind_name(lock->kind), address);
    if (lock)
        lock->address = NULL; /* keeps its place in the order book, never found again */
}

/* --- spin locks -------------------------------------------------------------------------------------------------------------- */

/* Storms want the real thing: the word in the driver's memory, nothing else. */
static bool raw_take(PKSPIN_LOCK lock)
{
    if (!sched_is_parallel())
        return false;
    for (unsigned spins = 0; __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE); spins++)
        if (spins % 64 == 63)
            host_relax();
        else
            __builtin_ia32_pause();
    return true;
}

static void spin_take(PKSPIN_LOCK lock)
{
    if (!raw_take(lock))
        lock_take(lock, LOCK_SPIN, true, true);
}

static void spin_drop(PKSPIN_LOCK lock)
{
    if (self()->irql < DISPATCH_LEVEL)
        bug("irql-too-low", "spin lock released at IRQL %u", self()->irql);
    if (sched_is_parallel())
        __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
    else
        lock_drop(lock, LOCK_SPIN);
}

EXPORT(KIRQL, KeAcquireSpinLockRaiseToDpc, (PKSPIN_LOCK lock))
{
    KIRQL old = irql_raise(DISPATCH_LEVEL);

    spin_take(lock);
    return old;
}

EXPORT(VOID, KeReleaseSpinLock, (PKSPIN_LOCK lock, KIRQL irql))
{
    spin_drop(lock);
    irql_lower(irql);
}

EXPORT(VOID, KeAcquireSpinLockAtDpcLevel, (PKSPIN_LOCK lock)) { spin_take(lock); }
EXPORT(VOID, KeReleaseSpinLockFromDpcLevel, (PKSPIN_LOCK lock)) { spin_drop(lock); }
EXPORT(VOID, KeInitializeSpinLock, (PKSPIN_LOCK lock)) { *lock = 0; }
EXPORT_FAST(KIRQL, KfAcquireSpinLock, (PKSPIN_LOCK lock)) { return nt_KeAcquireSpinLockRaiseToDpc(lock); }
EXPORT_FAST(VOID, KfReleaseSpinLock, (PKSPIN_LOCK lock, KIRQL irql)) { nt_KeReleaseSpinLock(lock, irql); }
EXPORT_FAST(VOID, KefAcquireSpinLockAtDpcLevel, (PKSPIN_LOCK lock)) { spin_take(lock); }
EXPORT_FAST(VOID, KefReleaseSpinLockFromDpcLevel, (PKSPIN_LOCK lock)) { spin_drop(lock); }

EXPORT_FAST(VOID, KeAcquireInStackQueuedSpinLock, (PKSPIN_LOCK lock, PKLOCK_QUEUE_HANDLE handle))
{
    handle->OldIrql = irql_raise(DISPATCH_LEVEL);
    handle->LockQueue.Lock = lock;
    spin_take(lock);
}

EXPORT_FAST(VOID, KeReleaseInStackQueuedSpinLock, (PKLOCK_QUEUE_HANDLE handle))
{
    spin_drop((PKSPIN_LOCK)handle->LockQueue.Lock);
    irql_lower(handle->OldIrql);
}

EXPORT_FAST(VOID, KeAcquireInStackQueuedSpinLockAtDpcLevel, (PKSPIN_LOCK lock, PKLOCK_QUEUE_HANDLE handle))
{
    handle->LockQueue.Lock = lock;
    spin_take(lock);
}

EXPORT_FAST(VOID, KeReleaseInStackQueuedSpinLockFromDpcLevel, (PKLOCK_QUEUE_HANDLE handle))
{
    spin_drop((PKSPIN_LOCK)handle->LockQueue.Lock);
}
