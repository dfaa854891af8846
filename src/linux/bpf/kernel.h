/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * The few kernel structures the programs read, with the few members they read. CO-RE relocates every access to the
 * running kernel's layout, so neither order nor completeness matters here, and no vmlinux.h is needed to build.
 * A member that was renamed has a second structure with the suffix ___old (the part from ___ on is ignored).
 */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u8 uint8_t;
typedef __u16 uint16_t;
typedef __u32 uint32_t;
typedef __s32 int32_t;
typedef __u64 uint64_t;
typedef __s64 int64_t;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PERCPU_ARRAY = 6, BPF_MAP_TYPE_LRU_HASH = 9,
       BPF_MAP_TYPE_SK_STORAGE = 24, BPF_MAP_TYPE_RINGBUF = 27 };
enum { BPF_F_NO_PREALLOC = 1, BPF_SK_STORAGE_GET_F_CREATE = 1 };
enum { BPF_ANY, BPF_NOEXIST, BPF_EXIST };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
    __u64 hash_len;
    __u32 len;
    const unsigned char *name;
};

struct list_head {
    struct list_head *next, *prev;
};

struct hlist_node {
    struct hlist_node *next, **pprev;
};

struct hlist_head {
    struct hlist_node *first;
};

struct hlist_bl_node {
    struct hlist_bl_node *next, **pprev;
};

struct mount;

struct super_block {
    __u32 s_dev;
    unsigned long s_magic;
    struct mount *s_mounts; /* since 6.16 */
};
struct super_block___old {
    struct list_head s_mounts;
};

typedef struct {
    long counter;
} atomic_long_t;

struct rw_semaphore {
    atomic_long_t owner;
};

struct timespec64 {
    __s64 tv_sec;
    long tv_nsec;
};

struct inode {
    unsigned short i_mode;
    struct super_block *i_sb;
    unsigned long i_ino;
    unsigned int i_nlink;
    __u32 i_rdev;
    long long i_size;
    __s64 i_mtime_sec, i_ctime_sec;
    __u32 i_mtime_nsec, i_ctime_nsec;
    __u32 i_generation;
    struct rw_semaphore i_rwsem;
    struct hlist_head i_dentry;
};

/* 5.8 to 6.5: i_mtime, i_ctime; 6.6: __i_ctime; 6.7 to 6.10: __i_mtime too */
struct inode___old {
    struct timespec64 i_mtime, i_ctime;
};
struct inode___middle {
    struct timespec64 __i_mtime, __i_ctime;
};

struct lockref {
    int count;
};

struct dentry {
    struct hlist_bl_node d_hash;
    struct dentry *d_parent;
    struct qstr d_name;
    struct inode *d_inode;
    struct super_block *d_sb;
    struct lockref d_lockref;
    union {
        struct hlist_node d_alias;
    } d_u;
};

struct vfsmount {
    struct dentry *mnt_root;
    struct super_block *mnt_sb;
};

struct mnt_namespace;

struct mount {
    struct mount *mnt_parent;
    struct dentry *mnt_mountpoint;
    struct vfsmount mnt;
    struct mount *mnt_next_for_sb; /* since 6.16 */
    struct mnt_namespace *mnt_ns;
};
struct mount___old {
    struct list_head mnt_instance;
};

struct path {
    struct vfsmount *mnt;
    struct dentry *dentry;
};

struct file {
    struct path f_path;
    struct inode *f_inode;
    unsigned int f_mode;
    unsigned int f_flags;
    void *private_data;
};

struct fs_struct {
    struct path root, pwd;
};

struct mm_struct {
    unsigned long arg_start, arg_end;
    struct file *exe_file;
};

typedef struct {
    __u32 val;
} kuid_t;

struct cred {
    kuid_t uid, euid;
};

typedef struct {
    int counter;
} atomic_t;

struct ns_common {
    unsigned int inum;
};

struct pid_namespace {
    unsigned int level;
    struct ns_common ns;
};

struct upid {
    int nr;
    struct pid_namespace *ns;
};

struct pid {
    unsigned int level;
    struct upid numbers[1];
};

struct tty_struct {
    char name[64];
};

enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID };

struct signal_struct {
    atomic_t live;
    struct pid *pids[4];
    struct tty_struct *tty;
};

struct mnt_namespace {
    struct ns_common ns;
};

struct nsproxy {
    struct mnt_namespace *mnt_ns;
};

struct kernfs_node {
    struct kernfs_node *__parent;
    const char *name;
};
struct kernfs_node___old { /* before 6.15 */
    struct kernfs_node *parent;
};

struct cgroup {
    struct kernfs_node *kn;
    int level;
};

struct cgroup_subsys_state {
    struct cgroup *cgroup;
};

enum cgroup_subsys_id { pids_cgrp_id = 1 };

struct css_set {
    struct cgroup_subsys_state *subsys[32];
    struct cgroup *dfl_cgrp;
};

struct fdtable {
    unsigned int max_fds;
    struct file **fd;
};

struct files_struct {
    struct fdtable *fdt;
};

struct pt_regs { /* of x86-64 */
    unsigned long di, si, dx, r10, r8, r9, ax, orig_ax;
};

struct thread_info {
    __u32 status;
};

struct task_struct {
    struct thread_info thread_info;
    void *stack;
    unsigned int flags;
    int pid, tgid;
    int exit_code;
    struct mm_struct *mm;
    struct task_struct *real_parent, *group_leader;
    struct list_head ptraced, ptrace_entry;
    struct pid *thread_pid;
    __u64 start_boottime;
    struct cred *real_cred, *cred;
    struct fs_struct *fs;
    struct files_struct *files;
    struct nsproxy *nsproxy;
    struct signal_struct *signal;
    struct css_set *cgroups;
    kuid_t loginuid;
    unsigned int sessionid;
};

struct linux_binprm {
    struct file *file;
};

struct seq_file;

struct bpf_iter_meta {
    struct seq_file *seq;
};

struct bpf_iter__task {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
};

struct net {
    struct ns_common ns;
};

typedef struct {
    struct net *net;
} possible_net_t;

struct in6_addr {
    __u8 u6_addr8[16];
};

struct sock_common {
    __be32 skc_daddr, skc_rcv_saddr;
    __be16 skc_dport;
    __u16 skc_num;
    unsigned short skc_family;
    volatile unsigned char skc_state;
    possible_net_t skc_net;
    struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};

typedef struct {
    int owned;
} socket_lock_t;

struct socket;

struct sock {
    struct sock_common __sk_common;
    socket_lock_t sk_lock;
    __u16 sk_protocol, sk_type;
    int sk_err;
    struct socket *sk_socket;
};

struct inet_sock {
    struct sock sk;
    __be32 inet_saddr;
    __be16 inet_sport;
};

struct socket {
    struct sock *sk;
};

struct sockaddr_un {
    unsigned short sun_family;
    char sun_path[108];
};

struct unix_address {
    int len;
    struct sockaddr_un name[1];
};

struct unix_sock {
    struct sock sk;
    struct unix_address *addr;
    struct path path;
    struct sock *peer;
};

struct proc_inode {
    struct pid *pid;
    struct inode vfs_inode;
};

enum bpf_prog_type { BPF_PROG_TYPE_UNSPEC };

struct bpf_prog_aux {
    __u32 id;
    char name[16];
};

struct bpf_prog {
    enum bpf_prog_type type;
    struct bpf_prog_aux *aux;
};

struct module {
    char name[56];
    bool sig_ok; /* with CONFIG_MODULE_SIG */
};

struct bpf_iter__task_file {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
    __u32 fd;
    struct file *file;
};

#pragma clang attribute pop

/* Contexts of network programs: the kernel's interface, fixed. */
struct bpf_sock {
    __u32 bound_dev_if, family, type, protocol, mark, priority, src_ip4, src_ip6[4], src_port;
    __be16 dst_port;
    __u16 : 16;
    __u32 dst_ip4, dst_ip6[4], state;
    __s32 rx_queue_mapping;
};

struct bpf_sock_addr {
    __u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol, msg_src_ip4, msg_src_ip6[4];
    union {
        struct bpf_sock *sk;
        __u64 : 64;
    } __attribute__((aligned(8)));
};

struct __sk_buff {
    __u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority;
    __u32 ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data, data_end, napi_id;
    __u32 family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port, data_meta;
    __u64 flow_keys __attribute__((aligned(8)));
    __u64 tstamp;
    __u32 wire_len, gso_segs;
    struct bpf_sock *sk __attribute__((aligned(8)));
};

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT, TCP_SYN_RECV, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_TIME_WAIT, TCP_CLOSE,
       TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_LISTEN, TCP_CLOSING };

#define PF_KTHREAD 0x00200000

#define AT_REMOVEDIR 0x200
#define O_TRUNC 01000
#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_CREATED 0x100000
#define AF_UNIX 1
#define PROC_SUPER_MAGIC 0x9fa0
#define PTRACE_ATTACH 16
#define PTRACE_SEIZE 0x4206
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
