/* SPDX-License-Identifier: MIT */
/* Event 3: the network events of a system logger (spec 01 section 3.3, 09 section 5). */
#include "flow_table.h"
#include "random.h"
#include "resolver.h"
#include "sources.h"
#include "system.h"
#include "trace_session.h"

#include "sysmon/wire.h"

#include <evntrace.h>
#include <stdio.h>
#include <stdlib.h>

#define SYSTEM_LOGGER_MODE 0x02000000u /* EVENT_TRACE_SYSTEM_LOGGER_MODE, Windows 8 */

struct source {
    struct monitor *monitor;
    struct trace_session *session;
    CRITICAL_SECTION lock; /* flows: the worker tells of ended processes */
    struct flow_table *flows;
    volatile LONG look_up;
};

struct seen {
    struct network_flow flow;
    bool look_up;
};

static int make(struct monitor *monitor, struct pool *pool, void *data, size_t size, struct event *out)
{
    const struct seen *seen = data;

    return network_event(monitor_translator(monitor), pool, &seen->flow, seen->look_up ? &resolver_names : NULL, out);
}

static bool is_new(struct source *source, const struct network_flow *flow)
{
    bool answer;

    if (!flow->udp)
        return true;
    EnterCriticalSection(&source->lock);
    answer = flow_table_is_new(source->flows, flow);
    LeaveCriticalSection(&source->lock);
    return answer;
}

static void on_record(void *context, const struct trace_record *record)
{
    struct source *source = context;
    struct seen seen = { .look_up = source->look_up };
    int status = network_decode(&seen.flow, record);

    if (status < 0)
        monitor_lost(source->monitor, EVENT_NETWORK_CONNECT, LOSS_BAD_RECORD, 1);
    if (status <= 0 || !is_new(source, &seen.flow))
        return;
    if (seen.look_up)
        resolver_want(&seen.flow);
    monitor_post(source->monitor, EVENT_NETWORK_CONNECT, make, &seen, sizeof(seen));
}

/* What is lost may have been data, which nobody reports: this is the most that can have been lost. */
static void on_lost(void *context, uint64_t events, uint64_t buffers)
{
    struct source *source = context;
    char text[160];

    monitor_lost(source->monitor, EVENT_NETWORK_CONNECT, LOSS_SOURCE_FULL, events + buffers);
    if (!buffers)
        return;
    snprintf(text, sizeof(text), "%llu buffers of network events were lost unread", (unsigned long long)buffers);
    monitor_error(source->monitor, network_source.name, text);
}

static void on_ended(void *context, DWORD error)
{
    struct source *source = context;

    if (error)
        monitor_error_code(source->monitor, network_source.name, "The trace session cannot be started again, it will be tried", error);
    else
        monitor_error(source->monitor, network_source.name, "Another program ended the trace session, it is started again");
}

/* A logger of our own on Windows 8; else, or when it is refused, the one that everybody shares. */
static DWORD open_session(struct source *source)
{
    /* {5d7f6e0b-8a3c-4f0e-9b52-6b1d0c7e41a9}: ours */
    static const GUID own = { 0x5d7f6e0b, 0x8a3c, 0x4f0e, { 0x9b, 0x52, 0x6b, 0x1d, 0x0c, 0x7e, 0x41, 0xa9 } };
    /* {9e814aad-3204-11d2-9a82-006008a86939}: SystemTraceControlGuid */
    static const GUID kernel = { 0x9e814aad, 0x3204, 0x11d2, { 0x9a, 0x82, 0x00, 0x60, 0x08, 0xa8, 0x69, 0x39 } };
    struct trace_session_options options = {
        .name = L"SYSMON TRACE", .guid = own, .mode = SYSTEM_LOGGER_MODE, .kernel_flags = EVENT_TRACE_FLAG_NETWORK_TCPIP,
        .context = source, .record = on_record, .lost = on_lost, .ended = on_ended,
    };
    DWORD error = ERROR_NOT_SUPPORTED;

    if (system_version() >= 0x0602)
        error = trace_session_open(&source->session, &options);
    if (error != ERROR_NOT_SUPPORTED && error != ERROR_INVALID_PARAMETER && error != ERROR_INVALID_FUNCTION)
        return error;
    options.name = KERNEL_LOGGER_NAMEW;
    options.guid = kernel;
    options.mode = 0;
    options.shared = true;
    return trace_session_open(&source->session, &options);
}

static void configure(void *state, const struct settings *settings)
{
    struct source *source = state;

    InterlockedExchange(&source->look_up, settings->dns_lookup && !resolver_open());
}

static void stop(void *state)
{
    struct source *source = state;

    trace_session_close(source->session);
    flow_table_destroy(source->flows);
    DeleteCriticalSection(&source->lock);
    free(source);
}

static DWORD start(struct monitor *monitor, const struct settings *settings, void **state)
{
    struct source *source = calloc(1, sizeof(*source));
    uint8_t key[16];
    DWORD error = ERROR_OUTOFMEMORY;

    if (!source)
        return error;
    InitializeCriticalSection(&source->lock);
    source->monitor = monitor;
    random_bytes(key, sizeof(key));
    if (!flow_table_create(&source->flows, 0, key)) {
        configure(source, settings);
        error = open_session(source);
    }
    if (error) {
        stop(source);
        return error;
    }
    *state = source;
    return ERROR_SUCCESS;
}

static void process_ended(void *state, uint32_t pid)
{
    struct source *source = state;

    EnterCriticalSection(&source->lock);
    flow_table_process_ended(source->flows, pid);
    LeaveCriticalSection(&source->lock);
}

static bool wanted(const struct settings *settings, const struct ruleset *rules)
{
    (void)rules;
    return settings->options & WIRE_OPTION_NETWORK;
}

const struct monitor_source network_source = { "Network", EVENT_NETWORK_CONNECT, wanted, start, stop, configure, process_ended, NULL };
