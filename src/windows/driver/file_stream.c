/* SPDX-License-Identifier: MIT */
/*
 * What is remembered of a file between its operations. The minifilter hangs it on the stream as a context. The legacy filter has a
 * table of its own, by the file system's object for the stream (FsContext): an entry lives as long as one of the file objects
 * that made it is open, and beyond that while a deletion under way waits for the other handles: these keep the stream.
 */
#include "file.h"

#define BUCKETS 64

struct opener {
    LIST_ENTRY link;
    PFILE_OBJECT file; /* identity */
};

struct entry {
    LIST_ENTRY link;
    LONG references; /* the table's and those of users */
    bool linked;
    const void *key; /* FsContext */
    LIST_ENTRY openers;
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

static LIST_ENTRY *bucket_of(const void *key)
{
    return &table.bucket[(ULONG_PTR)key / 64 % BUCKETS];
}

NTSTATUS stream_table_start(void)
{
    KeInitializeSpinLock(&table.lock);
    for (unsigned i = 0; i < BUCKETS; i++)
        InitializeListHead(&table.bucket[i]);
    return STATUS_SUCCESS;
}

static void openers_free(struct entry *entry)
{
    while (!IsListEmpty(&entry->openers))
        pool_free(CONTAINING_RECORD(RemoveHeadList(&entry->openers), struct opener, link));
}

static void entry_release(struct entry *entry)
{
    if (InterlockedDecrement(&entry->references) == 0) {
        stream_finish(&entry->stream);
        openers_free(entry);
        pool_free(entry);
    }
}

/* Under the lock, like the following ones. */
static struct entry *entry_find(const void *key)
{
    LIST_ENTRY *head = bucket_of(key);

    for (LIST_ENTRY *at = head->Flink; at != head; at = at->Flink) {
        struct entry *entry = CONTAINING_RECORD(at, struct entry, link);

        if (entry->key == key)
            return entry;
    }
    return NULL;
}

static struct opener *opener_find(struct entry *entry, PFILE_OBJECT file)
{
    for (LIST_ENTRY *at = entry->openers.Flink; at != &entry->openers; at = at->Flink) {
        struct opener *opener = CONTAINING_RECORD(at, struct opener, link);

        if (opener->file == file)
            return opener;
    }
    return NULL;
}

/* Takes an entry that nothing keeps any more out of the table; the caller then drops the table's reference. */
static bool entry_unlink_idle(struct entry *entry)
{
    if (!entry->linked || !IsListEmpty(&entry->openers) || entry->stream.deletion)
        return false;
    RemoveEntryList(&entry->link);
    entry->linked = false;
    return true;
}

static struct stream *entry_lookup(PFILE_OBJECT file)
{
    struct entry *entry;
    KIRQL irql;

    KeAcquireSpinLock(&table.lock, &irql);
    entry = entry_find(file->FsContext);
    if (entry)
        InterlockedIncrement(&entry->references);
    KeReleaseSpinLock(&table.lock, irql);
    return entry ? &entry->stream : NULL;
}

/* Enters what is missing; whichever of the two is not used is set to NULL. Returns the entry with a reference for the caller. */
static struct entry *entry_enter(PFILE_OBJECT file, struct entry **spare, struct opener **opener)
{
    struct entry *entry;
    KIRQL irql;

    KeAcquireSpinLock(&table.lock, &irql);
    entry = entry_find(file->FsContext);
    if (!entry) {
        entry = *spare;
        *spare = NULL;
        entry->linked = true;
        InsertHeadList(bucket_of(entry->key), &entry->link);
    }
    if (!opener_find(entry, file)) {
        InsertTailList(&entry->openers, &(*opener)->link);
        *opener = NULL;
    }
    InterlockedIncrement(&entry->references);
    KeReleaseSpinLock(&table.lock, irql);
    return entry;
}

static struct stream *entry_create(PFILE_OBJECT file)
{
    struct entry *spare = pool_allocate(sizeof *spare), *entry = NULL;
    struct opener *opener = pool_allocate(sizeof *opener);

    if (spare && opener) {
        spare->references = 1; /* the table's */
        spare->key = file->FsContext;
        InitializeListHead(&spare->openers);
        opener->file = file;
        entry = entry_enter(file, &spare, &opener);
    }
    pool_free(spare);
    pool_free(opener);
    return entry ? &entry->stream : NULL;
}

static struct stream *entry_stream(PFILE_OBJECT file, bool create)
{
    if (!file->FsContext)
        return NULL;
    return create ? entry_create(file) : entry_lookup(file);
}

static void entry_leave(struct entry *entry)
{
    bool idle;
    KIRQL irql;

    KeAcquireSpinLock(&table.lock, &irql);
    idle = entry_unlink_idle(entry);
    KeReleaseSpinLock(&table.lock, irql);
    if (idle)
        entry_release(entry);
    entry_release(entry);
}

void stream_table_close(PFILE_OBJECT file)
{
    struct entry *entry;
    struct opener *opener = NULL;
    bool idle = false;
    KIRQL irql;

    IRQL_AT_MOST(APC_LEVEL);
    KeAcquireSpinLock(&table.lock, &irql);
    entry = entry_find(file->FsContext);
    if (entry)
        opener = opener_find(entry, file);
    if (opener) {
        RemoveEntryList(&opener->link);
        idle = entry_unlink_idle(entry);
    }
    KeReleaseSpinLock(&table.lock, irql);
    pool_free(opener);
    if (idle)
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
        entry_leave(CONTAINING_RECORD(stream, struct entry, stream));
}
