/* SPDX-License-Identifier: MIT */
/* Opening and creating: files made (11), raw volumes (9), contents lost to overwriting (23, 26), and what begins here. */
#include "file.h"

#define READ_ACCESS (FILE_READ_DATA | GENERIC_READ | GENERIC_ALL | MAXIMUM_ALLOWED)
#define TARGET_DIRECTORY 4u /* SL_OPEN_TARGET_DIRECTORY: a rename looks where it goes */
#define PAGING_FILE 2u      /* SL_OPEN_PAGING_FILE */

struct file_create {
    struct deletion *overwritten;
    ULONG disposition;
    bool is_raw, may_create, deletes_on_close;
};

static bool deletions_are_wanted(void)
{
    return settings_wants(EVENT_FILE_DELETE) || settings_wants(EVENT_FILE_DELETE_DETECTED);
}

static bool executables_are_wanted(void)
{
    return settings_wants(EVENT_FILE_BLOCK_EXE) || settings_wants(EVENT_FILE_EXE_DETECTED);
}

/* The volume itself, by its name or relative to another opening of it. */
static bool is_volume_open(const struct file_op *op, const struct create_request *request)
{
    PFILE_OBJECT related = op->file->RelatedFileObject;

    return op->volume->kind == VOLUME_LOCAL && !op->file->FileName.Length && !(request->options & FILE_OPEN_BY_FILE_ID) &&
           (!related || related->Flags & FO_VOLUME_OPEN);
}

static bool empties(ULONG disposition)
{
    return disposition == FILE_SUPERSEDE || disposition == FILE_OVERWRITE || disposition == FILE_OVERWRITE_IF;
}

static bool may_create(const struct create_request *request)
{
    if (request->disposition == FILE_OPEN || request->options & FILE_DIRECTORY_FILE)
        return false;
    return settings_wants(EVENT_FILE_CREATE) || settings_wants(EVENT_FILE_CREATE_STREAM_HASH) ||
           settings_wants(EVENT_FILE_BLOCK_SHREDDING) || executables_are_wanted();
}

static struct deletion *prepare_overwritten(struct file_op *op, const struct create_request *request)
{
    const UNICODE_STRING *name;

    if (!empties(request->disposition) || request->options & (FILE_DIRECTORY_FILE | FILE_OPEN_BY_FILE_ID) || !deletions_are_wanted())
        return NULL;
    name = file_name(op);
    return name ? deletion_prepare_named(op, name, true) : NULL;
}

#define CHANGE_ACCESS (FILE_WRITE_DATA | FILE_APPEND_DATA | DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL)

bool file_create_is_refused(struct file_op *op, const struct create_request *request, KPROCESSOR_MODE mode)
{
    struct settings *settings;
    const UNICODE_STRING *name;
    bool protects;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (mode == KernelMode || HandleToULong(PsGetCurrentProcessId()) == control_client() ||
        (!(request->access & CHANGE_ACCESS) && !(request->options & FILE_DELETE_ON_CLOSE) && !empties(request->disposition)))
        return false;
    settings = settings_acquire();
    protects = (settings->protect & SETTINGS_PROTECT_FILE) != 0;
    settings_release(settings);
    if (!protects)
        return false;
    name = file_name(op);
    return name && own_file_is(name);
}

struct file_create *file_create_before(struct file_op *op, const struct create_request *request)
{
    struct file_create wanted = { .disposition = request->disposition }, *create;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (request->flags & (TARGET_DIRECTORY | PAGING_FILE))
        return NULL;
    if (is_volume_open(op, request)) {
        wanted.is_raw = request->access & READ_ACCESS && settings_wants(EVENT_RAWACCESS_READ);
    } else {
        wanted.may_create = may_create(request);
        wanted.deletes_on_close = request->options & FILE_DELETE_ON_CLOSE && deletions_are_wanted();
        wanted.overwritten = prepare_overwritten(op, request);
    }
    if (!wanted.is_raw && !wanted.may_create && !wanted.deletes_on_close && !wanted.overwritten)
        return NULL;
    create = pool_allocate(sizeof *create);
    if (!create) {
        queue_lose(wanted.is_raw ? WIRE_RAW_ACCESS_READ : WIRE_FILE_CREATE, WIRE_LOSS_MEMORY);
        deletion_discard(op, wanted.overwritten);
        return NULL;
    }
    *create = wanted;
    return create;
}

static void remember(const struct file_op *op, LONG flags)
{
    struct stream *stream = stream_get(op, true);

    if (stream)
        InterlockedOr(&stream->flags, flags);
    stream_release(op, stream);
}

/* A file or stream was made or emptied. */
static void created(struct file_op *op)
{
    const UNICODE_STRING *name = file_name(op);

    if (!name) {
        queue_lose(WIRE_FILE_CREATE, WIRE_LOSS_SOURCE);
        return;
    }
    if (file_stream_part(name).Length) {
        remember(op, STREAM_CREATED_HERE | STREAM_NEW_STREAM);
        return;
    }
    if (settings_wants(EVENT_FILE_CREATE))
        file_report_created(op, file_creation_time(op));
    if (executables_are_wanted() || settings_wants(EVENT_FILE_BLOCK_SHREDDING))
        remember(op, STREAM_CREATED_HERE | STREAM_NEW_CONTENT);
}

static bool emptied(const struct file_create *create, ULONG_PTR information)
{
    return information == FILE_OVERWRITTEN || (information == FILE_SUPERSEDED && create->disposition == FILE_SUPERSEDE);
}

void file_create_after(struct file_op *op, struct file_create *create, NTSTATUS status, ULONG_PTR information)
{
    bool opened = NT_SUCCESS(status) && status != STATUS_REPARSE;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (opened && create->is_raw)
        file_report_raw(op);
    if (opened && create->may_create && (information == FILE_CREATED || emptied(create, information)))
        created(op);
    if (opened && create->deletes_on_close)
        remember(op, STREAM_DELETE_ON_CLOSE);
    if (opened && emptied(create, information))
        deletion_commit(create->overwritten);
    else
        deletion_discard(op, create->overwritten);
    pool_free(create);
}

void file_create_abandon(struct file_create *create)
{
    if (create->is_raw || create->may_create)
        queue_lose(create->is_raw ? WIRE_RAW_ACCESS_READ : WIRE_FILE_CREATE, WIRE_LOSS_SOURCE);
    deletion_abandon(create->overwritten);
    pool_free(create);
}
