/* SPDX-License-Identifier: MIT */
/*
 * A real-time session of event tracing and the thread that consumes it (spec 09 sections 5.2 to 5.6, 5.10, 6.1). A session of the same
 * name that a crash left behind is ended first; a session that somebody else ends is started again.
 */
#pragma once

#include "trace_record.h"

#include <windows.h>

struct trace_session;

struct trace_session_options {
    const wchar_t *name;
    GUID guid;                  /* zero: ETW makes one */
    ULONG mode;                 /* EVENT_TRACE_…_MODE beside real time */
    ULONG kernel_flags;         /* EVENT_TRACE_FLAG_…, for system loggers */
    bool shared;                /* the kernel logger: somebody else's session is used, not ended */
    const GUID *provider;       /* to enable, NULL: none. Borrowed as long as the session */
    uint16_t event_id;          /* of the provider */
    void *context;
    /* On the session's thread; the record lives only during the call. */
    void (*record)(void *context, const struct trace_record *record);
    /* Since the last call: events that found no buffer, and whole buffers that were not read in time. */
    void (*lost)(void *context, uint64_t events, uint64_t buffers);
    /* The session ended although nobody asked for it (error 0), or could not be started again (once per cause). */
    void (*ended)(void *context, DWORD error);
};

/* Windows error; ERROR_NOT_SUPPORTED when the system lacks what is asked for. */
DWORD trace_session_open(struct trace_session **out, const struct trace_session_options *options);
/* Ends the session, delivers what it still had, joins the thread. NULL is allowed. */
void trace_session_close(struct trace_session *session);
