/* SPDX-License-Identifier: MIT */
/*
 * Deletion (events 23 and 26). Whether a deletion will come about is known only when it has; its content can be kept only before.
 * So the rules and the service are asked, and the copy is made, while the file can still be read; the event waits in a
 * struct deletion until the deletion is a fact, or is thrown away together with the copy.
 *
 * A deletion that some rule may want becomes a question to the service even where the rules have decided here: while the thread
 * waits, the service can still hash the file.
 */
#include "file.h"

struct deletion {
    struct record *record; /* the event: FILE_DELETE or FILE_DELETE_DETECTED */
    ULONG session;
    WCHAR copy[ARCHIVE_NAME_MOST]; /* name in the archive; empty: none */
};

static void archived_set(struct record *record, const WCHAR *text, const WCHAR *copy)
{
    struct wire_file_delete *body = record_body(record);
    struct text archived;

    text_start(&archived, body->Archived, COUNT(body->Archived) - 1);
    text_append_string(&archived, text);
    body->Archived[archived.length] = 0;
    if (!copy[0] || archived.length + 1 + wcslen(copy) >= COUNT(body->Archived))
        return;
    text_append(&archived, L"", 1);
    text_append_string(&archived, copy);
    body->Archived[archived.length] = 0;
}

/* What the service says; without an answer, what is left to do: to report, and let the service filter. */
static enum wire_verdict_result ask(struct file_op *op, bool is_executable, bool *answered)
{
    struct settings *settings = settings_acquire();
    ULONG timeout = settings->verdict_timeout, session;
    enum wire_verdict_result result = WIRE_VERDICT_EXCLUDE;
    struct record *question;

    settings_release(settings);
    *answered = false;
    if (!timeout || !file_may_wait() || !verdict_is_possible())
        return result;
    question = file_delete_record(op, WIRE_FILE_DELETE, is_executable, &session);
    if (question)
        *answered = verdict_ask(question, session, timeout, &result);
    return result;
}

static void archive(struct file_op *op, struct deletion *deletion)
{
    const WCHAR *reason = L"false";

    if (NT_SUCCESS(archive_file(op, deletion->copy, &reason)))
        archived_set(deletion->record, L"true", deletion->copy);
    else
        archived_set(deletion->record, reason, L"");
}

static struct deletion *deletion_create(struct record *record, ULONG session)
{
    struct deletion *deletion = pool_allocate(sizeof *deletion);

    if (!deletion) {
        queue_lose(WIRE_FILE_DELETE, WIRE_LOSS_MEMORY);
        record_free(record);
        return NULL;
    }
    deletion->record = record;
    deletion->session = session;
    return deletion;
}

static bool is_directory(const struct file_op *op)
{
    FILE_STANDARD_INFORMATION standard;

    return NT_SUCCESS(file_query(op, FileStandardInformation, &standard, sizeof standard)) && standard.Directory;
}

static bool is_empty(const struct file_op *op)
{
    FILE_STANDARD_INFORMATION standard;

    return NT_SUCCESS(file_query(op, FileStandardInformation, &standard, sizeof standard)) && standard.EndOfFile.QuadPart == 0;
}

/* `kept`: event 23; else 26. */
static struct deletion *deletion_of(struct file_op *op, struct record *record, ULONG session, bool kept)
{
    struct deletion *deletion;

    record->header.EventType = kept ? WIRE_FILE_DELETE : WIRE_FILE_DELETE_DETECTED;
    deletion = deletion_create(record, session);
    if (deletion && kept)
        archive(op, deletion);
    return deletion;
}

static struct deletion *judge(struct file_op *op, struct record *record, ULONG session)
{
    const struct wire_file_delete *body = record_body(record);
    enum rules_decision keep = rules_decide(record, EVENT_FILE_DELETE, session);
    enum rules_decision log = rules_decide(record, EVENT_FILE_DELETE_DETECTED, session);
    enum wire_verdict_result verdict;
    bool answered;

    if (keep == RULES_DROP && log == RULES_DROP) {
        record_free(record);
        return NULL;
    }
    verdict = ask(op, body->IsExecutable != 0, &answered);
    if (!answered) { /* the rules alone; where they are not sure, event 23 without a copy goes up to be filtered */
        if (keep == RULES_UNDECIDED)
            archived_set(record, L"false - no answer from the service", L"");
        else
            return deletion_of(op, record, session, keep != RULES_DROP);
        return deletion_create(record, session);
    }
    if (verdict != WIRE_VERDICT_EXCLUDE)
        return deletion_of(op, record, session, verdict == WIRE_VERDICT_INCLUDE);
    record_free(record);
    return NULL;
}

struct deletion *deletion_prepare(struct file_op *op)
{
    struct record *record;
    ULONG session = 0;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!settings_wants(EVENT_FILE_DELETE) && !settings_wants(EVENT_FILE_DELETE_DETECTED))
        return NULL;
    if (control_client() && control_client() == HandleToULong(PsGetCurrentProcessId())) /* the service tidies its archive */
        return NULL;
    if (is_directory(op))
        return NULL;
    record = file_delete_record(op, WIRE_FILE_DELETE, file_is_executable(op), &session);
    return record ? judge(op, record, session) : NULL;
}

struct deletion *deletion_prepare_named(const struct file_op *op, const UNICODE_STRING *name, bool empties)
{
    struct file_op victim = { .volume = op->volume, .instance = op->instance, .lower = op->lower, .requestor = op->requestor };
    struct file_open open;
    struct deletion *deletion = NULL;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if ((!settings_wants(EVENT_FILE_DELETE) && !settings_wants(EVENT_FILE_DELETE_DETECTED)) || !file_may_wait())
        return NULL;
    if (!NT_SUCCESS(file_open(op, NULL, name, FILE_READ_DATA | FILE_READ_ATTRIBUTES, FILE_OPEN, FILE_NON_DIRECTORY_FILE, NULL, &open,
                              NULL)))
        return NULL;
    victim.file = open.file;
    victim.name = name_duplicate(name);
    if (!victim.name)
        queue_lose(WIRE_FILE_DELETE, WIRE_LOSS_MEMORY);
    else if (!empties || !is_empty(&victim))
        deletion = deletion_prepare(&victim);
    file_op_finish(&victim);
    file_close(op, &open);
    return deletion;
}

void deletion_commit(struct deletion *deletion)
{
    struct wire_file_delete *body;

    IRQL_AT_MOST(APC_LEVEL);
    if (!deletion)
        return;
    body = record_body(deletion->record);
    body->DeleteTime = compat_time();
    record_submit(deletion->record, deletion->session);
    pool_free(deletion);
}

void deletion_discard(const struct file_op *op, struct deletion *deletion)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!deletion)
        return;
    if (deletion->copy[0])
        archive_remove(op, deletion->copy);
    record_free(deletion->record);
    pool_free(deletion);
}

void deletion_abandon(struct deletion *deletion)
{
    IRQL_AT_MOST(APC_LEVEL);
    if (!deletion)
        return;
    queue_lose(deletion->record->header.EventType, WIRE_LOSS_SOURCE);
    record_free(deletion->record);
    pool_free(deletion);
}
