/* SPDX-License-Identifier: MIT */
/*
 * Threads that one process starts in another: event 8. The plain notify routine is used on every system because only it runs in
 * the creator's thread.
 *
 * Kernels before NT 6.0 call it before the thread is inserted; to open it then would damage the object manager
 * (nt52-facts). There the start address is asked for later: by the thread itself when it ends, or half a second on.
 */
#include "driver.h"

#define DEFERRED_MOST 32
#define SETTLE (500 * 10000ll)
#define THREAD_QUERY 0x40 /* THREAD_QUERY_INFORMATION */

struct remote {
    ULONG source, target, thread; /* thread 0: free entry */
    ULONGLONG time;
};

static struct {
    bool defers, started;
    KSPIN_LOCK lock;
    struct remote deferred[DEFERRED_MOST];
    struct thread settler;
} state;

static void fill_module(struct wire_remote_thread *body, HANDLE target)
{
    PEPROCESS object;
    HANDLE handle;
    UNICODE_STRING *name;

    if (!body->StartAddress || !NT_SUCCESS(PsLookupProcessByProcessId(target, &object)))
        return;
    if (NT_SUCCESS(process_open(object, &handle))) {
        name = name_of_mapping(handle, (PVOID)(ULONG_PTR)body->StartAddress);
        name_copy(body->StartModule, COUNT(body->StartModule), name);
        pool_free(name);
        ZwClose(handle);
    }
    ObDereferenceObject(object);
}

static void report(const struct remote *remote, PVOID start)
{
    struct process *source = process_acquire(ULongToHandle(remote->source));
    struct process *target = process_acquire(ULongToHandle(remote->target));
    const struct span extensions[WIRE_THREAD_EXTENSIONS] = {
        [WIRE_THREAD_SOURCE_SID] = { source ? source->sid : NULL, source ? source->sid_size : 0 },
        [WIRE_THREAD_TARGET_SID] = { target ? target->sid : NULL, target ? target->sid_size : 0 },
    };
    struct record *record = record_create(WIRE_REMOTE_THREAD, extensions);

    if (record) {
        struct wire_remote_thread *body = record_body(record);

        body->EventSystemTime = remote->time;
        body->SourceProcessId = remote->source;
        body->TargetProcessId = remote->target;
        body->TargetThreadId = remote->thread;
        body->StartAddress = (ULONG_PTR)start;
        fill_module(body, ULongToHandle(remote->target));
        record_submit(record, source ? source->session : 0);
    }
    process_release(source);
    process_release(target);
}

static PVOID start_of_handle(HANDLE thread)
{
    PVOID start = NULL;

    if (!NT_SUCCESS(ZwQueryInformationThread(thread, NT_THREAD_START_ADDRESS, &start, sizeof start, NULL)))
        return NULL;
    return start;
}

static PVOID start_of_id(ULONG id)
{
    PETHREAD object;
    HANDLE handle;
    PVOID start = NULL;

    if (!NT_SUCCESS(PsLookupThreadByThreadId(ULongToHandle(id), &object)))
        return NULL;
    if (NT_SUCCESS(ObOpenObjectByPointer(object, OBJ_KERNEL_HANDLE, NULL, THREAD_QUERY, *nt_thread_type, KernelMode, &handle))) {
        start = start_of_handle(handle);
        ZwClose(handle);
    }
    ObDereferenceObject(object);
    return start;
}

/* ---- later, on kernels before NT 6.0 ---- */

static bool defer(const struct remote *remote)
{
    bool stored = false;
    KIRQL irql;

    KeAcquireSpinLock(&state.lock, &irql);
    for (unsigned i = 0; i < DEFERRED_MOST && !stored; i++)
        if (!state.deferred[i].thread) {
            state.deferred[i] = *remote;
            stored = true;
        }
    KeReleaseSpinLock(&state.lock, irql);
    return stored;
}

/* Takes the entry of the thread `id`, or with id 0 any that is older than `before`. */
static bool take(ULONG id, ULONGLONG before, struct remote *out)
{
    bool found = false;
    KIRQL irql;

    KeAcquireSpinLock(&state.lock, &irql);
    for (unsigned i = 0; i < DEFERRED_MOST && !found; i++) {
        struct remote *remote = &state.deferred[i];

        if (remote->thread && (id ? remote->thread == id : remote->time < before)) {
            *out = *remote;
            remote->thread = 0;
            found = true;
        }
    }
    KeReleaseSpinLock(&state.lock, irql);
    return found;
}

static VOID NTAPI settler_thread(PVOID context)
{
    struct thread *thread = context;
    LARGE_INTEGER interval = { .QuadPart = -SETTLE };
    struct remote remote;

    while (KeWaitForSingleObject(&thread->stop, Executive, KernelMode, FALSE, &interval) == STATUS_TIMEOUT)
        while (take(0, compat_time() - SETTLE, &remote))
            report(&remote, start_of_id(remote.thread));
    while (take(0, MAXULONGLONG, &remote))
        report(&remote, NULL);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* ---- the callback ---- */

static void thread_created(const struct remote *remote)
{
    struct process *target = process_acquire(ULongToHandle(remote->target));
    bool first = target && process_take_flag(target, PROCESS_NO_THREAD);

    process_release(target);
    if (first || remote->source == remote->target || !settings_wants(EVENT_CREATE_REMOTE_THREAD))
        return;
    if (!state.defers)
        report(remote, start_of_id(remote->thread));
    else if (!defer(remote))
        report(remote, NULL);
}

/* IRQL: PASSIVE_LEVEL; create in the creator's thread, exit in the one that ends. */
static VOID NTAPI notify(HANDLE process, HANDLE thread, BOOLEAN create)
{
    struct remote remote = {
        .source = HandleToULong(PsGetCurrentProcessId()),
        .target = HandleToULong(process),
        .thread = HandleToULong(thread),
        .time = compat_time(),
    };

    IRQL_AT_MOST(APC_LEVEL);
    if (create && nt_current_irql() == PASSIVE_LEVEL)
        thread_created(&remote);
    else if (create)
        queue_lose(WIRE_REMOTE_THREAD, WIRE_LOSS_SOURCE);
    else if (state.defers && take(remote.thread, 0, &remote))
        report(&remote, start_of_handle(ZwCurrentThread()));
}

NTSTATUS threads_start(void)
{
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    KeInitializeSpinLock(&state.lock);
    state.defers = !compat_at_least(6, 0);
    if (state.defers) {
        status = thread_start(&state.settler, settler_thread);
        if (!NT_SUCCESS(status))
            return status;
    }
    status = PsSetCreateThreadNotifyRoutine(notify);
    state.started = NT_SUCCESS(status);
    if (!state.started)
        thread_stop(&state.settler);
    return status;
}

void threads_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    PsRemoveCreateThreadNotifyRoutine(notify);
    thread_stop(&state.settler);
    memset(&state, 0, sizeof state);
}
