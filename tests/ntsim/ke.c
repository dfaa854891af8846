/* SPDX-License-Identifier: MIT */
/* Dispatcher objects, waits, timers, DPCs. One lock (the scheduler's) guards them all; every signal lets every waiter look again. */
#include "ke.h"

#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "irql.h"
#include "mm.h"
#include "profile.h"
#include "ps.h"
#include "sched.h"
#include "verify.h"

enum { OBJECTS_MAX = 4096, DPC_MAX = 256 };
enum { TYPE_NOTIFICATION_EVENT, TYPE_SYNCHRONIZATION_EVENT, TYPE_MUTANT, TYPE_PROCESS, TYPE_SEMAPHORE = 5, TYPE_THREAD,
       TYPE_TIMER = 8, TYPE_TIMER_SYNCHRONIZATION };

static char dispatcher; /* the channel of everybody who waits for an object */

/* --- objects in driver memory ---------------------------------------------------------------------------------------- */

static struct alive {
    const uint8_t *object;
    size_t size;
    const char *type;
    uintptr_t made_by;
} alive[OBJECTS_MAX];
static unsigned alive_count;

static struct alive *find_alive(const void *object, const char *type)
{
    for (unsigned i = 0; i < alive_count; i++)
        if (alive[i].object == object && (!type || strcmp(alive[i].type, type) == 0))
            return &alive[i];
    return NULL;
}

bool ke_object_is(const void *object, const char *type) { return find_alive(object, type) != NULL; }

void ke_object_begin(const void *object, size_t size, const char *type)
{
    sched_lock();
    if (find_alive(object, type))
        bug("object-twice", "%s at %p initialised a second time", type, object);
    else if (alive_count < OBJECTS_MAX)
        alive[alive_count++] = (struct alive){object, size, type, self()->gate_caller};
    sched_unlock();
}

void ke_object_end(const void *object, const char *type)
{
    struct alive *found;

    sched_lock();
    found = find_alive(object, type);
    if (found)
        *found = alive[--alive_count];
    else
        bug("object-unknown", "%s at %p is not there", type, object);
    sched_unlock();
}

void ke_check_freed(const void *memory, size_t size)
{
    for (unsigned i = 0; i < alive_count; i++)
        if (alive[i].object + alive[i].size > (const uint8_t *)memory && alive[i].object < (const uint8_t *)memory + size)
            bug("object-freed", "memory freed that holds a live %s (made by %s)", alive[i].type, place(alive[i].made_by));
}

unsigned ke_report_objects(void)
{
    for (unsigned i = 0; i < alive_count; i++)
        bug("object-leak", "%s at %p is left (made by %s)", alive[i].type, alive[i].object, place(alive[i].made_by));
    return alive_count;
}

/* --- waiting ------------------------------------------------------------------------------------------------------------ */

static bool signalled(const DISPATCHER_HEADER *object)
{
    if (object->Type == TYPE_MUTANT)
        return object->SignalState > 0 || ((const KMUTANT *)object)->OwnerThread == (void *)current_thread();
    return object->SignalState > 0;
}

static void consume(DISPATCHER_HEADER *object)
{
    KMUTANT *mutant = (KMUTANT *)object;

    switch (object->Type) {
    case TYPE_SYNCHRONIZATION_EVENT:
    case TYPE_TIMER_SYNCHRONIZATION:
        object->SignalState = 0;
        break;
    case TYPE_SEMAPHORE:
        object->SignalState--;
        break;
    case TYPE_MUTANT:
        if (--object->SignalState == 0) {
            mutant->OwnerThread = (void *)current_thread();
            self()->normal_apcs_off += mutant->ApcDisable;
        }
        break;
    default:
        break;
    }
}

static DISPATCHER_HEADER *header_of(void *object)
{
    struct block *block = mm_block(object);
    DISPATCHER_HEADER *header = object;

    if (block && !block->live)
        return header; /* the read below traps and explains */
    if ((header->Type & 0x7f) > TYPE_TIMER_SYNCHRONIZATION)
        bugcheck("bad-object", "%p is not a dispatcher object (type %u): not initialised?", object, header->Type & 0x7f);
    return header;
}

static NTSTATUS try_wait(ULONG count, PVOID *objects, bool all)
{
    ULONG ready = 0;

    for (ULONG i = 0; i < count; i++) {
        if (!signalled(header_of(objects[i])))
            continue;
        if (!all) {
            consume(objects[i]);
            return STATUS_WAIT_0 + (NTSTATUS)i;
        }
        ready++;
    }
    if (ready < count)
        return STATUS_PENDING;
    for (ULONG i = 0; i < count; i++)
        consume(objects[i]);
    return STATUS_WAIT_0;
}

static void check_may_wait(int64_t deadline)
{
    const struct runner *me = self();

    if (me->irql >= DISPATCH_LEVEL && deadline != 0)
        bugcheck("wait-at-dispatch", "waits at IRQL %u", me->irql);
    if (me->in_dpc)
        bugcheck("wait-at-dispatch", "a DPC waits");
}

/* deadline: simulated time, NEVER, or 0 = only look */
static NTSTATUS wait_for(ULONG count, PVOID *objects, bool all, int64_t deadline)
{
    NTSTATUS status;

    check_may_wait(deadline);
    sched_lock();
    for (;;) {
        status = try_wait(count, objects, all);
        if (status != STATUS_PENDING)
            break;
        if (deadline == 0 || sched_now() >= deadline) {
            status = STATUS_TIMEOUT;
            break;
        }
        sched_sleep(&dispatcher, deadline, "an object");
    }
    sched_unlock();
    return status;
}

static int64_t deadline_of(PLARGE_INTEGER timeout)
{
    if (!timeout)
        return NEVER;
    if (timeout->QuadPart == 0)
        return 0;
    return timeout->QuadPart < 0 ? sched_now() - timeout->QuadPart : timeout->QuadPart;
}

NTSTATUS ke_wait(void *object, int64_t timeout)
{
    return wait_for(1, &object, false, timeout == NEVER ? NEVER : timeout ? sched_now() + timeout : 0);
}

EXPORT(NTSTATUS, KeWaitForSingleObject, (PVOID object, KWAIT_REASON reason, KPROCESSOR_MODE mode, BOOLEAN alertable,
                                         PLARGE_INTEGER timeout))
{
    (void)reason, (void)alertable;
    if (mode != KernelMode && mm_block(object) == NULL)
        bug("wait-mode", "a wait on a stack object in user mode: the stack may be paged out");
    return wait_for(1, &object, false, deadline_of(timeout));
}

EXPORT(NTSTATUS, KeWaitForMultipleObjects, (ULONG count, PVOID objects[], WAIT_TYPE type, KWAIT_REASON reason, KPROCESSOR_MODE mode,
                                            BOOLEAN alertable, PLARGE_INTEGER timeout, PKWAIT_BLOCK blocks))
{
    (void)reason, (void)mode, (void)alertable;
    if (count > 64 || (count > 3 && !blocks))
        bugcheck("wait-count", "%u objects%s", (unsigned)count, blocks ? "" : " without wait blocks");
    return wait_for(count, objects, type == WaitAll, deadline_of(timeout));
}

EXPORT(NTSTATUS, KeDelayExecutionThread, (KPROCESSOR_MODE mode, BOOLEAN alertable, PLARGE_INTEGER interval))
{
    static char channel;
    int64_t deadline = deadline_of(interval);

    (void)mode, (void)alertable;
    check_may_wait(1);
    sched_lock();
    while (sched_now() < deadline)
        sched_sleep(&channel, deadline, "a delay");
    sched_unlock();
    return STATUS_SUCCESS;
}

/* --- events, semaphores, mutexes ------------------------------------------------------------------------------------------ */

static LONG set_state(DISPATCHER_HEADER *header, LONG state)
{
    LONG old;

    sched_lock();
    old = header_of(header)->SignalState;
    header->SignalState = state;
    if (state > 0)
        sched_wake(&dispatcher);
    sched_unlock();
    return old;
}

void ke_event_set(PKEVENT event) { set_state(&event->Header, 1); }
void ke_signal_body(void *object) { set_state(object, 1); }

EXPORT(VOID, KeInitializeEvent, (PRKEVENT event, EVENT_TYPE type, BOOLEAN state))
{
    memset(event, 0, sizeof *event);
    event->Header.Type = (UCHAR)type;
    event->Header.SignalState = state;
    InitializeListHead(&event->Header.WaitListHead);
}

static void check_event(PRKEVENT event)
{
    if ((header_of(event)->Type & 0x7f) > TYPE_SYNCHRONIZATION_EVENT)
        bug("bad-object", "%p is no event", (void *)event);
}

EXPORT(LONG, KeSetEvent, (PRKEVENT event, KPRIORITY increment, BOOLEAN wait))
{
    (void)increment;
    check_event(event);
    if (wait)
        bug("set-event-wait", "KeSetEvent with Wait set keeps the dispatcher lock: never needed");
    return set_state(&event->Header, 1);
}

EXPORT(VOID, KeClearEvent, (PRKEVENT event))
{
    check_event(event);
    set_state(&event->Header, 0);
}

EXPORT(LONG, KeResetEvent, (PRKEVENT event))
{
    check_event(event);
    return set_state(&event->Header, 0);
}

EXPORT(LONG, KeReadStateEvent, (PRKEVENT event)) { return event->Header.SignalState; }

EXPORT(VOID, KeInitializeSemaphore, (PRKSEMAPHORE semaphore, LONG count, LONG limit))
{
    memset(semaphore, 0, sizeof *semaphore);
    semaphore->Header.Type = TYPE_SEMAPHORE;
    semaphore->Header.SignalState = count;
    semaphore->Limit = limit;
}

EXPORT(LONG, KeReleaseSemaphore, (PRKSEMAPHORE semaphore, KPRIORITY increment, LONG adjustment, BOOLEAN wait))
{
    LONG old = header_of(semaphore)->SignalState;

    (void)increment, (void)wait;
    if (old + adjustment > semaphore->Limit || adjustment <= 0)
        bugcheck("semaphore-limit", "%d + %d exceeds %d: raises STATUS_SEMAPHORE_LIMIT_EXCEEDED", (int)old, (int)adjustment,
                 (int)semaphore->Limit);
    set_state(&semaphore->Header, old + adjustment);
    return old;
}

EXPORT(VOID, KeInitializeMutex, (PRKMUTEX mutex, ULONG level))
{
    (void)level;
    memset(mutex, 0, sizeof *mutex);
    mutex->Header.Type = TYPE_MUTANT;
    mutex->Header.SignalState = 1;
    mutex->ApcDisable = 1;
}

EXPORT(LONG, KeReleaseMutex, (PRKMUTEX mutex, BOOLEAN wait))
{
    LONG old;

    (void)wait;
    if (mutex->OwnerThread != (void *)current_thread())
        bugcheck("mutex-owner", "released by a thread that does not own it");
    sched_lock();
    old = mutex->Header.SignalState++;
    if (mutex->Header.SignalState == 1) {
        mutex->OwnerThread = NULL;
        self()->normal_apcs_off -= mutex->ApcDisable;
        sched_wake(&dispatcher);
    }
    sched_unlock();
    return old;
}

/* --- DPCs ------------------------------------------------------------------------------------------------------------------- */

static PKDPC dpcs[DPC_MAX]; /* ring */
static unsigned dpc_first, dpc_count;
static bool dpc_running;
static char dpc_channel;

EXPORT(VOID, KeInitializeDpc, (PRKDPC dpc, PKDEFERRED_ROUTINE routine, PVOID context))
{
    memset(dpc, 0, sizeof *dpc);
    dpc->Type = 19;
    dpc->DeferredRoutine = routine;
    dpc->DeferredContext = context;
}

static bool dpc_queued(PKDPC dpc)
{
    for (unsigned i = 0; i < dpc_count; i++)
        if (dpcs[(dpc_first + i) % DPC_MAX] == dpc)
            return true;
    return false;
}

static bool dpc_insert(PKDPC dpc)
{
    if (dpc_queued(dpc) || dpc_count == DPC_MAX)
        return false;
    dpcs[(dpc_first + dpc_count++) % DPC_MAX] = dpc;
    sched_wake(&dpc_channel);
    return true;
}

EXPORT(BOOLEAN, KeInsertQueueDpc, (PRKDPC dpc, PVOID argument1, PVOID argument2))
{
    BOOLEAN inserted;

    sched_lock();
    inserted = dpc_insert(dpc);
    if (inserted) {
        dpc->SystemArgument1 = argument1;
        dpc->SystemArgument2 = argument2;
    }
    sched_unlock();
    return inserted;
}

EXPORT(BOOLEAN, KeRemoveQueueDpc, (PRKDPC dpc))
{
    BOOLEAN removed = FALSE;

    sched_lock();
    for (unsigned i = 0; i < dpc_count; i++)
        if (dpcs[(dpc_first + i) % DPC_MAX] == dpc) {
            dpcs[(dpc_first + i) % DPC_MAX] = dpcs[(dpc_first + --dpc_count) % DPC_MAX];
            removed = TRUE;
            break;
        }
    sched_unlock();
    return removed;
}

bool ke_dpcs_idle(void) { return dpc_count == 0 && !dpc_running; }

EXPORT(VOID, KeFlushQueuedDpcs, (void))
{
    sched_lock();
    while (!ke_dpcs_idle())
        sched_sleep(&dispatcher, NEVER, "queued DPCs");
    sched_unlock();
}

static void run_dpc(PKDPC dpc)
{
    KDPC copy = *dpc; /* the routine may free or queue it again */
    struct crossing crossing;

    sched_unlock();
    irql_raise(DISPATCH_LEVEL);
    self()->in_dpc = true;
    cross_in(&crossing, "a DPC routine");
    copy.DeferredRoutine(dpc, copy.DeferredContext, copy.SystemArgument1, copy.SystemArgument2);
    cross_out(&crossing);
    self()->in_dpc = false;
    irql_lower(PASSIVE_LEVEL);
    sched_lock();
}

/* --- timers ------------------------------------------------------------------------------------------------------------------ */

static struct pending_timer {
    PKTIMER timer;
    int64_t due;
    int64_t period;
} timers[256];
static unsigned timer_count;

static int timer_index(PKTIMER timer)
{
    for (unsigned i = 0; i < timer_count; i++)
        if (timers[i].timer == timer)
            return (int)i;
    return -1;
}

EXPORT(VOID, KeInitializeTimerEx, (PKTIMER timer, TIMER_TYPE type))
{
    if (timer_index(timer) >= 0)
        bug("object-twice", "an active timer is initialised again");
    memset(timer, 0, sizeof *timer);
    timer->Header.Type = (UCHAR)(TYPE_TIMER + type);
}

EXPORT(VOID, KeInitializeTimer, (PKTIMER timer)) { nt_KeInitializeTimerEx(timer, NotificationTimer); }

static void timer_remove(int index)
{
    ke_object_end(timers[index].timer, "active timer");
    timers[index] = timers[--timer_count];
}

EXPORT(BOOLEAN, KeSetTimerEx, (PKTIMER timer, LARGE_INTEGER due, LONG period, PKDPC dpc))
{
    int index;
    bool was;

    sched_lock();
    index = timer_index(timer);
    was = index >= 0;
    if (was)
        timer_remove(index);
    header_of(timer)->SignalState = 0;
    timer->Dpc = dpc;
    timer->Period = (ULONG)period;
    ke_object_begin(timer, sizeof *timer, "active timer");
    timers[timer_count++] = (struct pending_timer){timer, due.QuadPart < 0 ? sched_now() - due.QuadPart : due.QuadPart,
                                                   (int64_t)period * 10000};
    sched_wake(&dpc_channel);
    sched_unlock();
    return was;
}

EXPORT(BOOLEAN, KeSetTimer, (PKTIMER timer, LARGE_INTEGER due, PKDPC dpc)) { return nt_KeSetTimerEx(timer, due, 0, dpc); }
EXPORT(BOOLEAN, KeSetCoalescableTimer, (PKTIMER timer, LARGE_INTEGER due, ULONG period, ULONG tolerance, PKDPC dpc))
{
    (void)tolerance;
    return nt_KeSetTimerEx(timer, due, (LONG)period, dpc);
}

EXPORT(BOOLEAN, KeCancelTimer, (PKTIMER timer))
{
    int index;

    sched_lock();
    index = timer_index(timer);
    if (index >= 0)
        timer_remove(index);
    sched_unlock();
    return index >= 0;
}

static int64_t next_due(void)
{
    int64_t due = NEVER;

    for (unsigned i = 0; i < timer_count; i++)
        if (timers[i].due < due)
            due = timers[i].due;
    return due;
}

static void expire_timers(void)
{
    for (unsigned i = 0; i < timer_count;) {
        struct pending_timer *t = &timers[i];

        if (t->due > sched_now()) {
            i++;
            continue;
        }
        t->timer->Header.SignalState = 1;
        sched_wake(&dispatcher);
        if (t->timer->Dpc)
            dpc_insert(t->timer->Dpc);
        if (t->period) {
            t->due += t->period;
            i++;
        } else {
            timer_remove((int)i);
        }
    }
}

/* --- the processor that runs DPCs ------------------------------------------------------------------------------------------------ */

static bool ending;

static void dpc_main(void *unused)
{
    (void)unused;
    sched_lock();
    while (!ending) {
        expire_timers();
        if (dpc_count) {
            PKDPC dpc = dpcs[dpc_first];

            dpc_first = (dpc_first + 1) % DPC_MAX;
            dpc_count--;
            dpc_running = true;
            run_dpc(dpc);
            dpc_running = false;
            sched_wake(&dispatcher);
            continue;
        }
        sched_sleep(&dpc_channel, next_due(), "a DPC or timer");
    }
    sched_unlock();
}

void ke_begin(void)
{
    ending = false;
    sched_start("dpc", ps_idle_thread(), dpc_main, NULL);
}

void ke_reset(void)
{
    sched_lock();
    ending = true;
    sched_wake(&dpc_channel);
    sched_unlock();
    sched_settle();
    alive_count = dpc_count = timer_count = 0;
}

/* --- the rest of Ke ----------------------------------------------------------------------------------------------------------------- */

EXPORT(VOID, KeEnterCriticalRegion, (void)) { self()->normal_apcs_off++; }
EXPORT(VOID, KeEnterGuardedRegion, (void)) { self()->all_apcs_off++; }

EXPORT(VOID, KeLeaveCriticalRegion, (void))
{
    if (self()->normal_apcs_off-- == 0)
        bugcheck("apc-state", "left a critical region that was not entered");
}

EXPORT(VOID, KeLeaveGuardedRegion, (void))
{
    if (self()->all_apcs_off-- == 0)
        bugcheck("apc-state", "left a guarded region that was not entered");
}

EXPORT(BOOLEAN, KeAreApcsDisabled, (void)) { return self()->normal_apcs_off || self()->all_apcs_off; }
EXPORT(BOOLEAN, KeAreAllApcsDisabled, (void)) { return self()->all_apcs_off || self()->irql >= APC_LEVEL; }
EXPORT(PKTHREAD, KeGetCurrentThread, (void)) { return (PKTHREAD)current_thread(); }
EXPORT(PETHREAD, PsGetCurrentThread, (void)) { return (PETHREAD)current_thread(); }
EXPORT(LOGICAL, KeIsExecutingDpc, (void)) { return self()->in_dpc; }
EXPORT(ULONG, KeQueryTimeIncrement, (void)) { return 156250; }
EXPORT(VOID, KeQuerySystemTime, (PLARGE_INTEGER time)) { time->QuadPart = sched_now(); }
EXPORT(VOID, KeQuerySystemTimePrecise, (PLARGE_INTEGER time)) { time->QuadPart = sched_now(); }
EXPORT(ULONGLONG, KeQueryInterruptTime, (void)) { return (ULONGLONG)sched_now() - 0x1DA6EC5B0000000; }
EXPORT(VOID, KeQueryTickCount, (PLARGE_INTEGER ticks)) { ticks->QuadPart = (LONGLONG)(nt_KeQueryInterruptTime() / 156250); }
EXPORT(ULONGLONG, KeQueryUnbiasedInterruptTime, (void)) { return nt_KeQueryInterruptTime(); }
EXPORT(LARGE_INTEGER, KeQueryPerformanceCounter, (PLARGE_INTEGER frequency))
{
    LARGE_INTEGER now = {.QuadPart = sched_now()};

    if (frequency)
        frequency->QuadPart = 10000000;
    return now;
}
EXPORT(VOID, KeStallExecutionProcessor, (ULONG microseconds)) { (void)microseconds; }
EXPORT(KPRIORITY, KeSetPriorityThread, (PKTHREAD thread, KPRIORITY priority))
{
    (void)thread, (void)priority;
    return 8;
}
EXPORT(ULONG, KeQueryActiveProcessorCount, (PVOID affinity))
{
    if (affinity)
        *(KAFFINITY *)affinity = 3;
    return 2;
}
EXPORT(ULONG, KeQueryActiveProcessorCountEx, (USHORT group)) { return group ? 2 : 2; }
EXPORT(KAFFINITY, KeQueryActiveProcessors, (void)) { return 3; }
EXPORT(VOID, KeBugCheckEx, (ULONG code, ULONG_PTR a, ULONG_PTR b, ULONG_PTR c, ULONG_PTR d))
{
    bugcheck("bugcheck", "the driver stopped the machine: 0x%x (%p, %p, %p, %p)", (unsigned)code, (void *)a, (void *)b, (void *)c,
             (void *)d);
}
EXPORT(VOID, KeBugCheck, (ULONG code)) { nt_KeBugCheckEx(code, 0, 0, 0, 0); }
EXPORT_DATA(CCHAR, KeNumberProcessors)
EXPORT_DATA(ULONG, NtBuildNumber)

void ke_export_variables(void)
{
    nt_KeNumberProcessors = 2;
    nt_NtBuildNumber = profile->build;
}
