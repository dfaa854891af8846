/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Event 22: what goes to and comes from port 53. Packets come from flow.bpf.c, which sees them where the control groups
 * filter them: below the sockets, so that every resolver is seen, and with the socket at hand, so that an answer that arrives
 * in an interrupt finds its question.
 *
 * Who asks: the task whose system call names the socket, where there is one. A segment of TCP may be sent by an interrupt, and a
 * firewall may send the datagram on from its own process: then whoever last connected the socket to port 53, or addressed
 * a datagram to it (`askers`).
 */
#include "packet.h"
#include "record.h"
#include "syscall.h"

#define DNS_SMALL 512
#define DNS_MEDIUM 1536
#define DNS_PIECES 4 /* of WIRE_DNS_PAYLOAD bytes: of one segment */
/* What one TCP socket may put into the ring in a second; the port is also used by tunnels. */
#define DNS_BUDGET (1u << 20)

struct asker {
    struct wire_header header;
    __u64 second;
    __u32 bytes; /* in this second */
    __u32 not_dns;
};

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct asker);
} askers SEC(".maps");

static __always_inline int remember_asker(struct bpf_sock_addr *ctx)
{
    struct bpf_sock *sk = ctx->sk;
    struct asker *asker;

    if (ctx->user_port != bpf_htons(DNS_PORT) || !sk)
        return 1;
    asker = bpf_sk_storage_get(&askers, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (asker)
        header_fill(&asker->header, WIRE_DNS, current_task());
    return 1;
}

SEC("cgroup/connect4")
int dns_connect4(struct bpf_sock_addr *ctx)
{
    return remember_asker(ctx);
}

SEC("cgroup/connect6")
int dns_connect6(struct bpf_sock_addr *ctx)
{
    return remember_asker(ctx);
}

SEC("cgroup/sendmsg4")
int dns_sendmsg4(struct bpf_sock_addr *ctx)
{
    return remember_asker(ctx);
}

SEC("cgroup/sendmsg6")
int dns_sendmsg6(struct bpf_sock_addr *ctx)
{
    return remember_asker(ctx);
}

/* A datagram is a question on its way out, or an answer on its way in. */
static __always_inline bool is_dialogue(struct __sk_buff *skb, const struct packet *packet)
{
    __u8 flags = 0;

    if (bpf_skb_load_bytes(skb, packet->payload + 2, &flags, 1))
        return false;
    return packet->outgoing ? !(flags & 0x80) : flags & 0x80;
}

/* TCP: false when the socket is no resolver's (what it says first is no question), or has used up its share of the ring. */
static __always_inline bool may_speak(struct __sk_buff *skb, const struct packet *packet, __u32 size, struct asker *asker)
{
    __u64 second = bpf_ktime_get_boot_ns() >> 30;
    __u8 head[14]; /* size, id, flags, count of questions, … */

    if (asker->not_dns)
        return false;
    if (packet->outgoing && !asker->second && size >= sizeof head &&
        !bpf_skb_load_bytes(skb, packet->payload, head, sizeof head) && (head[4] & 0xf8 || head[6] || head[7] != 1)) {
        asker->not_dns = 1;
        return false;
    }
    if (asker->second != second)
        asker->bytes = 0;
    asker->second = second;
    asker->bytes += size;
    if (asker->bytes > DNS_BUDGET) {
        count_ring_full(WIRE_DNS);
        return false;
    }
    return true;
}

static __always_inline bool sends_through(struct task_struct *task, __u64 sk)
{
    struct file *file;
    struct socket *socket;

    if (READ(task, flags) & PF_KTHREAD)
        return false;
    file = file_of(task, (__u32)argument(registers_of(task), 0));
    if (!file || (READ(file, f_inode, i_mode) & 0170000) != 0140000)
        return false;
    socket = READ(file, private_data);
    return (__u64)READ(socket, sk) == sk;
}

/* Everything but time, size and type is zero when nobody can be named. */
static __always_inline void name_asker(struct wire_header *header, const struct packet *packet, __u64 sk,
                                       const struct asker *asker)
{
    struct task_struct *task = current_task();

    if (packet->outgoing && sends_through(task, sk))
        header_identity(header, task);
    else if (asker)
        *header = asker->header;
    else if (packet->outgoing && packet->protocol == IPPROTO_UDP && !(READ(task, flags) & PF_KTHREAD))
        header_identity(header, task);
    header->type = WIRE_DNS;
    header->flags = 0;
    header->time = bpf_ktime_get_boot_ns();
}

static __always_inline void describe_packet(struct wire_dns *out, const struct packet *packet)
{
    out->socket = packet->flow.cookie;
    out->protocol = packet->protocol;
    out->ipv6 = packet->ipv6;
    out->outgoing = packet->outgoing;
    out->local_port = packet->flow.local_port;
    out->remote_port = packet->flow.remote_port;
    __builtin_memcpy(out->local, packet->flow.local, 16);
    __builtin_memcpy(out->remote, packet->flow.remote, 16);
}

/* `size` bytes from `at` on, in a record that has room for `limit`. */
static __always_inline void send_piece(struct __sk_buff *skb, const struct wire_dns *fixed, __u32 at, __u32 size, const __u32 limit)
{
    struct wire_dns *out = bpf_ringbuf_reserve(&events, sizeof *out + limit, 0);

    if (!out) {
        count_ring_full(WIRE_DNS);
        return;
    }
    *out = *fixed;
    out->header.size = sizeof *out + limit;
    if (size > limit)
        size = limit;
    if (size < 1 || bpf_skb_load_bytes(skb, at, out + 1, size))
        size = 0;
    out->payload_size = size;
    bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
}

static __noinline void send_sized(struct __sk_buff *skb, const struct wire_dns *fixed, __u32 at, __u32 size)
{
    if (size <= DNS_SMALL)
        send_piece(skb, fixed, at, size, DNS_SMALL);
    else if (size <= DNS_MEDIUM)
        send_piece(skb, fixed, at, size, DNS_MEDIUM);
    else
        send_piece(skb, fixed, at, size, WIRE_DNS_PAYLOAD);
}

/* A datagram in one record, cut if need be; a segment in several. */
static __always_inline void send_parts(struct __sk_buff *skb, struct wire_dns *fixed, __u32 at, __u32 rest)
{
    struct wire_counters *count = counters_of(WIRE_DNS);

    if (count)
        count->seen++;
    for (int i = 0; i < DNS_PIECES && rest; i++) {
        __u32 size = rest > WIRE_DNS_PAYLOAD ? WIRE_DNS_PAYLOAD : rest;

        send_sized(skb, fixed, at, size);
        if (fixed->protocol == IPPROTO_UDP)
            break;
        at += size;
        rest -= size;
        fixed->sequence += size;
    }
    wake_reader();
}

static __always_inline __u32 sequence_of(struct __sk_buff *skb, const struct packet *packet)
{
    __be32 sequence = 0;

    bpf_skb_load_bytes(skb, packet->transport + 4, &sequence, 4);
    return bpf_ntohl(sequence);
}

static __noinline int dns_packet(struct __sk_buff *skb, const struct packet *packet)
{
    bool tcp = packet->protocol == IPPROTO_TCP;
    struct bpf_sock *sk = skb->sk;
    struct wire_dns fixed = {};
    struct asker *asker;

    if (sk)
        sk = bpf_sk_fullsock(sk);
    if (!sk || skb->len <= packet->payload || (!tcp && !is_dialogue(skb, packet)))
        return 0;
    fixed.total_size = skb->len - packet->payload;
    asker = bpf_sk_storage_get(&askers, sk, NULL, tcp ? BPF_SK_STORAGE_GET_F_CREATE : 0);
    if (tcp && (!asker || !may_speak(skb, packet, fixed.total_size, asker)))
        return 0;
    name_asker(&fixed.header, packet, (__u64)sk, asker);
    if (own_pid && fixed.header.pid == own_pid)
        return 0;
    if (tcp)
        fixed.sequence = sequence_of(skb, packet);
    describe_packet(&fixed, packet);
    send_parts(skb, &fixed, packet->payload, fixed.total_size);
    return 0;
}
