/* SPDX-License-Identifier: MIT */
/*
 * The queue between callbacks and the service: a list under one spin lock, bounded in records and bytes.
 *
 * Every record that comes here takes the next sequence number, whether it is stored or lost. Losses are counted per type and
 * cause. They become a record of their own, whose memory is part of the queue, at the first moment that keeps numbers
 * ascending: before the next record that is stored, or when the reader has emptied the queue. While that record waits to be read,
 * further losses collect for the next one.
 */
#include "driver.h"

#ifdef _WIN64
#define QUEUE_BYTES (64u << 20)
#else
#define QUEUE_BYTES (16u << 20) /* non-paged pool is scarce on x86 */
#endif

#define LOSS_ENTRIES (WIRE_TYPE_COUNT * WIRE_LOSS_CAUSES)

struct loss_record {
    struct record record;
    UCHAR rest[sizeof(struct wire_loss) + LOSS_ENTRIES * sizeof(struct wire_loss_entry)];
};

struct losses {
    ULONG count[WIRE_TYPE_COUNT][WIRE_LOSS_CAUSES];
    ULONGLONG total, first, last;
};

static struct {
    KSPIN_LOCK lock;
    LIST_ENTRY records;
    ULONG count, limit;
    ULONG bytes;
    ULONGLONG sequence; /* the newest that was given out */
    struct losses losses;
    bool loss_waits; /* `loss` is in `records` or being copied out */
    struct loss_record *loss;
} queue;

NTSTATUS queue_start(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    KeInitializeSpinLock(&queue.lock);
    InitializeListHead(&queue.records);
    queue.limit = MAXULONG;
    queue.loss = pool_allocate(sizeof *queue.loss);
    if (!queue.loss)
        return STATUS_INSUFFICIENT_RESOURCES;
    queue.loss->record.is_loss = true;
    return STATUS_SUCCESS;
}

void queue_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    while (!IsListEmpty(&queue.records)) {
        struct record *record = CONTAINING_RECORD(RemoveHeadList(&queue.records), struct record, link);

        if (!record->is_loss)
            record_free(record);
    }
    pool_free(queue.loss);
    memset(&queue, 0, sizeof queue);
}

void queue_set_limit(ULONG records)
{
    queue.limit = records;
}

/* Under the lock, like all static functions up to the next one that takes it. */
static void append(struct record *record)
{
    InsertTailList(&queue.records, &record->link);
    queue.count++;
    queue.bytes += record->used;
}

static ULONG loss_entries(struct wire_loss_entry *to)
{
    ULONG count = 0;

    for (unsigned type = 0; type < WIRE_TYPE_COUNT; type++)
        for (unsigned cause = 0; cause < WIRE_LOSS_CAUSES; cause++)
            if (queue.losses.count[type][cause])
                to[count++] = (struct wire_loss_entry){ type, cause, queue.losses.count[type][cause] };
    return count;
}

/* Turns the counted losses into a record at the end of the queue. */
static void append_loss(void)
{
    struct record *record = &queue.loss->record;
    struct wire_loss *body = record_body(record);

    memset(body, 0, sizeof *body);
    body->Total = queue.losses.total;
    body->FirstSequence = queue.losses.first;
    body->LastSequence = queue.losses.last;
    body->EntryCount = loss_entries((struct wire_loss_entry *)(body + 1));
    body->Extensions[WIRE_LOSS_ENTRIES] = body->EntryCount * sizeof(struct wire_loss_entry);
    record->used = WIRE_BODY_OFFSET + sizeof *body + body->Extensions[WIRE_LOSS_ENTRIES];
    memset(&record->header, 0, sizeof record->header);
    record->header.EventType = WIRE_LOSS;
    record->header.EventSize = record_wire_size(record);
    record->header.SequenceNumber = ++queue.sequence;
    memset(&queue.losses, 0, sizeof queue.losses);
    queue.loss_waits = true;
    append(record);
}

static void count_loss(unsigned type, enum wire_loss_cause cause)
{
    queue.sequence++;
    queue.losses.count[type][cause]++;
    queue.losses.last = queue.sequence;
    if (queue.losses.total++ == 0)
        queue.losses.first = queue.sequence;
}

/* Under the lock. Is there room? The loss record is not held against the limits. */
static bool store(struct record *record)
{
    unsigned type = record->header.EventType;

    if (queue.count >= queue.limit) {
        count_loss(type, WIRE_LOSS_QUEUE_RECORDS);
        return false;
    }
    if (queue.bytes + record->used > QUEUE_BYTES) {
        count_loss(type, WIRE_LOSS_QUEUE_BYTES);
        return false;
    }
    if (queue.losses.total && !queue.loss_waits)
        append_loss();
    record->header.SequenceNumber = ++queue.sequence;
    append(record);
    return true;
}

void queue_put(struct record *record)
{
    KIRQL irql;
    bool stored;

    IRQL_AT_MOST(DISPATCH_LEVEL);
    KeAcquireSpinLock(&queue.lock, &irql);
    stored = store(record);
    KeReleaseSpinLock(&queue.lock, irql);
    if (!stored)
        record_free(record);
}

void queue_lose(enum wire_type type, enum wire_loss_cause cause)
{
    KIRQL irql;

    IRQL_AT_MOST(DISPATCH_LEVEL);
    KeAcquireSpinLock(&queue.lock, &irql);
    count_loss(type, cause);
    KeReleaseSpinLock(&queue.lock, irql);
    control_notify();
}

bool queue_is_empty(void)
{
    KIRQL irql;
    bool empty;

    KeAcquireSpinLock(&queue.lock, &irql);
    empty = IsListEmpty(&queue.records) && (queue.losses.total == 0 || queue.loss_waits);
    KeReleaseSpinLock(&queue.lock, irql);
    return empty;
}

/* Moves records from the head to `to` while they fit. Under the lock. */
static NTSTATUS detach(LIST_ENTRY *to, ULONG capacity)
{
    ULONG total = 0;

    if (IsListEmpty(&queue.records) && queue.losses.total && !queue.loss_waits)
        append_loss();
    if (IsListEmpty(&queue.records))
        return STATUS_NO_MORE_ENTRIES;
    while (!IsListEmpty(&queue.records)) {
        struct record *record = CONTAINING_RECORD(queue.records.Flink, struct record, link);

        if (record->header.EventSize > capacity - total)
            break;
        total += record->header.EventSize;
        RemoveHeadList(&queue.records);
        InsertTailList(to, &record->link);
        queue.count--;
        queue.bytes -= record->used;
    }
    return IsListEmpty(to) ? STATUS_BUFFER_TOO_SMALL : STATUS_SUCCESS;
}

/* The loss record may be used again. */
static void loss_return(void)
{
    KIRQL irql;

    KeAcquireSpinLock(&queue.lock, &irql);
    queue.loss_waits = false;
    KeReleaseSpinLock(&queue.lock, irql);
}

/* The loss record has no clock of its own when it is made, under the lock; it gets the time of its delivery. */
static void loss_stamp(struct record *record)
{
    struct wire_loss *body = record_body(record);

    body->EventTime = compat_time();
}

NTSTATUS queue_take(void *buffer, ULONG capacity, ULONG *taken)
{
    LIST_ENTRY list;
    ULONG written = 0;
    NTSTATUS status;
    KIRQL irql;

    IRQL_AT_MOST(APC_LEVEL);
    InitializeListHead(&list);
    KeAcquireSpinLock(&queue.lock, &irql);
    status = detach(&list, capacity);
    KeReleaseSpinLock(&queue.lock, irql);
    while (!IsListEmpty(&list)) {
        struct record *record = CONTAINING_RECORD(RemoveHeadList(&list), struct record, link);

        if (record->is_loss)
            loss_stamp(record);
        record_write(record, (UCHAR *)buffer + written);
        written += record->header.EventSize;
        if (record->is_loss)
            loss_return();
        else
            record_free(record);
    }
    if (NT_SUCCESS(status))
        *taken = written;
    return status;
}
