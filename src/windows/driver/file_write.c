/* SPDX-License-Identifier: MIT */
/*
 * Writing: does a file get the head of an executable (27, 29), is an existing file being shredded (28)? Only writes at the start of
 * a file are looked at; everything else passes at the cost of one comparison.
 *
 * Shredding is overwriting what is there, from the start, with one and the same byte: what erasing tools do first. A file that
 * this opening made or emptied has nothing to lose.
 */
#include "file.h"
#include "guard.h"

#define SHRED_LEAST 4096u /* bytes, or the whole file if that is smaller */
#define CHUNK 512u

static NTSTATUS data_read(const struct write_request *request, ULONG offset, void *to, ULONG size)
{
    const UCHAR *mapped;

    if (!request->mdl)
        return guard_read_any(to, (const UCHAR *)request->buffer + offset, size);
    mapped = MmGetSystemAddressForMdlSafe(request->mdl, NormalPagePriority);
    if (!mapped)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(to, mapped + offset, size);
    return STATUS_SUCCESS;
}

static bool has_executable_head(const struct write_request *request)
{
    UCHAR head[2];

    return request->length >= 64 && NT_SUCCESS(data_read(request, 0, head, sizeof head)) && head[0] == 'M' && head[1] == 'Z';
}

static bool is_one_byte(const struct write_request *request)
{
    UCHAR chunk[CHUNK];
    UCHAR first = 0;

    for (ULONG at = 0; at < request->length; at += CHUNK) {
        ULONG size = request->length - at < CHUNK ? request->length - at : CHUNK;

        if (!NT_SUCCESS(data_read(request, at, chunk, size)))
            return false;
        if (!at)
            first = chunk[0];
        for (ULONG i = 0; i < size; i++)
            if (chunk[i] != first)
                return false;
    }
    return request->length != 0;
}

static bool covers_enough(const struct file_op *op, const struct write_request *request)
{
    FILE_STANDARD_INFORMATION standard;

    if (!NT_SUCCESS(file_query(op, FileStandardInformation, &standard, sizeof standard)) || standard.EndOfFile.QuadPart == 0)
        return false;
    return request->length >= SHRED_LEAST || request->length >= standard.EndOfFile.QuadPart;
}

static bool is_shredding(const struct file_op *op, const struct write_request *request)
{
    struct stream *stream = stream_get(op, false);
    bool is_young = stream && stream->flags & STREAM_CREATED_HERE;

    stream_release(op, stream);
    return !is_young && covers_enough(op, request) && is_one_byte(request);
}

static void note_head(const struct file_op *op)
{
    struct stream *stream = stream_get(op, true);

    if (stream)
        InterlockedOr(&stream->flags, STREAM_NEW_CONTENT);
    stream_release(op, stream);
}

NTSTATUS file_write_before(struct file_op *op, const struct write_request *request)
{
    struct record *refused;
    ULONG session;

    IRQL_AT_MOST(APC_LEVEL);
    if (request->offset != 0 || !request->length || nt_current_irql() != PASSIVE_LEVEL)
        return STATUS_SUCCESS;
    if ((settings_wants(EVENT_FILE_BLOCK_EXE) || settings_wants(EVENT_FILE_EXE_DETECTED)) && has_executable_head(request)) {
        note_head(op);
        return STATUS_SUCCESS;
    }
    if (!settings_wants(EVENT_FILE_BLOCK_SHREDDING) || !file_may_wait() || !is_shredding(op, request))
        return STATUS_SUCCESS;
    refused = file_block(op, WIRE_FILE_BLOCK_SHREDDING, file_is_executable(op), &session);
    if (!refused)
        return STATUS_SUCCESS;
    record_submit(refused, session);
    return STATUS_ACCESS_DENIED;
}
