/* SPDX-License-Identifier: MIT */
/* The process table as events use it (spec 01 section 6). */
#include "translate.h"

#include <string.h>

/* A cache record has a whole command line in it. */
#define QUERY_BUFFER 0x20000u

static void lock(struct translator *t)
{
    if (t->facts->lock)
        t->facts->lock(t->context);
}

static void unlock(struct translator *t)
{
    if (t->facts->unlock)
        t->facts->unlock(t->context);
}

static uint64_t now(struct translator *t)
{
    return t->facts->now ? t->facts->now(t->context) : 0;
}

static struct match_text span_text(struct pool *pool, const struct record_span *span)
{
    return span->size ? pool_utf16(pool, span->data, span->size) : (struct match_text){ NULL, 0 };
}

static struct match_text path_of(struct translator *t, struct pool *pool, const struct record_span *span)
{
    struct match_text path = span_text(pool, span);

    return path.size && t->facts->path ? t->facts->path(t->context, pool, path) : path;
}

static struct match_text user_of(struct translator *t, struct pool *pool, const struct record_span *sid)
{
    if (!sid->size || !t->facts->user)
        return (struct match_text){ NULL, 0 };
    return t->facts->user(t->context, pool, sid->data, sid->size);
}

static void add(struct translator *t, struct pool *pool, const struct record *record)
{
    const struct wire_process_create *body = &record->body.process;
    const struct record_span *integrity = &record->extension[WIRE_PROCESS_INTEGRITY];
    struct process process = {
        .pid = body->ProcessId,
        .parent_pid = body->ParentProcessId,
        .create_time = body->CreateTime,
        .object = body->ProcessObject,
        .guid = guid_compose(t->machine_id, body->CreateTime, body->ProcessKey),
        .logon_id = body->AuthenticationId,
        .session_id = body->SessionId,
    };

    process.text[PROCESS_IMAGE] = path_of(t, pool, &record->extension[WIRE_PROCESS_IMAGE]);
    process.text[PROCESS_COMMAND_LINE] = span_text(pool, &record->extension[WIRE_PROCESS_COMMAND_LINE]);
    process.text[PROCESS_CURRENT_DIRECTORY] = span_text(pool, &record->extension[WIRE_PROCESS_DIRECTORY]);
    process.text[PROCESS_USER] = user_of(t, pool, &record->extension[WIRE_PROCESS_SID]);
    process.text[PROCESS_INTEGRITY_LEVEL] = translate_integrity(pool, integrity->data, integrity->size, body->IsAppContainer);
    lock(t);
    process_table_add(t->processes, &process, now(t), NULL); /* a full table gave somebody up: counted there */
    unlock(t);
}

/* A known process under the lock, copied out of it. */
static bool look_up(struct translator *t, struct pool *pool, uint32_t pid, uint64_t time, uint64_t object, struct process_view *out)
{
    const struct process *found;

    lock(t);
    found = process_table_find(t->processes, pid, time, object);
    if (found) {
        out->known = true;
        out->guid = found->guid;
        out->image = pool_copy(pool, process_image(found, pid, CATALOGUE_WINDOWS));
        out->command_line = pool_copy(pool, found->text[PROCESS_COMMAND_LINE]);
        out->user = pool_copy(pool, found->text[PROCESS_USER]);
    }
    unlock(t);
    return found;
}

/* Asks the driver about a pid nobody told us of, and remembers the answer. */
static bool ask(struct translator *t, struct pool *pool, uint32_t pid)
{
    uint8_t *buffer;
    struct record record;
    int size;

    if (!t->facts->query)
        return false;
    buffer = pool_take(pool, QUERY_BUFFER);
    size = buffer ? t->facts->query(t->context, pid, buffer, QUERY_BUFFER) : -1;
    if (size <= 0 || record_decode(&record, buffer, (size_t)size) < 0)
        return false;
    if (record.header.EventType != WIRE_PROCESS_CREATE_CACHE || record.body.process.ProcessId != pid)
        return false;
    add(t, pool, &record);
    return true;
}

void translate_process(struct translator *t, struct pool *pool, uint32_t pid, uint64_t time, uint64_t object,
                       struct process_view *out)
{
    memset(out, 0, sizeof(*out));
    out->image = process_image(NULL, pid, CATALOGUE_WINDOWS);
    if (!look_up(t, pool, pid, time, object, out) && pid && ask(t, pool, pid))
        look_up(t, pool, pid, time, object, out);
}

void translate_table(struct translator *t, struct pool *pool, const struct record *record)
{
    const struct wire_process_terminate *end = &record->body.terminate;

    switch (record->header.EventType) {
    case WIRE_PROCESS_CREATE:
    case WIRE_PROCESS_CREATE_CACHE:
        add(t, pool, record);
        break;
    case WIRE_PROCESS_TERMINATE:
        lock(t);
        process_table_end(t->processes, end->ProcessId, 0, end->EventTime, now(t));
        unlock(t);
        break;
    }
}
