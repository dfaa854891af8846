/* SPDX-License-Identifier: MIT */
/* Records of what happens to files and pipes. */
#include "file.h"

/* Sid and image of the actor; absent when nobody is known. */
static struct span sid_of(const struct process *actor)
{
    return actor ? SPAN_SID(actor) : (struct span){ NULL, 0 };
}

static struct span image_of(const struct process *actor)
{
    return actor ? SPAN_TEXT(&actor->image) : (struct span){ NULL, 0 };
}

static ULONG id_of(const struct file_op *op)
{
    return op->requestor ? HandleToULong(PsGetProcessId(op->requestor)) : 0;
}

/* Event 11, and with contents or without it event 15: the layout is the same. */
static void report_create(struct file_op *op, enum wire_type type, ULONGLONG create_time, struct span contents)
{
    const UNICODE_STRING *name = file_name(op);
    struct process *actor = file_actor(op);
    struct span extensions[WIRE_CREATE_EXTENSIONS] = {
        [WIRE_CREATE_SID] = sid_of(actor),
        [WIRE_CREATE_IMAGE] = image_of(actor),
        [WIRE_CREATE_CONTENTS] = contents,
    };
    struct record *record;

    if (!name) {
        queue_lose(type, WIRE_LOSS_SOURCE);
        process_release(actor);
        return;
    }
    extensions[WIRE_CREATE_NAME] = SPAN_TEXT(name);
    record = record_create(type, extensions);
    if (record) {
        struct wire_file_create *body = record_body(record);

        body->ProcessId = id_of(op);
        body->EventTime = compat_time();
        body->CreateTime = create_time ? create_time : body->EventTime;
        record_submit(record, actor ? actor->session : 0);
    }
    process_release(actor);
}

void file_report_created(struct file_op *op, ULONGLONG create_time)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    report_create(op, WIRE_FILE_CREATE, create_time, (struct span){ NULL, 0 });
}

void file_report_stream(struct file_op *op, ULONGLONG create_time, const void *contents, ULONG size)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    report_create(op, WIRE_FILE_CREATE_STREAM_HASH, create_time, (struct span){ contents, size });
}

void file_report_time(struct file_op *op, ULONGLONG create_time, ULONGLONG previous)
{
    const UNICODE_STRING *name = file_name(op);
    struct process *actor = file_actor(op);
    const struct span extensions[WIRE_FILE_TIME_EXTENSIONS] = {
        [WIRE_FILE_TIME_SID] = sid_of(actor),
        [WIRE_FILE_TIME_IMAGE] = image_of(actor),
        [WIRE_FILE_TIME_NAME] = { name ? name->Buffer : NULL, name ? name->Length : 0 },
    };
    struct record *record = record_create(WIRE_FILE_TIME, extensions);

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (record) {
        struct wire_file_time *body = record_body(record);

        body->ProcessId = id_of(op);
        body->EventTime = compat_time();
        body->CreateTime = create_time;
        body->PreviousCreateTime = previous;
        record_submit(record, actor ? actor->session : 0);
    }
    process_release(actor);
}

void file_report_raw(struct file_op *op)
{
    struct process *actor = file_actor(op);
    const struct span extensions[WIRE_RAW_EXTENSIONS] = { [WIRE_RAW_SID] = sid_of(actor) };
    struct record *record = record_create(WIRE_RAW_ACCESS_READ, extensions);

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (record) {
        struct wire_raw_access_read *body = record_body(record);

        body->EventSystemTime = compat_time();
        body->ProcessId = id_of(op);
        name_copy(body->Device, COUNT(body->Device), &op->volume->name);
        record_submit(record, actor ? actor->session : 0);
    }
    process_release(actor);
}

struct record *file_delete_record(struct file_op *op, enum wire_type type, bool is_executable, ULONG *session)
{
    const UNICODE_STRING *name = file_name(op);
    struct process *actor = file_actor(op);
    const struct span extensions[WIRE_DELETE_EXTENSIONS] = {
        [WIRE_DELETE_SID] = sid_of(actor),
        [WIRE_DELETE_NAME] = { name ? name->Buffer : NULL, name ? name->Length : 0 },
        [WIRE_DELETE_IMAGE] = image_of(actor),
    };
    struct record *record = NULL;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!name)
        queue_lose(type, WIRE_LOSS_SOURCE);
    else
        record = record_create(type, extensions);
    if (record) {
        struct wire_file_delete *body = record_body(record);

        body->ProcessId = id_of(op);
        body->DeleteTime = compat_time();
        body->IsExecutable = is_executable;
        body->TrackerId = WIRE_TRACKER_NONE;
        *session = actor ? actor->session : 0;
    }
    process_release(actor);
    return record;
}
