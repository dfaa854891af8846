/* SPDX-License-Identifier: MIT */
/*
 * What is remembered of a file between its operations. The minifilter hangs it on the stream as a context; the legacy filter keeps
 * it per file object in a table of its own, until that object is closed.
 */
#include "file.h"

#define BUCKETS 64

struct entry {
    LIST_ENTRY link;
    LONG references;
    PFILE_OBJECT file; /* identity */
    struct stream stream;
};

static struct {
    KSPIN_LOCK lock;
    LIST_ENTRY bucket[BUCKETS];
} table;

void stream_finish(struct stream *stream)
{
    deletion_abandon(InterlockedExchangePointer((PVOID *)&stream->deletion, NULL));
}

bool stream_take_flag(struct stream *stream, LONG flag)
{
    return (InterlockedAnd(&stream->flags, ~flag) & flag) != 0;
}

/* ---- the minifilter's ---- */

static struct stream *context_create(const struct file_op *op)
{
    struct stream *stream, *old = NULL;
    NTSTATUS status = flt.FltAllocateContext(minifilter_object(), FLT_STREAM_CONTEXT, sizeof *stream, compat.non_paged,
                                             (PFLT_CONTEXT *)&stream);

    if (!NT_SUCCESS(status))
        return NULL;
    memset(stream, 0, sizeof *stream);
    status = flt.FltSetStreamContext(op->instance, op->file, FLT_SET_CONTEXT_KEEP_IF_EXISTS, stream, (PFLT_CONTEXT *)&old);
    if (NT_SUCCESS(status))
        return stream;
    flt.FltReleaseContext(stream);
    return status == STATUS_FLT_CONTEXT_ALREADY_DEFINED ? old : NULL;
}

static struct stream *context_get(const struct file_op *op, bool create)
{
    struct stream *stream;

    if (NT_SUCCESS(flt.FltGetStreamContext(op->instance, op->file, (PFLT_CONTEXT *)&stream)))
        return stream;
    return create ? context_create(op) : NULL;
}

/* ---- the legacy filter's ---- */

static LIST_ENTRY *bucket_of(PFILE_OBJECT file)
{
    return &table.bucket[(ULONG_PTR)file / sizeof(FILE_OBJECT) % BUCKETS];
}

NTSTATUS stream_table_start(void)
{
    KeInitializeSpinLock(&table.lock);
    for (unsigned i = 0; i < BUCKETS; i++)
        InitializeListHead(&table.bucket[i]);
    return STATUS_SUCCESS;
}

static void entry_release(struct entry *entry)
{
    if (InterlockedDecrement(&entry->references) == 0) {
        stream_finish(&entry->stream);
        pool_free(entry);
    }
}

/* Under the lock. */
static struct entry *entry_find(PFILE_OBJECT file)
{
    LIST_ENTRY *head = bucket_of(file);

    for (LIST_ENTRY *at = head->Flink; at != head; at = at->Flink) {
        struct entry *entry = CONTAINING_RECORD(at, struct entry, link);

        if (entry->file == file)
            return entry;
    }
    return NULL;
}

static struct entry *entry_get(PFILE_OBJECT file, struct entry *spare)
{
    struct entry *entry;
    KIRQL irql;

    KeAcquireSpinLock(&table.lock, &irql);
    entry = entry_find(file);
    if (!entry && spare) {
        entry = spare;
        InsertHeadList(bucket_of(file), &entry->link);
    }
    if (entry)
        InterlockedIncrement(&entry->references);
    KeReleaseSpinLock(&table.lock, irql);
    return entry;
}

static struct stream *entry_stream(PFILE_OBJECT file, bool create)
{
    struct entry *entry = entry_get(file, NULL), *spare;

    if (entry || !create)
        return entry ? &entry->stream : NULL;
    spare = pool_allocate(sizeof *spare);
    if (!spare)
        return NULL;
    spare->references = 1; /* the table's */
    spare->file = file;
    entry = entry_get(file, spare);
    if (entry != spare)
        pool_free(spare);
    return &entry->stream;
}

void stream_table_close(PFILE_OBJECT file)
{
    struct entry *entry;
    KIRQL irql;

    IRQL_AT_MOST(APC_LEVEL);
    KeAcquireSpinLock(&table.lock, &irql);
    entry = entry_find(file);
    if (entry)
        RemoveEntryList(&entry->link);
    KeReleaseSpinLock(&table.lock, irql);
    if (entry)
        entry_release(entry);
}

void stream_table_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    for (unsigned i = 0; i < BUCKETS; i++)
        while (!IsListEmpty(&table.bucket[i]))
            entry_release(CONTAINING_RECORD(RemoveHeadList(&table.bucket[i]), struct entry, link));
}

/* ---- both ---- */

struct stream *stream_get(const struct file_op *op, bool create)
{
    IRQL_AT_MOST(APC_LEVEL);
    return op->instance ? context_get(op, create) : entry_stream(op->file, create);
}

void stream_release(const struct file_op *op, struct stream *stream)
{
    if (!stream)
        return;
    if (op->instance)
        flt.FltReleaseContext(stream);
    else
        entry_release(CONTAINING_RECORD(stream, struct entry, stream));
}
