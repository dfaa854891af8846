/* SPDX-License-Identifier: MIT */
/* Changing information: creation times (2), deletions (23, 26), and files replaced by a rename or a link (23, 26). */
#include "file.h"

/* FILE_INFORMATION_CLASS by number (spec 08 section 1.2) */
enum {
    CLASS_BASIC = 4,
    CLASS_RENAME = 10,
    CLASS_LINK = 11,
    CLASS_DISPOSITION = 13,
    CLASS_DISPOSITION_EX = 64,
    CLASS_RENAME_EX = 65,
    CLASS_LINK_EX = 72,
};

#define DISPOSITION_DELETE 1u
#define DISPOSITION_POSIX 2u
#define DISPOSITION_ON_CLOSE 8u
#define RENAME_REPLACE 1u

struct file_set {
    enum { SET_TIME, SET_DELETE, SET_WITHDRAW, SET_ON_CLOSE, SET_REPLACE } kind;
    struct deletion *deletion; /* SET_DELETE, SET_REPLACE */
    bool is_posix;             /* SET_DELETE */
    UNICODE_STRING *name;      /* SET_TIME */
    ULONGLONG create_time, previous;
};

static struct file_set *set_create(const struct file_op *op, const struct file_set *wanted)
{
    struct file_set *set = pool_allocate(sizeof *set);

    if (set) {
        *set = *wanted;
        return set;
    }
    queue_lose(wanted->kind == SET_TIME ? WIRE_FILE_TIME : WIRE_FILE_DELETE, WIRE_LOSS_MEMORY);
    deletion_discard(op, wanted->deletion);
    pool_free(wanted->name);
    return NULL;
}

static struct file_set *time_before(struct file_op *op, const struct set_request *request)
{
    FILE_BASIC_INFORMATION basic;
    struct file_set wanted = { .kind = SET_TIME };

    if (request->length < sizeof basic || !settings_wants(EVENT_FILE_TIME))
        return NULL;
    memcpy(&basic, request->buffer, sizeof basic);
    if (basic.CreationTime.QuadPart <= 0) /* 0: leave it; -1, -2: about automatic updates */
        return NULL;
    wanted.create_time = (ULONGLONG)basic.CreationTime.QuadPart;
    wanted.previous = file_creation_time(op);
    if (wanted.previous == wanted.create_time || !file_name(op))
        return NULL;
    wanted.name = op->name;
    op->name = NULL;
    return set_create(op, &wanted);
}

static struct file_set *disposition_before(struct file_op *op, ULONG flags)
{
    struct file_set wanted = { .kind = flags & DISPOSITION_DELETE ? SET_DELETE : SET_WITHDRAW };
    struct stream *stream = stream_get(op, false);
    bool is_under_way = stream && stream->deletion;

    stream_release(op, stream);
    if (flags & DISPOSITION_ON_CLOSE) {
        wanted.kind = flags & DISPOSITION_DELETE ? SET_ON_CLOSE : SET_WITHDRAW;
    } else if (wanted.kind == SET_DELETE) {
        if (is_under_way)
            return NULL;
        wanted.deletion = deletion_prepare(op);
        if (!wanted.deletion)
            return NULL;
        wanted.is_posix = (flags & DISPOSITION_POSIX) != 0;
    }
    if (wanted.kind == SET_WITHDRAW && !stream)
        return NULL;
    return set_create(op, &wanted);
}

static struct file_set *replace_before(struct file_op *op, const struct set_request *request)
{
    struct file_set wanted = { .kind = SET_REPLACE };
    UNICODE_STRING *target = file_destination(op, request->buffer, request->length, request->parent);
    const UNICODE_STRING *source = target ? file_name(op) : NULL;

    /* A file that only changes the case of its name replaces nothing. */
    if (target && !(source && RtlEqualUnicodeString(source, target, TRUE)))
        wanted.deletion = deletion_prepare_named(op, target, false);
    pool_free(target);
    return wanted.deletion ? set_create(op, &wanted) : NULL;
}

static ULONG flags_of(const struct set_request *request)
{
    ULONG flags = 0;

    if (request->length >= sizeof flags)
        memcpy(&flags, request->buffer, sizeof flags);
    return flags;
}

struct file_set *file_set_before(struct file_op *op, const struct set_request *request)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!request->buffer || !request->length)
        return NULL;
    switch (request->class) {
    case CLASS_BASIC:
        return time_before(op, request);
    case CLASS_DISPOSITION:
        return disposition_before(op, *(const UCHAR *)request->buffer ? DISPOSITION_DELETE : 0);
    case CLASS_DISPOSITION_EX:
        return disposition_before(op, flags_of(request));
    case CLASS_RENAME:
    case CLASS_LINK:
        return *(const UCHAR *)request->buffer || request->replaces ? replace_before(op, request) : NULL;
    case CLASS_RENAME_EX:
    case CLASS_LINK_EX:
        return flags_of(request) & RENAME_REPLACE ? replace_before(op, request) : NULL;
    default:
        return NULL;
    }
}

/* From now on the deletion waits for the cleanup; on file systems that know no contexts it counts as done. */
static void delete_after(struct file_op *op, struct file_set *set)
{
    struct stream *stream = stream_get(op, true);

    if (!stream) {
        deletion_commit(set->deletion);
        return;
    }
    deletion_discard(op, InterlockedExchangePointer((PVOID *)&stream->deletion, set->deletion));
    if (set->is_posix)
        InterlockedOr(&stream->flags, STREAM_POSIX_DELETE);
    stream_release(op, stream);
}

static void withdraw_after(struct file_op *op)
{
    struct stream *stream = stream_get(op, false);

    if (!stream)
        return;
    stream_take_flag(stream, STREAM_DELETE_ON_CLOSE);
    deletion_discard(op, InterlockedExchangePointer((PVOID *)&stream->deletion, NULL));
    stream_release(op, stream);
}

static void on_close_after(struct file_op *op)
{
    struct stream *stream = stream_get(op, true);

    if (stream)
        InterlockedOr(&stream->flags, STREAM_DELETE_ON_CLOSE);
    stream_release(op, stream);
}

static void succeeded(struct file_op *op, struct file_set *set)
{
    switch (set->kind) {
    case SET_TIME:
        pool_free(op->name);
        op->name = set->name;
        set->name = NULL;
        file_report_time(op, set->create_time, set->previous);
        break;
    case SET_DELETE:
        delete_after(op, set);
        break;
    case SET_WITHDRAW:
        withdraw_after(op);
        break;
    case SET_ON_CLOSE:
        on_close_after(op);
        break;
    case SET_REPLACE:
        deletion_commit(set->deletion);
        break;
    }
}

void file_set_after(struct file_op *op, struct file_set *set, NTSTATUS status)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (NT_SUCCESS(status))
        succeeded(op, set);
    else
        deletion_discard(op, set->deletion);
    pool_free(set->name);
    pool_free(set);
}

void file_set_abandon(struct file_set *set)
{
    IRQL_AT_MOST(APC_LEVEL);
    if (set->kind == SET_TIME)
        queue_lose(WIRE_FILE_TIME, WIRE_LOSS_SOURCE);
    deletion_abandon(set->deletion);
    pool_free(set->name);
    pool_free(set);
}
