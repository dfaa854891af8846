/* SPDX-License-Identifier: MIT */
/*
 * The last handle of an opening goes: contents are complete now. Executables are found (29) or refused (27), new streams reported
 * (15), and deletions become facts (23, 26).
 */
#include "file.h"

#define CONTENTS_MOST 1024u /* spec 02 section 3.14: longer streams are not shown */
#define PAGE 4096u

struct file_cleanup {
    struct stream *stream;   /* referenced */
    UNICODE_STRING *name;
    struct record *blocked;  /* event 27, when the file is to go */
    ULONG blocked_session;
    bool is_executable;      /* event 29 */
    bool is_stream;          /* event 15 */
    ULONGLONG create_time;
    UCHAR *contents;
    ULONG contents_size;
};

static void refuse(struct file_op *op, struct file_cleanup *cleanup)
{
    FILE_DISPOSITION_INFORMATION disposition = { TRUE };
    NTSTATUS status;

    cleanup->blocked = file_block(op, WIRE_FILE_BLOCK_EXECUTABLE, true, &cleanup->blocked_session);
    if (!cleanup->blocked)
        return;
    status = file_set(op, FileDispositionInformation, &disposition, sizeof disposition);
    if (NT_SUCCESS(status))
        return;
    record_free(cleanup->blocked);
    cleanup->blocked = NULL;
    record_error(L"FileBlockExecutable", L"A file that the rules refuse could not be removed", status);
}

static void look_for_executable(struct file_op *op, struct file_cleanup *cleanup)
{
    if (cleanup->stream->deletion || !stream_take_flag(cleanup->stream, STREAM_NEW_CONTENT))
        return;
    if (!settings_wants(EVENT_FILE_BLOCK_EXE) && !settings_wants(EVENT_FILE_EXE_DETECTED))
        return;
    if (!file_is_executable(op))
        return;
    refuse(op, cleanup);
    cleanup->is_executable = !cleanup->blocked && settings_wants(EVENT_FILE_EXE_DETECTED);
}

static void look_at_stream(struct file_op *op, struct file_cleanup *cleanup)
{
    ULONG read = 0;

    if (!stream_take_flag(cleanup->stream, STREAM_NEW_STREAM) || !settings_wants(EVENT_FILE_CREATE_STREAM_HASH))
        return;
    cleanup->is_stream = true;
    cleanup->create_time = file_creation_time(op);
    cleanup->contents = pool_allocate(PAGE);
    if (cleanup->contents && NT_SUCCESS(file_read(op, 0, cleanup->contents, PAGE, &read)) && read <= CONTENTS_MOST)
        cleanup->contents_size = read;
}

static void look_for_deletion(struct file_op *op, struct stream *stream)
{
    struct deletion *deletion;

    if (!(stream->flags & STREAM_DELETE_ON_CLOSE) || stream->deletion)
        return;
    deletion = deletion_prepare(op);
    if (deletion)
        deletion_discard(op, InterlockedExchangePointer((PVOID *)&stream->deletion, deletion));
}

static void cleanup_free(const struct file_op *op, struct file_cleanup *cleanup)
{
    stream_release(op, cleanup->stream);
    pool_free(cleanup->name);
    pool_free(cleanup->contents);
    record_free(cleanup->blocked);
    pool_free(cleanup);
}

struct file_cleanup *file_cleanup_before(struct file_op *op)
{
    struct stream *stream = stream_get(op, false);
    struct file_cleanup *cleanup;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!stream)
        return NULL;
    cleanup = pool_allocate(sizeof *cleanup);
    if (!cleanup) { /* what the stream knows stays for another cleanup, or is counted at its end */
        stream_release(op, stream);
        return NULL;
    }
    cleanup->stream = stream;
    stream_take_flag(stream, STREAM_CREATED_HERE);
    look_for_deletion(op, stream);
    look_at_stream(op, cleanup);
    look_for_executable(op, cleanup);
    if (!stream->deletion && !cleanup->is_stream && !cleanup->is_executable && !cleanup->blocked) {
        cleanup_free(op, cleanup);
        return NULL;
    }
    file_name(op); /* not to be had any more afterwards */
    cleanup->name = op->name;
    op->name = NULL;
    return cleanup;
}

static void report_executable(struct file_op *op)
{
    ULONG session;
    struct record *record = file_delete_record(op, WIRE_FILE_EXECUTABLE_DETECTED, true, &session);

    if (record)
        record_submit(record, session);
}

void file_cleanup_after(struct file_op *op, struct file_cleanup *cleanup)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    op->name = cleanup->name;
    cleanup->name = NULL;
    if (cleanup->stream->deletion && file_is_gone(op, cleanup->stream->flags & STREAM_POSIX_DELETE))
        deletion_commit(InterlockedExchangePointer((PVOID *)&cleanup->stream->deletion, NULL));
    if (cleanup->blocked) {
        record_submit(cleanup->blocked, cleanup->blocked_session);
        cleanup->blocked = NULL;
    }
    if (cleanup->is_executable)
        report_executable(op);
    if (cleanup->is_stream)
        file_report_stream(op, cleanup->create_time, cleanup->contents, cleanup->contents_size);
    cleanup_free(op, cleanup);
}

void file_cleanup_abandon(const struct file_op *op, struct file_cleanup *cleanup)
{
    if (cleanup->blocked)
        queue_lose(WIRE_FILE_BLOCK_EXECUTABLE, WIRE_LOSS_SOURCE);
    if (cleanup->is_executable)
        queue_lose(WIRE_FILE_EXECUTABLE_DETECTED, WIRE_LOSS_SOURCE);
    if (cleanup->is_stream)
        queue_lose(WIRE_FILE_CREATE_STREAM_HASH, WIRE_LOSS_SOURCE);
    cleanup_free(op, cleanup);
}
