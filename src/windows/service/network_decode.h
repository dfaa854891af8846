/* SPDX-License-Identifier: MIT */
/* Classic TcpIp and UdpIp events of the kernel logger (spec 09 sections 5.7 and 5.8). Portable. */
#pragma once

#include "trace_record.h"

/* Spec 01 section 3.3. */
enum network_kind {
    NETWORK_UNKNOWN,
    NETWORK_OTHER,
    NETWORK_SEND,
    NETWORK_RECEIVE,
    NETWORK_ACCEPT,
    NETWORK_CONNECT,
    NETWORK_DISCONNECT,
    NETWORK_RECONNECT,
    NETWORK_RETRANSMIT,
    NETWORK_TCP_COPY,
};

struct network_end {
    uint8_t address[16]; /* network order; IPv4: the first four, the rest zero */
    uint16_t port;       /* host order */
};

/* Plain data without padding that varies: copied through the queue and hashed in pieces. */
struct network_flow {
    uint64_t time;
    uint32_t pid;
    uint8_t kind; /* enum network_kind */
    bool udp, ipv6, initiated;
    struct network_end source, destination; /* as the event shows them */
};

extern const struct sysmon_guid network_tcp_class, network_udp_class;

/*
 * 1: `out` is a connection, an acceptance or a datagram; 0: an event that is of no interest (most are: this is the fast way);
 * -EBADMSG: an interesting one whose bytes are not what its version says.
 */
int network_decode(struct network_flow *out, const struct trace_record *record);
