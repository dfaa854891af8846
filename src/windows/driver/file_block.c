/* SPDX-License-Identifier: MIT */
/*
 * Refusing (events 27 and 28): the rules in the kernel may refuse alone, without the service; where they are not sure and the
 * service does not answer in time, nothing is refused.
 */
#include "file.h"

static unsigned event_of(enum wire_type type)
{
    return type == WIRE_FILE_BLOCK_EXECUTABLE ? EVENT_FILE_BLOCK_EXE : EVENT_FILE_BLOCK_SHREDDING;
}

/* False: nobody answered. */
static bool ask(struct file_op *op, enum wire_type type, bool is_executable, enum wire_verdict_result *verdict)
{
    struct settings *settings = settings_acquire();
    ULONG timeout = settings->verdict_timeout, session;
    struct record *question;

    settings_release(settings);
    if (!timeout || !file_may_wait() || !verdict_is_possible())
        return false;
    question = file_delete_record(op, type, is_executable, &session);
    if (!question)
        return false;
    return verdict_ask(question, session, timeout, verdict);
}

static bool is_refused(struct file_op *op, enum wire_type type, bool is_executable, const struct record *record, ULONG session)
{
    enum rules_decision decision = rules_decide(record, event_of(type), session);
    enum wire_verdict_result verdict;

    if (decision == RULES_DROP)
        return false;
    if (ask(op, type, is_executable, &verdict))
        return verdict == WIRE_VERDICT_INCLUDE;
    return decision != RULES_UNDECIDED;
}

struct record *file_block(struct file_op *op, enum wire_type type, bool is_executable, ULONG *session)
{
    struct record *record;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!settings_wants(event_of(type)) ||
        (control_client() && control_client() == HandleToULong(PsGetCurrentProcessId())))
        return NULL;
    record = file_delete_record(op, type, is_executable, session);
    if (record && !is_refused(op, type, is_executable, record, *session)) {
        record_free(record);
        record = NULL;
    }
    return record;
}
