/* SPDX-License-Identifier: MIT */
/* Event 22: finished queries of the DNS client (spec 01 section 3.4, 09 section 6). Windows 8.1 and later. */
#include "dns_decode.h"
#include "sources.h"
#include "system.h"
#include "trace_session.h"

#include "sysmon/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source {
    struct monitor *monitor;
    struct trace_session *session;
};

struct seen {
    struct dns_query query; /* its texts follow, name first */
    uint8_t text[];
};

static int make(struct monitor *monitor, struct pool *pool, void *data, size_t size, struct event *out)
{
    struct seen *seen = data;

    if (size < sizeof(*seen) + seen->query.name_size + seen->query.results_size)
        return -EINVAL;
    seen->query.name = seen->text;
    seen->query.results = seen->text + seen->query.name_size;
    return dns_event(monitor_translator(monitor), pool, &seen->query, out);
}

static void post(struct source *source, const struct dns_query *query)
{
    size_t size = sizeof(struct seen) + query->name_size + query->results_size;
    struct seen *seen = malloc(size);

    if (!seen) {
        monitor_lost(source->monitor, EVENT_DNS_QUERY, LOSS_NO_MEMORY, 1);
        return;
    }
    seen->query = *query;
    memcpy(seen->text, query->name, query->name_size);
    memcpy(seen->text + query->name_size, query->results, query->results_size);
    monitor_post(source->monitor, EVENT_DNS_QUERY, make, seen, size);
    free(seen);
}

/* Our own look-ups for event 3 are no news, and would make more of them. */
static void on_record(void *context, const struct trace_record *record)
{
    struct source *source = context;
    struct dns_query query;
    int status = record->pid == GetCurrentProcessId() ? 0 : dns_decode(&query, record);

    if (status < 0)
        monitor_lost(source->monitor, EVENT_DNS_QUERY, LOSS_BAD_RECORD, 1);
    if (status > 0)
        post(source, &query);
}

static void on_lost(void *context, uint64_t events, uint64_t buffers)
{
    struct source *source = context;
    char text[160];

    monitor_lost(source->monitor, EVENT_DNS_QUERY, LOSS_SOURCE_FULL, events + buffers);
    if (!buffers)
        return;
    snprintf(text, sizeof(text), "%llu buffers of DNS events were lost unread", (unsigned long long)buffers);
    monitor_error(source->monitor, dns_source.name, text);
}

static void on_ended(void *context, DWORD error)
{
    struct source *source = context;

    if (error)
        monitor_error_code(source->monitor, dns_source.name, "The trace session cannot be started again, it will be tried", error);
    else
        monitor_error(source->monitor, dns_source.name, "Another program ended the trace session, it is started again");
}

static DWORD start(struct monitor *monitor, const struct settings *settings, void **state)
{
    struct source *source;
    struct trace_session_options options = {
        .name = L"SysmonDnsEtwSession", .provider = (const GUID *)&dns_client_provider, .event_id = DNS_EVENT_QUERY_COMPLETED,
        .record = on_record, .lost = on_lost, .ended = on_ended,
    };
    DWORD error;

    (void)settings;
    if (system_version() < 0x0603)
        return ERROR_NOT_SUPPORTED;
    source = calloc(1, sizeof(*source));
    if (!source)
        return ERROR_OUTOFMEMORY;
    source->monitor = monitor;
    options.context = source;
    error = trace_session_open(&source->session, &options);
    if (error)
        free(source);
    else
        *state = source;
    return error;
}

static void stop(void *state)
{
    struct source *source = state;

    trace_session_close(source->session);
    free(source);
}

static bool wanted(const struct settings *settings, const struct ruleset *rules)
{
    (void)rules;
    return settings->options & WIRE_OPTION_DNS;
}

const struct monitor_source dns_source = { "Dns", EVENT_DNS_QUERY, wanted, start, stop, NULL, NULL, NULL };
