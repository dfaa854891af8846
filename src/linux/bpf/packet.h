/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* A packet of TCP or UDP on its way out of or into a socket, as flow.bpf.c takes it apart. */
#pragma once

#include "kernel.h"

#define DNS_PORT 53

struct flow {
    __u64 cookie;
    __u8 local[16], remote[16];
    __u16 local_port, remote_port;
    __u32 unused;
};

struct packet {
    struct flow flow;
    __u32 transport, payload; /* offsets from the network header */
    __u8 protocol, ipv6, outgoing;
};
