/* SPDX-License-Identifier: MIT */
#include "linux/dns_events.h"

#include "linux/actor.h"
#include "linux/dns_queries.h"
#include "linux/dns_streams.h"
#include "linux/monitor_state.h"
#include "linux/network_events.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct dns_events {
    struct monitor *monitor;
    struct dns_queries *queries;
    struct dns_streams *streams;
    const struct wire_dns *packet; /* the one at hand */
    struct dns_message message;
};

static void add_extras(struct event *event, const struct dns_query *query, const struct process *process,
                       struct text_arena *arena)
{
    char *type = text_take(arena, 16), *server = text_take(arena, ADDRESS_TEXT_SIZE);
    const char *type_name = type ? dns_type_name(type, query->type) : NULL;

    if (type_name)
        event_add_extra(event, "QueryType", type_name, strlen(type_name), false);
    if (server)
        event_add_extra(event, "Server", server, address_format(server, query->remote, query->ipv6), false);
    event_add_extra(event, "Protocol", query->protocol == IPPROTO_UDP ? "udp" : "tcp", 3, false);
    actor_extras(event, process, arena);
}

static void fill(struct monitor *monitor, const struct process *process, const struct dns_query *query, unsigned status,
                 struct match_text results)
{
    struct event *event = &monitor->event;
    char *number = text_take(&monitor->arena, FORMAT_DECIMAL_SIZE);

    actor_begin(event, EVENT_DNS_QUERY, &query->header, process, monitor->processes.users);
    event_set_text(event, DNS_QUERY_QueryName, query->name, query->name_size);
    if (number)
        event_set_text(event, DNS_QUERY_QueryStatus, number, format_decimal(number, status));
    event_set_text(event, DNS_QUERY_QueryResults, results.data, results.size);
    add_extras(event, query, process, &monitor->arena);
}

/* What the process knows already is no news (spec 01 section 3.4). */
static void answered(void *context, const struct dns_query *query, unsigned status, const char *data, size_t size)
{
    struct dns_events *events = context;
    struct monitor *monitor = events->monitor;
    struct accounting_row *row = accounting_of(&monitor->emitter.accounting, catalogue_find(EVENT_DNS_QUERY));
    const struct match_text name = { query->name, query->name_size }, results = { data ? data : "", (uint32_t)size };
    const struct process *process = processes_of(&monitor->processes, &query->header, &monitor->arena);

    row->held--;
    if (!process) {
        emitter_lost(&monitor->emitter, EVENT_DNS_QUERY, LOSS_NO_MEMORY, 1);
    } else if (!process_table_dns_new(monitor->processes.table, process, name, results, status)) {
        row->filtered++;
    } else {
        fill(monitor, process, query, status, results);
        emitter_emit(&monitor->emitter, &monitor->event);
    }
}

static void asked(struct dns_events *events)
{
    struct emitter *emitter = &events->monitor->emitter;
    int result = dns_queries_asked(events->queries, events->packet, &events->message);

    if (!result)
        return;
    emitter_saw(emitter, EVENT_DNS_QUERY);
    if (result < 0)
        emitter_lost(emitter, EVENT_DNS_QUERY, LOSS_NO_MEMORY, 1);
    else
        accounting_of(&emitter->accounting, catalogue_find(EVENT_DNS_QUERY))->held++;
}

/* What is no DNS message is no query either. */
static void on_message(void *context, const uint8_t *data, size_t size)
{
    struct dns_events *events = context;
    struct dns_message *message = &events->message;

    if (dns_parse(message, data, size) || message->response == (bool)events->packet->outgoing)
        return;
    if (events->packet->outgoing)
        asked(events);
    else
        dns_queries_answered(events->queries, events->packet, message, data, size);
}

bool dns_events_packet(struct dns_events *events, const void *record, size_t size)
{
    const struct wire_dns *packet;
    struct match_text payload;

    if (decode_dns(&packet, &payload, record, size))
        return false;
    events->packet = packet;
    if (packet->protocol == IPPROTO_UDP)
        on_message(events, (const uint8_t *)payload.data, payload.size);
    else if (dns_streams_add(events->streams, packet->socket, packet->outgoing, packet->sequence, (const uint8_t *)payload.data,
                             payload.size, on_message, events)) {
        emitter_saw(&events->monitor->emitter, EVENT_DNS_QUERY);
        emitter_lost(&events->monitor->emitter, EVENT_DNS_QUERY, LOSS_NO_MEMORY, 1);
    }
    return true;
}

void dns_events_ended(struct dns_events *events, const struct wire_header *ended)
{
    dns_queries_abandoned(events->queries, ended);
}

void dns_events_settle(struct dns_events *events)
{
    if (dns_queries_due(events->queries) != UINT64_MAX)
        dns_queries_expire(events->queries, monitor_now());
}

int dns_events_wait(const struct dns_events *events)
{
    uint64_t due = dns_queries_due(events->queries), now;

    if (due == UINT64_MAX)
        return -1;
    now = monitor_now();
    return due <= now ? 0 : (int)((due - now) / 1000000 + 1);
}

void dns_events_finish(struct dns_events *events)
{
    dns_queries_finish(events->queries);
}

int dns_events_create(struct dns_events **out, struct monitor *monitor)
{
    struct dns_events *events = calloc(1, sizeof *events);
    int result = -1;

    if (events) {
        events->monitor = monitor;
        result = dns_queries_create(&events->queries, answered, events);
        if (!result)
            result = dns_streams_create(&events->streams);
    }
    if (result) {
        dns_events_destroy(events);
        return -ENOMEM;
    }
    *out = events;
    return 0;
}

void dns_events_destroy(struct dns_events *events)
{
    if (!events)
        return;
    dns_queries_destroy(events->queries);
    dns_streams_destroy(events->streams);
    free(events);
}
