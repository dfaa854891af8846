/* SPDX-License-Identifier: MIT */
#include "trace_session.h"
#include "system.h"
#include "trace_api.h"

#include <evntcons.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LIMIT 1024       /* characters of a session or file name, with terminator */
#define BUFFER_KILOBYTES 64   /* about 800 events of a busy network */
#define BURST_BUFFERS 192     /* beyond the minimum: 12 MB, some 150,000 events within the second until the next flush */
#define RETRY_FIRST 250       /* milliseconds until an ended session is started again; doubles */
#define RETRY_LAST 30000
#define QUERY_INTERVAL 5000   /* milliseconds between looks at the counters of losses */
#define JOIN_LIMIT 15000
#define START_ATTEMPTS 3

/* Missing in the compiler's headers. */
#define FILTER_TYPE_EVENT_ID 0x80000200u
#define SYSTEM_LOGGER_MODE 0x02000000u

struct properties {
    EVENT_TRACE_PROPERTIES trace;
    wchar_t name[NAME_LIMIT], file[NAME_LIMIT];
};

struct trace_session {
    struct trace_session_options options;
    struct trace_api api;
    CRITICAL_SECTION lock;      /* handles, `foreign` */
    HANDLE stop, thread;
    TRACEHANDLE session, trace;
    bool foreign;               /* somebody else's */
    volatile LONG muted;        /* given up: callbacks do nothing */
    ULONG events_lost, buffers_lost; /* as last seen; session's thread, or after it has ended */
    DWORD queried;
};

/* The record of an old callback has no context: there is one such session, the network's (NT 5.x). */
static struct trace_session *old_session;

static bool is_open(TRACEHANDLE trace)
{
    return (ULONG_PTR)trace != (ULONG_PTR)-1 && trace;
}

static void fill(struct properties *p, const struct trace_session_options *options)
{
    SYSTEM_INFO system;

    GetSystemInfo(&system);
    memset(p, 0, sizeof(*p));
    p->trace.Wnode.BufferSize = sizeof(*p);
    p->trace.Wnode.Guid = options->guid;
    p->trace.Wnode.ClientContext = 1; /* performance counter; delivered as system time all the same */
    p->trace.Wnode.Flags = WNODE_FLAG_TRACED_GUID;
    p->trace.BufferSize = BUFFER_KILOBYTES;
    p->trace.MinimumBuffers = system.dwNumberOfProcessors > 4 ? 4 * system.dwNumberOfProcessors : 16;
    p->trace.MaximumBuffers = p->trace.MinimumBuffers + BURST_BUFFERS;
    p->trace.LogFileMode = EVENT_TRACE_REAL_TIME_MODE | options->mode;
    p->trace.FlushTimer = 1;
    p->trace.EnableFlags = options->kernel_flags;
    p->trace.LoggerNameOffset = offsetof(struct properties, name);
}

/* For queries: room for both names. */
static void fill_query(struct properties *p, const struct trace_session_options *options)
{
    fill(p, options);
    p->trace.LogFileNameOffset = offsetof(struct properties, file);
}

static void account(struct trace_session *s, const struct properties *p)
{
    ULONG events = p->trace.EventsLost - s->events_lost, buffers = p->trace.RealTimeBuffersLost - s->buffers_lost;

    s->events_lost = p->trace.EventsLost;
    s->buffers_lost = p->trace.RealTimeBuffersLost;
    if (events || buffers)
        s->options.lost(s->options.context, events, buffers);
}

/* ---- delivery ---- */

static void WINAPI on_record(EVENT_RECORD *event)
{
    struct trace_session *s = event->UserContext;
    const EVENT_HEADER *header = &event->EventHeader;
    struct trace_record record = {
        .id = header->EventDescriptor.Id,
        .version = header->EventDescriptor.Version,
        .opcode = header->EventDescriptor.Opcode,
        .pointer_size = header->Flags & EVENT_HEADER_FLAG_32_BIT_HEADER ? 4 : 8,
        .pid = header->ProcessId,
        .time = (uint64_t)header->TimeStamp.QuadPart,
        .data = event->UserData,
        .size = event->UserData ? event->UserDataLength : 0,
    };

    memcpy(&record.provider, &header->ProviderId, sizeof(record.provider));
    if (!s->muted)
        s->options.record(s->options.context, &record);
}

static void WINAPI on_old_event(EVENT_TRACE *event)
{
    struct trace_session *s = old_session;
    struct trace_record record = {
        .version = (uint8_t)event->Header.Class.Version,
        .opcode = event->Header.Class.Type,
        .pointer_size = sizeof(void *),
        .pid = event->Header.ProcessId,
        .time = (uint64_t)event->Header.TimeStamp.QuadPart,
        .data = event->MofData,
        .size = event->MofData ? event->MofLength : 0,
    };

    memcpy(&record.provider, &event->Header.Guid, sizeof(record.provider));
    if (s && !s->muted)
        s->options.record(s->options.context, &record);
}

static bool query(struct trace_session *s, struct properties *p)
{
    fill_query(p, &s->options);
    return !s->api.control(0, s->options.name, &p->trace, EVENT_TRACE_CONTROL_QUERY);
}

static ULONG WINAPI on_buffer(EVENT_TRACE_LOGFILEW *log)
{
    struct trace_session *s = old_session ? old_session : log->Context;
    struct properties *p;

    if (s->muted)
        return FALSE;
    if (GetTickCount() - s->queried < QUERY_INTERVAL)
        return TRUE;
    s->queried = GetTickCount();
    p = malloc(sizeof(*p));
    if (p && query(s, p))
        account(s, p);
    free(p);
    return TRUE;
}

/* ---- starting ---- */

/* Is the session one of ours that a crash left behind? Its shape says so, for the kernel logger has one name for everybody. */
static bool is_left_over(const struct trace_session *s, const struct properties *p)
{
    return !s->options.shared || (p->trace.EnableFlags == s->options.kernel_flags && p->trace.BufferSize == BUFFER_KILOBYTES &&
                                  p->trace.FlushTimer == 1 && p->trace.LogFileMode == EVENT_TRACE_REAL_TIME_MODE);
}

/* Joins somebody else's session, adding the flags that it lacks. */
static DWORD adopt(struct trace_session *s, struct properties *p)
{
    DWORD error = ERROR_SUCCESS;

    if (!(p->trace.LogFileMode & EVENT_TRACE_REAL_TIME_MODE))
        return ERROR_ALREADY_EXISTS; /* it writes a file only: nothing to be had */
    if ((p->trace.EnableFlags & s->options.kernel_flags) != s->options.kernel_flags) {
        p->trace.EnableFlags |= s->options.kernel_flags;
        error = s->api.control(0, s->options.name, &p->trace, EVENT_TRACE_CONTROL_UPDATE);
    }
    if (error)
        return error;
    s->foreign = true;
    s->session = 0;
    s->events_lost = p->trace.EventsLost;
    s->buffers_lost = p->trace.RealTimeBuffersLost;
    return ERROR_SUCCESS;
}

/* A session of this name runs. ERROR_ALREADY_EXISTS: it was ended, try again. */
static DWORD resolve(struct trace_session *s, struct properties *p)
{
    if (!query(s, p))
        return ERROR_ALREADY_EXISTS;
    if (!is_left_over(s, p))
        return adopt(s, p);
    fill_query(p, &s->options);
    s->api.control(0, s->options.name, &p->trace, EVENT_TRACE_CONTROL_STOP);
    Sleep(RETRY_FIRST);
    return ERROR_ALREADY_EXISTS;
}

static DWORD start(struct trace_session *s, struct properties *p)
{
    DWORD error = ERROR_ALREADY_EXISTS;

    s->foreign = false;
    s->events_lost = s->buffers_lost = 0;
    for (unsigned i = 0; error == ERROR_ALREADY_EXISTS && i < START_ATTEMPTS; i++) {
        fill(p, &s->options);
        error = s->api.start(&s->session, s->options.name, &p->trace);
        if (error == ERROR_ALREADY_EXISTS)
            error = resolve(s, p);
    }
    return error;
}

/* Only the event that is wanted; where filters by id are not known (before Windows 8.1), everything. */
static DWORD enable(struct trace_session *s)
{
    struct {
        BYTE in, reserved;
        USHORT count, id;
    } filter = { 1, 0, 1, s->options.event_id };
    EVENT_FILTER_DESCRIPTOR descriptor = { (ULONGLONG)(ULONG_PTR)&filter, sizeof(filter), FILTER_TYPE_EVENT_ID };
    struct {
        ULONG version, property, control;
        GUID source;
        EVENT_FILTER_DESCRIPTOR *filters;
        ULONG count;
    } parameters = { 2, 0, 0, { 0 }, &descriptor, 1 };
    DWORD error = s->api.enable(s->session, s->options.provider, EVENT_CONTROL_CODE_ENABLE_PROVIDER, TRACE_LEVEL_INFORMATION, 0, 0, 0,
                                &parameters);

    if (error == ERROR_INVALID_PARAMETER)
        error = s->api.enable(s->session, s->options.provider, EVENT_CONTROL_CODE_ENABLE_PROVIDER, TRACE_LEVEL_INFORMATION, 0, 0, 0, NULL);
    return error;
}

static DWORD open_trace(struct trace_session *s)
{
    EVENT_TRACE_LOGFILEW log = { .LoggerName = (wchar_t *)s->options.name, .BufferCallback = on_buffer, .Context = s };

    if (system_version() >= 0x0600) {
        log.ProcessTraceMode = PROCESS_TRACE_MODE_REAL_TIME | PROCESS_TRACE_MODE_EVENT_RECORD;
        log.EventRecordCallback = on_record;
    } else {
        old_session = s;
        log.LogFileMode = EVENT_TRACE_REAL_TIME_MODE;
        log.EventCallback = on_old_event;
    }
    s->trace = s->api.open(&log);
    return is_open(s->trace) ? ERROR_SUCCESS : GetLastError() ? GetLastError() : ERROR_OPEN_FAILED;
}

static void close_trace(struct trace_session *s)
{
    if (is_open(s->trace))
        s->api.close(s->trace);
    s->trace = 0;
}

/* Somebody else's session goes on. */
static void end_session(struct trace_session *s, struct properties *p)
{
    fill_query(p, &s->options);
    if (!s->foreign && !s->api.control(0, s->options.name, &p->trace, EVENT_TRACE_CONTROL_STOP))
        account(s, p);
}

/* Lock held. */
static DWORD begin(struct trace_session *s)
{
    struct properties *p = malloc(sizeof(*p));
    DWORD error = p ? start(s, p) : ERROR_OUTOFMEMORY;

    if (error) {
        free(p);
        return error;
    }
    if (s->options.provider && !s->foreign)
        error = enable(s);
    if (!error)
        error = open_trace(s);
    if (error)
        end_session(s, p);
    free(p);
    return error;
}

/* ---- the thread ---- */

/* False: stop. */
static bool begin_again(struct trace_session *s)
{
    DWORD wait = RETRY_FIRST, told = ERROR_SUCCESS, error = ERROR_RETRY;

    s->options.ended(s->options.context, ERROR_SUCCESS);
    while (error && WaitForSingleObject(s->stop, wait) == WAIT_TIMEOUT) {
        EnterCriticalSection(&s->lock);
        error = WaitForSingleObject(s->stop, 0) == WAIT_TIMEOUT ? begin(s) : ERROR_SUCCESS;
        LeaveCriticalSection(&s->lock);
        if (error && error != told)
            s->options.ended(s->options.context, told = error);
        wait = wait * 2 > RETRY_LAST ? RETRY_LAST : wait * 2;
    }
    return WaitForSingleObject(s->stop, 0) == WAIT_TIMEOUT;
}

static DWORD WINAPI consume(void *context)
{
    struct trace_session *s = context;
    bool running = true;

    while (running) {
        TRACEHANDLE trace = s->trace;

        s->api.process(&trace, 1, NULL, NULL);
        EnterCriticalSection(&s->lock);
        close_trace(s);
        running = WaitForSingleObject(s->stop, 0) == WAIT_TIMEOUT;
        LeaveCriticalSection(&s->lock);
        if (running)
            running = begin_again(s);
    }
    return 0;
}

static void destroy(struct trace_session *s)
{
    if (old_session == s)
        old_session = NULL;
    if (s->thread)
        CloseHandle(s->thread);
    if (s->stop)
        CloseHandle(s->stop);
    DeleteCriticalSection(&s->lock);
    free(s);
}

DWORD trace_session_open(struct trace_session **out, const struct trace_session_options *options)
{
    struct trace_session *s = calloc(1, sizeof(*s));
    DWORD error = ERROR_SUCCESS;

    if (!s)
        return ERROR_OUTOFMEMORY;
    InitializeCriticalSection(&s->lock);
    s->options = *options;
    s->queried = GetTickCount();
    if (!trace_api_load(&s->api) || (options->provider && !s->api.enable))
        error = ERROR_NOT_SUPPORTED;
    if (!error && !(s->stop = CreateEventW(NULL, TRUE, FALSE, NULL)))
        error = GetLastError();
    if (!error)
        error = begin(s);
    if (error) {
        destroy(s);
        return error;
    }
    s->thread = CreateThread(NULL, 0, consume, s, 0, NULL);
    if (!s->thread) {
        error = GetLastError();
        trace_session_close(s);
        return error;
    }
    SetThreadPriority(s->thread, THREAD_PRIORITY_ABOVE_NORMAL); /* it only sorts out and copies */
    *out = s;
    return ERROR_SUCCESS;
}

void trace_session_close(struct trace_session *s)
{
    struct properties *p;

    if (!s)
        return;
    p = malloc(sizeof(*p));
    EnterCriticalSection(&s->lock);
    SetEvent(s->stop);
    if (p)
        end_session(s, p);
    close_trace(s); /* what was flushed is still delivered */
    LeaveCriticalSection(&s->lock);
    free(p);
    if (s->thread && WaitForSingleObject(s->thread, JOIN_LIMIT) != WAIT_OBJECT_0) {
        InterlockedExchange(&s->muted, 1); /* ETW does not let go: its callbacks must find the memory */
        return;
    }
    destroy(s);
}
