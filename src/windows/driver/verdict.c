/* SPDX-License-Identifier: MIT */
/*
 * Questions to the service about a file (spec 06 section 6): a thread in a file-system operation waits for the answer, but only
 * as long as VerdictTimeout and only while the service is believed to live. After a few answers in a row that did not
 * come, questions are not asked for a while.
 */
#include "driver.h"

#define FAILURES_MOST 3
#define PAUSE (10 * 10000000ull) /* 10 s */

/* Lives on the stack of the waiting thread, which waits in kernel mode: that stack stays in memory. */
struct question {
    LIST_ENTRY link;
    ULONG tracker;
    LONG answer; /* enum wire_verdict_result, -1: none */
    KEVENT answered;
};

static struct {
    KSPIN_LOCK lock;
    LIST_ENTRY questions;
    LONG tracker;
    LONG failures;
    ULONGLONG pause_until;
} state;

NTSTATUS verdict_start(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    KeInitializeSpinLock(&state.lock);
    InitializeListHead(&state.questions);
    return STATUS_SUCCESS;
}

void verdict_stop(void)
{
    verdict_release();
}

bool verdict_is_possible(void)
{
    if (!control_is_ready() || control_client() == HandleToULong(PsGetCurrentProcessId()))
        return false;
    return state.failures < FAILURES_MOST || compat_time() >= state.pause_until;
}

/* 0xFFFFFFFF marks a real event and is never given out. */
static ULONG tracker_next(void)
{
    ULONG tracker;

    do
        tracker = (ULONG)InterlockedIncrement(&state.tracker);
    while (tracker == WIRE_TRACKER_NONE);
    return tracker;
}

static void enlist(struct question *question)
{
    KIRQL irql;

    KeInitializeEvent(&question->answered, NotificationEvent, FALSE);
    question->answer = -1;
    question->tracker = tracker_next();
    KeAcquireSpinLock(&state.lock, &irql);
    InsertTailList(&state.questions, &question->link);
    KeReleaseSpinLock(&state.lock, irql);
}

/* Under the lock an answer may just be on its way: it counts. */
static LONG withdraw(struct question *question)
{
    KIRQL irql;

    KeAcquireSpinLock(&state.lock, &irql);
    RemoveEntryList(&question->link);
    KeReleaseSpinLock(&state.lock, irql);
    return question->answer;
}

static void count_failure(void)
{
    if (InterlockedIncrement(&state.failures) >= FAILURES_MOST)
        state.pause_until = compat_time() + PAUSE;
}

bool verdict_ask(struct record *record, ULONG session, ULONG timeout, enum wire_verdict_result *out)
{
    struct wire_file_delete *body = record_body(record);
    LARGE_INTEGER due = { .QuadPart = -(LONGLONG)timeout * 10000 };
    struct question question;
    LONG answer;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    enlist(&question);
    body->TrackerId = question.tracker;
    record->header.SessionId = session;
    queue_put(record);
    control_notify();
    KeWaitForSingleObject(&question.answered, Executive, KernelMode, FALSE, &due);
    answer = withdraw(&question);
    if (answer < 0) {
        count_failure();
        return false;
    }
    *out = (enum wire_verdict_result)answer;
    return true;
}

NTSTATUS verdict_answer(ULONG tracker, ULONG result)
{
    NTSTATUS status = STATUS_NOT_FOUND;
    KIRQL irql;

    IRQL_AT_MOST(DISPATCH_LEVEL);
    KeAcquireSpinLock(&state.lock, &irql);
    for (LIST_ENTRY *at = state.questions.Flink; at != &state.questions; at = at->Flink) {
        struct question *question = CONTAINING_RECORD(at, struct question, link);

        if (question->tracker == tracker && question->answer < 0) {
            question->answer = (LONG)result;
            KeSetEvent(&question->answered, IO_NO_INCREMENT, FALSE);
            status = STATUS_SUCCESS;
            break;
        }
    }
    KeReleaseSpinLock(&state.lock, irql);
    if (NT_SUCCESS(status))
        InterlockedExchange(&state.failures, 0);
    return status;
}

void verdict_release(void)
{
    KIRQL irql;

    IRQL_AT_MOST(DISPATCH_LEVEL);
    InterlockedExchange(&state.failures, 0);
    KeAcquireSpinLock(&state.lock, &irql);
    for (LIST_ENTRY *at = state.questions.Flink; at != &state.questions; at = at->Flink)
        KeSetEvent(&CONTAINING_RECORD(at, struct question, link)->answered, IO_NO_INCREMENT, FALSE);
    KeReleaseSpinLock(&state.lock, irql);
}
