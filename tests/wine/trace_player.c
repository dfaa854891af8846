/* SPDX-License-Identifier: MIT */
/*
 * Event tracing played from files, in place of trace_api.c: Wine's is a fake. Every call is written to C:\trace.log; ProcessTrace delivers
 * the records of C:\trace-SESSION.bin as the real one would, then waits until the session is stopped.
 *
 * A session of the program's own name exists at first, as after a crash, and the counters say that something was lost.
 */
#include "trace_api.h"

#include <evntcons.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS 4

/* Head of a record in a file; its data follow. */
struct head {
    GUID provider;
    LONGLONG time; /* 0: now */
    ULONG pid;
    USHORT id, flags, size;
    UCHAR version, opcode;
};

static struct session {
    wchar_t name[64];
    bool left_over, running;
    HANDLE stopped;
    EVENT_TRACE_LOGFILEW log;
} sessions[SESSIONS];

static struct session *session_of(LPCWSTR name)
{
    for (unsigned i = 0; i < SESSIONS; i++) {
        if (!sessions[i].name[0]) {
            wcsncpy(sessions[i].name, name, 63);
            sessions[i].left_over = true;
            sessions[i].stopped = CreateEventW(NULL, TRUE, FALSE, NULL);
        }
        if (!wcscmp(sessions[i].name, name))
            return &sessions[i];
    }
    abort();
}

static void note(const char *call, LPCWSTR name, unsigned long a, unsigned long b)
{
    FILE *out = fopen("C:\\trace.log", "a");

    if (!out)
        return;
    fprintf(out, "%s %ls %lx %lx\n", call, name, a, b);
    fclose(out);
}

static ULONG WINAPI start(TRACEHANDLE *handle, LPCWSTR name, EVENT_TRACE_PROPERTIES *p)
{
    struct session *s = session_of(name);

    note("start", name, p->LogFileMode, p->EnableFlags);
    if (s->left_over || s->running)
        return ERROR_ALREADY_EXISTS;
    s->running = true;
    ResetEvent(s->stopped);
    *handle = 7;
    return ERROR_SUCCESS;
}

static ULONG WINAPI control(TRACEHANDLE handle, LPCWSTR name, EVENT_TRACE_PROPERTIES *p, ULONG code)
{
    struct session *s = session_of(name);

    note("control", name, code, s->left_over);
    if (!s->left_over && !s->running)
        return ERROR_WMI_INSTANCE_NOT_FOUND;
    p->EventsLost = s->left_over ? 0 : 7;
    p->RealTimeBuffersLost = s->left_over ? 0 : 2;
    if (code == EVENT_TRACE_CONTROL_STOP) {
        s->left_over = s->running = false;
        SetEvent(s->stopped);
    }
    return ERROR_SUCCESS;
}

static ULONG WINAPI enable(TRACEHANDLE handle, const GUID *provider, ULONG code, UCHAR level, ULONGLONG any, ULONGLONG all,
                           ULONG timeout, void *parameters)
{
    note("enable", L"", provider->Data1, parameters != NULL);
    return parameters ? ERROR_INVALID_PARAMETER : ERROR_SUCCESS; /* as before Windows 8.1 */
}

static TRACEHANDLE WINAPI open_trace(EVENT_TRACE_LOGFILEW *log)
{
    struct session *s = session_of(log->LoggerName);

    note("open", log->LoggerName, log->ProcessTraceMode, 0);
    s->log = *log;
    return (TRACEHANDLE)(s - sessions) + 1;
}

static void deliver(const struct session *s, const struct head *head, void *data)
{
    EVENT_RECORD record = { .UserData = data, .UserDataLength = head->size, .UserContext = s->log.Context };
    FILETIME now;

    GetSystemTimeAsFileTime(&now);
    record.EventHeader.ProviderId = head->provider;
    record.EventHeader.ProcessId = head->pid;
    record.EventHeader.Flags = head->flags;
    record.EventHeader.EventDescriptor.Id = head->id;
    record.EventHeader.EventDescriptor.Version = head->version;
    record.EventHeader.EventDescriptor.Opcode = head->opcode;
    record.EventHeader.TimeStamp.QuadPart = head->time ? head->time : (LONGLONG)now.dwHighDateTime << 32 | now.dwLowDateTime;
    s->log.EventRecordCallback(&record);
}

static void play(struct session *s)
{
    wchar_t path[100];
    struct head head;
    FILE *in;

    _snwprintf(path, 100, L"C:\\trace-%ls.bin", s->name);
    in = _wfopen(path, L"rb");
    while (in && fread(&head, sizeof(head), 1, in) == 1) {
        BYTE *data = malloc(head.size + 1u);

        if (data && fread(data, 1, head.size, in) == head.size)
            deliver(s, &head, data);
        free(data);
    }
    if (in)
        fclose(in);
}

static ULONG WINAPI process(TRACEHANDLE *traces, ULONG count, FILETIME *from, FILETIME *until)
{
    struct session *s = &sessions[traces[0] - 1];

    play(s);
    while (WaitForSingleObject(s->stopped, 1000) == WAIT_TIMEOUT) {
        EVENT_TRACE_LOGFILEW log = s->log;

        s->log.BufferCallback(&log);
    }
    return ERROR_SUCCESS;
}

static ULONG WINAPI close_trace(TRACEHANDLE trace)
{
    note("close", L"", 0, 0);
    return ERROR_SUCCESS;
}

bool trace_api_load(struct trace_api *out)
{
    *out = (struct trace_api){ start, control, open_trace, process, close_trace, enable };
    return true;
}
