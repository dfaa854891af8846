/* SPDX-License-Identifier: MIT */
/*
 * The processes that act: who they are, looked up once. Entries of ended processes stay a while, for what an ending process
 * still does after its exit callback; the oldest of them go first.
 */
#include "driver.h"

#define BUCKETS 256
#define EXITED_LIMIT 512

static struct {
    KSPIN_LOCK lock;
    LIST_ENTRY bucket[BUCKETS];
    struct process *exited[EXITED_LIMIT]; /* ring; each holds a reference */
    unsigned exited_next;
} table;

NTSTATUS process_table_start(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    KeInitializeSpinLock(&table.lock);
    for (unsigned i = 0; i < BUCKETS; i++)
        InitializeListHead(&table.bucket[i]);
    return STATUS_SUCCESS;
}

static LIST_ENTRY *bucket_of(ULONG id)
{
    return &table.bucket[id / 4 % BUCKETS];
}

void process_release(struct process *process)
{
    if (process && InterlockedDecrement(&process->references) == 0)
        pool_free(process);
}

void process_table_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    for (unsigned i = 0; i < EXITED_LIMIT; i++)
        process_release(table.exited[i]);
    for (unsigned i = 0; i < BUCKETS; i++)
        while (!IsListEmpty(&table.bucket[i]))
            process_release(CONTAINING_RECORD(RemoveHeadList(&table.bucket[i]), struct process, link));
    memset(&table, 0, sizeof table);
}

/* Under the lock. The newest entry of an id comes first in its bucket. */
static struct process *find(ULONG id)
{
    LIST_ENTRY *head = bucket_of(id);

    for (LIST_ENTRY *at = head->Flink; at != head; at = at->Flink) {
        struct process *process = CONTAINING_RECORD(at, struct process, link);

        if (process->id == id)
            return process;
    }
    return NULL;
}

struct process *process_find(ULONG id)
{
    struct process *process;
    KIRQL irql;

    IRQL_AT_MOST(DISPATCH_LEVEL);
    KeAcquireSpinLock(&table.lock, &irql);
    process = find(id);
    if (process)
        InterlockedIncrement(&process->references);
    KeReleaseSpinLock(&table.lock, irql);
    return process;
}

static struct process *entry_create(const struct process_facts *facts, PEPROCESS object, LONG flags)
{
    struct process *process = pool_allocate(sizeof *process + facts->image.Length);

    if (!process)
        return NULL;
    process->references = 2; /* the table's and the caller's */
    process->id = facts->id;
    process->session = facts->session;
    process->object = object;
    process->key = facts->key;
    process->create_time = facts->create_time;
    process->flags = flags;
    process->sid_size = facts->sid_size;
    memcpy(process->sid, facts->sid, sizeof process->sid);
    process->image.Buffer = (WCHAR *)(process + 1);
    process->image.Length = process->image.MaximumLength = facts->image.Length;
    if (facts->image.Length)
        memcpy(process->image.Buffer, facts->image.Buffer, facts->image.Length);
    return process;
}

/* Under the lock: takes an entry out; the caller drops the table's reference. */
static struct process *unlink(struct process *process)
{
    if (!process)
        return NULL;
    RemoveEntryList(&process->link);
    return process;
}

struct process *process_table_add(const struct process_facts *facts, PEPROCESS object, LONG flags, bool seen_from_start)
{
    struct process *process = entry_create(facts, object, flags);
    struct process *old;
    KIRQL irql;

    IRQL_AT_MOST(APC_LEVEL);
    if (!process)
        return NULL;
    process->seen_from_start = seen_from_start;
    KeAcquireSpinLock(&table.lock, &irql);
    old = find(process->id);
    if (old && old->exited)
        old = NULL; /* leaves with the ring */
    unlink(old);
    InsertHeadList(bucket_of(process->id), &process->link);
    KeReleaseSpinLock(&table.lock, irql);
    process_release(old);
    return process;
}

/* The ring takes over the table's reference of the entry; what it pushes out is unlinked and returned. */
static struct process *retire(struct process *process)
{
    struct process *old = table.exited[table.exited_next];

    process->exited = true;
    InterlockedIncrement(&process->references);
    table.exited[table.exited_next] = process;
    table.exited_next = (table.exited_next + 1) % EXITED_LIMIT;
    return unlink(old);
}

void process_table_exit(ULONG id)
{
    struct process *process, *old = NULL;
    KIRQL irql;

    IRQL_AT_MOST(DISPATCH_LEVEL);
    KeAcquireSpinLock(&table.lock, &irql);
    process = find(id);
    if (process && !process->exited)
        old = retire(process);
    KeReleaseSpinLock(&table.lock, irql);
    process_release(old); /* the ring's */
    process_release(old); /* the table's */
}

bool process_take_flag(struct process *process, LONG flag)
{
    return (InterlockedAnd(&process->flags, ~flag) & flag) != 0;
}

static struct process *enter_living(PEPROCESS object)
{
    struct process_facts facts;
    struct process *process = NULL;

    if (NT_SUCCESS(process_query(object, &facts)))
        process = process_table_add(&facts, object, 0, false);
    process_facts_free(&facts);
    return process;
}

struct process *process_acquire_object(PEPROCESS object)
{
    struct process *process;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    process = process_find(HandleToULong(PsGetProcessId(object)));
    if (process && process->object == object)
        return process;
    process_release(process);
    return enter_living(object);
}

struct process *process_acquire(HANDLE id)
{
    struct process *process;
    PEPROCESS object;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    process = process_find(HandleToULong(id));
    if (process && !process->exited)
        return process;
    if (!NT_SUCCESS(PsLookupProcessByProcessId(id, &object)))
        return process; /* ended: the old entry, if any */
    process_release(process);
    process = process_acquire_object(object);
    ObDereferenceObject(object);
    return process;
}
