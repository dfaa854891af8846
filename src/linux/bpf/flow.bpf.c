/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Packets of the root control group: the first datagram of a UDP flow (event 3); those from and to port 53 go on to
 * dns.bpf.c. A flow is a socket with a pair of addresses and ports; whoever speaks first decides its direction, and it is
 * new again after half an hour of silence.
 *
 * Outgoing packets pass here in the sender's context. Incoming ones do not: whose socket it is was noted when it was bound, or
 * when it sent, or at start.
 */
#include "packet.h"
#include "record.h"
#include "sensor.h"

#define FLOW_SILENCE_NS (1800ull * 1000000000)
#define FLOW_TOUCH_NS 60000000000ull

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, struct flow);
    __type(value, __u64); /* when it was last heard of */
} flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, __u64); /* socket cookie */
    __type(value, struct wire_header);
} socket_owner SEC(".maps");

struct ipv4 {
    __u8 version_length, service;
    __be16 length, id, fragment;
    __u8 time, protocol;
    __u16 checksum;
    __u8 source[4], destination[4];
};

struct ipv6 {
    __be32 version_class_flow;
    __be16 length;
    __u8 next, hops;
    __u8 source[16], destination[16];
};

enum { EXTENSION_HOPS = 0, EXTENSION_ROUTING = 43, EXTENSION_FRAGMENT = 44, EXTENSION_DESTINATION = 60 };

/* Up to the header behind IPv6 extensions. */
static __always_inline __u32 skip_extensions(struct __sk_buff *skb, __u32 at, __u8 *next)
{
    for (int i = 0; i < 4; i++) {
        __u8 head[2];

        if (*next != EXTENSION_HOPS && *next != EXTENSION_ROUTING && *next != EXTENSION_DESTINATION)
            break;
        if (bpf_skb_load_bytes(skb, at, head, 2))
            break;
        *next = head[0];
        at += (head[1] + 1) * 8;
    }
    return at;
}

/* Addresses, ports and where the payload begins; false when the packet is of no interest. */
static __always_inline bool parse(struct packet *out, struct __sk_buff *skb, bool outgoing)
{
    void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    __u8 protocol;
    __be16 ports[2];
    __u32 at;

    if (skb->protocol == bpf_htons(0x0800)) {
        struct ipv4 *ip = data;

        if ((void *)(ip + 1) > end)
            return false;
        protocol = ip->protocol;
        if (protocol != IPPROTO_UDP && protocol != IPPROTO_TCP)
            return false;
        if (protocol == IPPROTO_TCP && !(wanted & SENSOR_DNS))
            return false;
        if (ip->fragment & bpf_htons(0x1fff)) /* not the first fragment: no ports */
            return false;
        at = (ip->version_length & 15) * 4;
        __builtin_memcpy(outgoing ? out->flow.local : out->flow.remote, ip->source, 4);
        __builtin_memcpy(outgoing ? out->flow.remote : out->flow.local, ip->destination, 4);
    } else if (skb->protocol == bpf_htons(0x86dd)) {
        struct ipv6 *ip = data;

        if ((void *)(ip + 1) > end)
            return false;
        protocol = ip->next;
        __builtin_memcpy(outgoing ? out->flow.local : out->flow.remote, ip->source, 16);
        __builtin_memcpy(outgoing ? out->flow.remote : out->flow.local, ip->destination, 16);
        out->ipv6 = 1;
        at = skip_extensions(skb, sizeof *ip, &protocol);
        if (protocol != IPPROTO_UDP && (protocol != IPPROTO_TCP || !(wanted & SENSOR_DNS)))
            return false;
    } else {
        return false;
    }
    if (bpf_skb_load_bytes(skb, at, ports, 4))
        return false;
    out->flow.local_port = bpf_ntohs(ports[outgoing ? 0 : 1]);
    out->flow.remote_port = bpf_ntohs(ports[outgoing ? 1 : 0]);
    out->protocol = protocol;
    out->transport = at;
    out->outgoing = outgoing;
    if (protocol == IPPROTO_UDP) {
        out->payload = at + 8;
    } else {
        __u8 length;

        if (out->flow.remote_port != DNS_PORT)
            return false;
        if (bpf_skb_load_bytes(skb, at + 12, &length, 1))
            return false;
        out->payload = at + (length >> 4) * 4;
    }
    return true;
}

/* Who has the socket. Of an outgoing packet the task that runs; the note is for what comes in. */
static __always_inline bool owner_of(struct wire_header *out, const struct packet *packet)
{
    struct wire_header *noted;
    __u64 cookie = packet->flow.cookie;

    if (packet->outgoing) {
        header_identity(out, (struct task_struct *)bpf_get_current_task());
        bpf_map_update_elem(&socket_owner, &cookie, out, BPF_ANY);
        return true;
    }
    noted = bpf_map_lookup_elem(&socket_owner, &cookie);
    if (!noted) {
        __builtin_memset(out, 0, sizeof *out);
        return false;
    }
    *out = *noted;
    return true;
}

static __always_inline void tell_flow(const struct packet *packet, struct __sk_buff *skb)
{
    struct wire_connection out;

    __builtin_memset(&out, 0, sizeof out);
    owner_of(&out.header, packet);
    if (out.header.pid == own_pid)
        return;
    out.header.time = bpf_ktime_get_boot_ns();
    out.socket = packet->flow.cookie;
    out.protocol = IPPROTO_UDP;
    out.ipv6 = packet->ipv6;
    out.initiated = packet->outgoing;
    out.local_port = packet->flow.local_port;
    out.remote_port = packet->flow.remote_port;
    __builtin_memcpy(out.local, packet->flow.local, 16);
    __builtin_memcpy(out.remote, packet->flow.remote, 16);
    send_connection(&out);
}

static __always_inline void note_flow(const struct packet *packet, struct __sk_buff *skb)
{
    __u64 now = bpf_ktime_get_boot_ns(), *last = bpf_map_lookup_elem(&flows, &packet->flow);

    if (last && now - *last < FLOW_SILENCE_NS) {
        if (now - *last > FLOW_TOUCH_NS)
            *last = now;
        return;
    }
    bpf_map_update_elem(&flows, &packet->flow, &now, BPF_ANY);
    tell_flow(packet, skb);
}

static __always_inline int see_packet(struct __sk_buff *skb, bool outgoing)
{
    struct packet packet;

    __builtin_memset(&packet, 0, sizeof packet);
    if (!skb->sk || !parse(&packet, skb, outgoing))
        return 1;
    packet.flow.cookie = bpf_get_socket_cookie(skb);
    if (packet.protocol == IPPROTO_UDP && wanted & SENSOR_UDP)
        note_flow(&packet, skb);
    if (wanted & SENSOR_DNS && packet.flow.remote_port == DNS_PORT)
        dns_packet(skb, &packet);
    return 1;
}

SEC("cgroup_skb/egress")
int packet_out(struct __sk_buff *skb)
{
    return see_packet(skb, true);
}

SEC("cgroup_skb/ingress")
int packet_in(struct __sk_buff *skb)
{
    return see_packet(skb, false);
}

static __always_inline int note_bound(struct bpf_sock *sk)
{
    struct wire_header header;
    __u64 cookie;

    if (sk->protocol != IPPROTO_UDP)
        return 1;
    cookie = bpf_get_socket_cookie(sk);
    __builtin_memset(&header, 0, sizeof header);
    header_identity(&header, (struct task_struct *)bpf_get_current_task());
    bpf_map_update_elem(&socket_owner, &cookie, &header, BPF_ANY);
    return 1;
}

SEC("cgroup/post_bind4")
int socket_bound4(struct bpf_sock *sk)
{
    return note_bound(sk);
}

SEC("cgroup/post_bind6")
int socket_bound6(struct bpf_sock *sk)
{
    return note_bound(sk);
}
