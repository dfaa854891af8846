/* SPDX-License-Identifier: MIT */
#include "network_event.h"

#include <stdio.h>

struct match_text network_address_text(struct pool *pool, const uint8_t address[16], bool ipv6)
{
    char text[48];
    unsigned group[8];

    if (!ipv6)
        return pool_text(pool, text, (size_t)snprintf(text, sizeof(text), "%u.%u.%u.%u", address[0], address[1], address[2], address[3]));
    for (unsigned i = 0; i < 8; i++)
        group[i] = (unsigned)address[2 * i] << 8 | address[2 * i + 1];
    return pool_text(pool, text, (size_t)snprintf(text, sizeof(text), "%x:%x:%x:%x:%x:%x:%x:%x", group[0], group[1], group[2], group[3],
                                                  group[4], group[5], group[6], group[7]));
}

static void set(struct event *event, unsigned field, struct match_text text)
{
    event_set_text(event, field, text.data, text.size);
}

/* The five fields of one end start at `first`: IsIpv6, Ip, Hostname, Port, PortName. */
static void set_end(struct event *event, struct pool *pool, unsigned first, const struct network_end *end, const struct network_flow *flow,
                    const struct network_names *names)
{
    event_set_number(event, first, flow->ipv6);
    set(event, first + 1, network_address_text(pool, end->address, flow->ipv6));
    event_set_number(event, first + 3, end->port);
    if (!names)
        return;
    set(event, first + 2, names->host(names->context, pool, end->address, flow->ipv6));
    if (end->port && end->port <= NETWORK_LAST_NAMED_PORT)
        set(event, first + 4, names->port(names->context, pool, end->port, flow->udp));
}

_Static_assert(NETWORK_CONNECT_SourcePortName == NETWORK_CONNECT_SourceIsIpv6 + 4 &&
                   NETWORK_CONNECT_DestinationPortName == NETWORK_CONNECT_DestinationIsIpv6 + 4,
               "fields of an end follow each other");

int network_event(struct translator *translator, struct pool *pool, const struct network_flow *flow, const struct network_names *names,
                  struct event *out)
{
    struct process_view view;

    translate_process(translator, pool, flow->pid, flow->time, 0, &view);
    event_init(out, catalogue_find(EVENT_NETWORK_CONNECT), CATALOGUE_WINDOWS);
    event_set_time(out, NETWORK_CONNECT_UtcTime, flow->time);
    event_set_guid(out, NETWORK_CONNECT_ProcessGuid, &view.guid);
    event_set_number(out, NETWORK_CONNECT_ProcessId, flow->pid);
    set(out, NETWORK_CONNECT_Image, view.image);
    set(out, NETWORK_CONNECT_User, view.user);
    event_set_string(out, NETWORK_CONNECT_Protocol, flow->udp ? "udp" : "tcp");
    event_set_number(out, NETWORK_CONNECT_Initiated, flow->initiated);
    set_end(out, pool, NETWORK_CONNECT_SourceIsIpv6, &flow->source, flow, names);
    set_end(out, pool, NETWORK_CONNECT_DestinationIsIpv6, &flow->destination, flow, names);
    return 0;
}
