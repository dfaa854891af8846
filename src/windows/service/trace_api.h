/* SPDX-License-Identifier: MIT */
/* The functions of event tracing, found at run time: EnableTraceEx2 is newer than the oldest system, and tests play records instead. */
#pragma once

#include <stdbool.h>
#include <windows.h>
#include <evntrace.h>

struct trace_api {
    ULONG(WINAPI *start)(TRACEHANDLE *session, LPCWSTR name, EVENT_TRACE_PROPERTIES *properties);
    ULONG(WINAPI *control)(TRACEHANDLE session, LPCWSTR name, EVENT_TRACE_PROPERTIES *properties, ULONG code);
    TRACEHANDLE(WINAPI *open)(EVENT_TRACE_LOGFILEW *log);
    ULONG(WINAPI *process)(TRACEHANDLE *traces, ULONG count, FILETIME *start, FILETIME *end);
    ULONG(WINAPI *close)(TRACEHANDLE trace);
    /* EnableTraceEx2; NULL before Windows 7. */
    ULONG(WINAPI *enable)(TRACEHANDLE session, const GUID *provider, ULONG code, UCHAR level, ULONGLONG any, ULONGLONG all,
                          ULONG timeout, void *parameters);
};

/* False: this system has no event tracing. */
bool trace_api_load(struct trace_api *out);
