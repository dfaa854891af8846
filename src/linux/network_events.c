/* SPDX-License-Identifier: MIT */
#include "linux/network_events.h"

#include "linux/actor.h"
#include "linux/services.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

unsigned address_format(char out[ADDRESS_TEXT_SIZE], const uint8_t address[16], bool ipv6)
{
    unsigned size = 0;

    if (!ipv6) {
        for (int i = 0; i < 4; i++) {
            if (i)
                out[size++] = '.';
            size += format_decimal(out + size, address[i]);
        }
        return size;
    }
    for (int i = 0; i < 8; i++)
        size += (unsigned)snprintf(out + size, ADDRESS_TEXT_SIZE - size, i ? ":%x" : "%x",
                                   address[2 * i] << 8 | address[2 * i + 1]);
    return size;
}

struct end_fields {
    unsigned is_ipv6, ip, port, port_name;
};

static const struct end_fields source = { NETWORK_CONNECT_SourceIsIpv6, NETWORK_CONNECT_SourceIp, NETWORK_CONNECT_SourcePort,
                                          NETWORK_CONNECT_SourcePortName };
static const struct end_fields destination = { NETWORK_CONNECT_DestinationIsIpv6, NETWORK_CONNECT_DestinationIp,
                                               NETWORK_CONNECT_DestinationPort, NETWORK_CONNECT_DestinationPortName };

static void set_end(struct event *event, const struct end_fields *fields, const struct wire_connection *connection,
                    const uint8_t address[16], uint16_t port, struct text_arena *arena)
{
    char *text = text_take(arena, ADDRESS_TEXT_SIZE);

    event_set_number(event, fields->is_ipv6, connection->ipv6);
    if (text)
        event_set_text(event, fields->ip, text, address_format(text, address, connection->ipv6));
    event_set_number(event, fields->port, port);
    event_set_string(event, fields->port_name, service_name(port, connection->protocol == IPPROTO_UDP));
}

static void add_extras(struct event *event, const struct wire_connection *connection, const struct process *process,
                       struct text_arena *arena)
{
    const char *error = connection->error ? strerrorname_np(connection->error) : NULL;

    actor_extras(event, process, arena);
    if (error)
        event_add_extra(event, "Error", error, strlen(error), false);
    if (connection->guessed)
        event_add_extra(event, "ProcessIsListener", "true", 4, false);
}

void network_event(struct event *event, struct processes *processes, const struct wire_connection *connection,
                   const struct process *process, struct text_arena *arena)
{
    const struct end_fields *local = connection->initiated ? &source : &destination;
    const struct end_fields *remote = connection->initiated ? &destination : &source;

    actor_begin(event, EVENT_NETWORK_CONNECT, &connection->header, process, processes->users);
    event_set_string(event, NETWORK_CONNECT_Protocol, connection->protocol == IPPROTO_UDP ? "udp" : "tcp");
    event_set_number(event, NETWORK_CONNECT_Initiated, connection->initiated);
    set_end(event, local, connection, connection->local, connection->local_port, arena);
    set_end(event, remote, connection, connection->remote, connection->remote_port, arena);
    add_extras(event, connection, process, arena);
}
