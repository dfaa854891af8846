/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Event 3, TCP.
 *
 * Outbound: the step to SYN_SENT is taken by the connecting process, but the local port is not chosen yet and the outcome
 * is open; the process is kept in `connecting` until the connection is established or closed.
 *
 * Inbound: the end of the handshake is seen in an interrupt. Accepting is not traced by anything but the system call
 * tracepoints, whose cost every system call of the machine would bear. So the connection waits in `unclaimed` until
 * its process shows itself: it asks for the peer's address (accept does, unless told not to care), closes or shuts down the
 * socket; or the reader, woken for it, looks through the open files (socket_owners). Failing all that after a
 * second, the reader takes the process that listens.
 */
#include "inode.h"

#define WAITING 16384

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WAITING);
    __type(key, __u64);
    __type(value, struct wire_header);
} connecting SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WAITING);
    __type(key, __u64);
    __type(value, struct wire_connection);
} unclaimed SEC(".maps");

struct listener {
    __u32 net_namespace;
    __u32 port;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, struct listener);
    __type(value, struct wire_header);
} listeners SEC(".maps");

/* Connections in `unclaimed`; the reader looks at it. */
__u32 unclaimed_count = 0;

static __always_inline bool is_mapped(const __u8 *address)
{
    const __u64 *half = (const __u64 *)address;
    const __u32 *word = (const __u32 *)address;

    return half[0] == 0 && word[2] == __builtin_bswap32(0xffff);
}

static __always_inline void shorten_mapped(struct wire_connection *out)
{
    if (!is_mapped(out->remote))
        return;
    __builtin_memcpy(out->remote, out->remote + 12, 4);
    __builtin_memcpy(out->local, out->local + 12, 4);
    __builtin_memset(out->remote + 4, 0, 12);
    __builtin_memset(out->local + 4, 0, 12);
    out->ipv6 = 0;
}

/* Addresses and ports; everything else is zeroed but the header. */
static __always_inline void read_socket(struct wire_connection *out, struct sock *sk)
{
    struct inet_sock *inet = (struct inet_sock *)sk;

    __builtin_memset((char *)out + sizeof out->header, 0, sizeof *out - sizeof out->header);
    out->socket = (__u64)sk;
    out->net_namespace = READ(sk, __sk_common.skc_net.net, ns.inum);
    out->protocol = IPPROTO_TCP;
    out->local_port = bpf_ntohs(READ(inet, inet_sport));
    out->remote_port = bpf_ntohs(READ(sk, __sk_common.skc_dport));
    if (READ(sk, __sk_common.skc_family) == AF_INET) {
        __u32 local = READ(sk, __sk_common.skc_rcv_saddr), remote = READ(sk, __sk_common.skc_daddr);

        if (!local) /* closed meanwhile */
            local = READ(inet, inet_saddr);
        __builtin_memcpy(out->local, &local, 4);
        __builtin_memcpy(out->remote, &remote, 4);
        return;
    }
    out->ipv6 = 1;
    bpf_core_read(out->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
    bpf_core_read(out->remote, 16, &sk->__sk_common.skc_v6_daddr);
    shorten_mapped(out);
}

static __always_inline void send_connection(const struct wire_connection *connection)
{
    struct wire_counters *count = counters_of(WIRE_CONNECTION);
    struct wire_connection *out = bpf_ringbuf_reserve(&events, sizeof *out, 0);

    if (count)
        count->seen++;
    if (!out) {
        count_ring_full(WIRE_CONNECTION);
        return;
    }
    *out = *connection;
    out->header.type = WIRE_CONNECTION;
    out->header.size = sizeof *out;
    out->header.flags = 0;
    bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
    wake_reader();
}

static __always_inline void begin_connect(struct sock *sk)
{
    __u64 key = (__u64)sk;
    struct wire_connection now;

    header_fill(&now.header, WIRE_CONNECTION, (struct task_struct *)bpf_get_current_task());
    if (now.header.pid == own_pid)
        return;
    if (bpf_map_update_elem(&connecting, &key, &now.header, BPF_ANY) == 0)
        return;
    /* Too many attempts under way: without the local port and the outcome rather than not at all. */
    read_socket(&now, sk);
    now.initiated = 1;
    send_connection(&now);
}

static __always_inline void end_connect(struct sock *sk, __u64 key, const struct wire_header *header, int state)
{
    struct wire_connection out;

    out.header = *header;
    bpf_map_delete_elem(&connecting, &key);
    read_socket(&out, sk);
    out.initiated = 1;
    if (state == TCP_CLOSE)
        out.error = READ(sk, sk_err);
    send_connection(&out);
}

static __always_inline void begin_accept(struct sock *sk)
{
    __u64 key = (__u64)sk;
    struct wire_connection out;
    struct listener listener;
    struct wire_header *of_listener;

    read_socket(&out, sk);
    listener.net_namespace = out.net_namespace;
    listener.port = out.local_port;
    of_listener = bpf_map_lookup_elem(&listeners, &listener);
    if (of_listener)
        out.header = *of_listener;
    else
        __builtin_memset(&out.header, 0, sizeof out.header);
    if (of_listener && out.header.pid == own_pid)
        return;
    out.header.time = bpf_ktime_get_boot_ns();
    out.guessed = 1;
    if (bpf_map_update_elem(&unclaimed, &key, &out, BPF_ANY)) {
        send_connection(&out);
        return;
    }
    __sync_fetch_and_add(&unclaimed_count, 1);
    wake_reader();
}

/* `task` has the socket. */
static __always_inline void claim(__u64 key, struct task_struct *task)
{
    struct wire_connection *waiting, out;

    if (!unclaimed_count)
        return;
    waiting = bpf_map_lookup_elem(&unclaimed, &key);
    if (!waiting)
        return;
    out = *waiting;
    if (bpf_map_delete_elem(&unclaimed, &key))
        return;
    __sync_fetch_and_add(&unclaimed_count, -1);
    if (task) {
        out.guessed = 0;
        header_identity(&out.header, task);
    }
    if (out.header.pid != own_pid)
        send_connection(&out);
}

static __always_inline void update_listener(struct sock *sk, int state)
{
    struct listener key = { READ(sk, __sk_common.skc_net.net, ns.inum), READ(sk, __sk_common.skc_num) };
    struct wire_header header;

    if (state != TCP_LISTEN) {
        bpf_map_delete_elem(&listeners, &key);
        return;
    }
    header_fill(&header, WIRE_CONNECTION, (struct task_struct *)bpf_get_current_task());
    bpf_map_update_elem(&listeners, &key, &header, BPF_ANY);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state, struct sock *sk, int old, int new)
{
    __u64 key = (__u64)sk;
    struct wire_header *header;

    if (READ(sk, sk_protocol) != IPPROTO_TCP)
        return 0;
    if (new == TCP_SYN_SENT) {
        begin_connect(sk);
        return 0;
    }
    /* LISTEN to SYN_RECV is a new connection's socket, copied from the listening one. */
    if (new == TCP_LISTEN || (old == TCP_LISTEN && new == TCP_CLOSE)) {
        update_listener(sk, new);
        return 0;
    }
    if (new == TCP_ESTABLISHED || (new == TCP_CLOSE && (old == TCP_SYN_SENT || old == TCP_SYN_RECV))) {
        header = bpf_map_lookup_elem(&connecting, &key);
        if (header)
            end_connect(sk, key, header, new);
        else if (new == TCP_ESTABLISHED && old == TCP_SYN_RECV)
            begin_accept(sk);
        return 0;
    }
    /* The owner acts, not a packet: it holds the socket's lock. */
    if (READ(sk, sk_lock.owned))
        claim(key, (struct task_struct *)bpf_get_current_task());
    return 0;
}

/* Closed by the peer's reset, then by the owner: no state is left to change. The address may be used again from here. */
SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(socket_destroyed, struct sock *sk)
{
    claim((__u64)sk, READ(sk, sk_lock.owned) ? (struct task_struct *)bpf_get_current_task() : NULL);
    return 0;
}

static __always_inline int claim_by_name(struct bpf_sock_addr *ctx)
{
    claim((__u64)ctx->sk, (struct task_struct *)bpf_get_current_task());
    return 1;
}

SEC("cgroup/getpeername4")
int socket_peer4(struct bpf_sock_addr *ctx)
{
    return claim_by_name(ctx);
}

SEC("cgroup/getpeername6")
int socket_peer6(struct bpf_sock_addr *ctx)
{
    return claim_by_name(ctx);
}

static __always_inline struct sock *socket_of(struct file *file)
{
    struct socket *socket;

    if ((READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
        return NULL;
    socket = READ(file, private_data);
    return READ(socket, sk);
}

/* Run by the reader: open files against `unclaimed`. */
SEC("iter/task_file")
int socket_owners(struct bpf_iter__task_file *ctx)
{
    struct task_struct *task = ctx->task;
    struct file *file = ctx->file;
    struct sock *sk;

    if (!file || !task)
        return 0;
    sk = socket_of(file);
    if (sk)
        claim((__u64)sk, task);
    return 0;
}

/* Run by the reader at start: who listens already. */
SEC("iter/task_file")
int socket_listeners(struct bpf_iter__task_file *ctx)
{
    struct task_struct *task = ctx->task;
    struct file *file = ctx->file;
    struct wire_header header;
    struct listener key;
    struct sock *sk;

    if (!file || !task)
        return 0;
    sk = socket_of(file);
    if (!sk || READ(sk, sk_protocol) != IPPROTO_TCP || READ(sk, __sk_common.skc_state) != TCP_LISTEN)
        return 0;
    key.net_namespace = READ(sk, __sk_common.skc_net.net, ns.inum);
    key.port = READ(sk, __sk_common.skc_num);
    header_fill(&header, WIRE_CONNECTION, task);
    bpf_map_update_elem(&listeners, &key, &header, BPF_NOEXIST);
    return 0;
}
