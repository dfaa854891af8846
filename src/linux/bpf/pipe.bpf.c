/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Events 17 and 18 of named UNIX sockets. (FIFOs: file.bpf.c.) */
#include "name.h"
#include "sensor.h"

/* The name of a UNIX socket: a path in the file system, or an abstract one. */
static __always_inline void tell_socket(struct sock *sk, __u32 how)
{
    struct unix_sock *named = (struct unix_sock *)sk;
    struct unix_address *address = READ(named, addr);
    struct naming *naming;
    int length;

    if (!address)
        return;
    length = READ(address, len);
    naming = naming_begin(WIRE_PIPE, how);
    if (!naming)
        return;
    naming->dentry = READ(named, path.dentry);
    naming->mount = READ(named, path.mnt);
    if (!naming->dentry) {
        if (length <= 3)
            return;
        naming->is_kernel = true;
        naming->kernel_size = length - 3;
        naming->argument = (const char *)&address->name + 3;
    }
    send_name();
}

static __always_inline struct sock *unix_socket(struct task_struct *task, __u32 fd)
{
    struct file *file = file_of(task, fd);
    struct socket *socket;
    struct sock *sk;

    if (!file || (READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
        return NULL;
    socket = READ(file, private_data);
    sk = READ(socket, sk);
    return sk && READ(sk, __sk_common.skc_family) == AF_UNIX ? sk : NULL;
}

SEC("tp")
int name_bound(struct syscall_exit *ctx)
{
    struct task_struct *task = current_task();
    struct sock *sk;

    if (ctx->result || (__u32)READ(task, tgid) == own_pid)
        return 0;
    sk = unix_socket(task, argument(registers_of(task), 0));
    if (sk)
        tell_socket(sk, WIRE_BY_BIND);
    return 0;
}

SEC("tp")
int name_connected(struct syscall_exit *ctx)
{
    struct task_struct *task = current_task();
    struct sock *sk, *peer;

    if (ctx->result || (__u32)READ(task, tgid) == own_pid)
        return 0;
    sk = unix_socket(task, argument(registers_of(task), 0));
    if (!sk)
        return 0;
    peer = READ((struct unix_sock *)sk, peer);
    if (peer)
        tell_socket(peer, WIRE_BY_CONNECT);
    return 0;
}
