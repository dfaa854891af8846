/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Programs started and processes ended: events 1 and 5, and the table of live processes all other records refer to. */
#include "inode.h"
#include "path.h"


volatile __u32 reader_sleeps = 0;
const volatile __u32 own_pid = 0;
const volatile bool have_cast = false;
__u64 losses = 0;
volatile __u32 wanted = 0;

static __always_inline __u32 namespace_of_pid(struct task_struct *task)
{
    struct pid *pid = READ(task, thread_pid);
    __u32 level = READ(pid, level);
    struct upid *upid = (void *)&pid->numbers + level * bpf_core_type_size(struct upid);

    return READ(upid, ns, ns.inum);
}

/* The session's id in the initial namespace: its leader's process id. */
static __always_inline __u32 session_of(struct task_struct *task)
{
    struct pid *pid = READ(task, signal, pids[PIDTYPE_SID]);

    return READ(pid, numbers[0].nr);
}

static __always_inline void read_parent(struct wire_exec *exec, struct task_struct *task)
{
    struct task_struct *parent = READ(task, real_parent);
    struct known_process *known;

    exec->parent_start = READ(parent, group_leader, start_boottime);
    exec->parent_euid = READ(parent, cred, euid.val);
    known = bpf_map_lookup_elem(&processes, &exec->header.parent_pid);
    exec->parent_image = known && known->start == exec->parent_start ? known->image : 0;
}

static __always_inline void read_ids(struct wire_exec *exec, struct task_struct *task)
{
    exec->uid = READ(task, cred, uid.val);
    exec->login_uid = exec->audit_session = (__u32)-1;
    if (bpf_core_field_exists(task->loginuid)) {
        exec->login_uid = READ(task, loginuid.val);
        exec->audit_session = READ(task, sessionid);
    }
    exec->session = session_of(task);
    exec->pid_namespace = namespace_of_pid(task);
    exec->mount_namespace = READ(task, nsproxy, mnt_ns, ns.inum);
}

/* Version 2 hierarchy, or the pids controller's where the unified one is not used: `docker/<id>` from leaf to root. */
__noinline __u32 append_cgroup(void)
{
    struct record *record = scratch_record();
    struct kernfs_node *node;
    struct cgroup *cgroup;
    struct css_set *set;
    __u32 first, at;

    if (!record)
        return 0;
    set = record->walk.set;
    cgroup = READ(set, dfl_cgrp);
    first = at = record->at;
    if (!READ(cgroup, level) && bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id)) {
        __u32 id = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id) & 31;
        struct cgroup_subsys_state *state;

        bpf_core_read(&state, sizeof state, &set->subsys[id]);
        cgroup = READ(state, cgroup);
    }
    node = READ(cgroup, kn);
    for (int i = 0; i < 8 && node; i++) {
        struct kernfs_node *up;
        long size;

        at &= RECORD_MASK;
        if (at > RECORD_LIMIT)
            break;
        if (bpf_core_field_exists(node->__parent))
            up = READ(node, __parent);
        else
            up = READ((struct kernfs_node___old *)node, parent);
        if (!up)
            break;
        size = bpf_probe_read_kernel_str(record->bytes + at, 256, READ(node, name));
        if (size <= 0)
            break;
        at += size;
        node = up;
    }
    record->at = at;
    return at - first;
}

/* As many bytes of the argument area as one chunk takes, from `offset` on. */
static __always_inline __u32 append_arguments(struct record *record, unsigned long from, unsigned long to)
{
    unsigned long size = to - from;
    __u32 at = record->at;

    if (from >= to || at > RECORD_LIMIT - WIRE_ARGUMENTS_CHUNK)
        return 0;
    if (size > WIRE_ARGUMENTS_CHUNK)
        size = WIRE_ARGUMENTS_CHUNK;
    barrier_var(size); /* the verifier must see the bound on the register that is passed */
    size &= 0x7fff;
    if (bpf_probe_read_user(record->bytes + (at & RECORD_MASK), size, (void *)from))
        return 0;
    record->at = at + size;
    return size;
}

/* One part from `offset` on, of the record that is in the scratch; returns its size, 0 = that was not possible. */
__noinline __u32 send_arguments(__u64 start, __u64 offset, __u64 total)
{
    struct wire_counters *count = counters_of(WIRE_ARGUMENTS);
    struct record *record = scratch_record();
    struct wire_arguments *more;

    if (!record || !count)
        return 0;
    count->seen++;
    more = (struct wire_arguments *)record->bytes;
    more->header.type = WIRE_ARGUMENTS;
    more->offset = offset;
    record_fixed(record, sizeof *more);
    more->arguments_size = append_arguments(record, start + offset, start + total);
    if (!more->arguments_size || record_send(record))
        return 0;
    return more->arguments_size;
}

/* Everything about a process but its arguments; texts are appended. */
static __always_inline void describe(struct record *record, struct task_struct *task, struct file *file)
{
    struct wire_exec *exec = (struct wire_exec *)record->bytes;
    struct fs_struct *fs = READ(task, fs);
    struct tty_struct *tty = READ(task, signal, tty);

    read_file(&exec->file, READ(file, f_inode));
    read_parent(exec, task);
    read_ids(exec, task);
    record_fixed(record, sizeof *exec);
    exec->image_size = record_append_path(record, READ(file, f_path.dentry), READ(file, f_path.mnt), fs);
    exec->directory_size = record_append_path(record, READ(fs, pwd.dentry), READ(fs, pwd.mnt), fs);
    record->walk.set = READ(task, cgroups);
    exec->cgroup_size = append_cgroup();
    exec->tty_size = tty ? record_append_string(record, tty->name) : 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
    __u32 pid = READ(task, tgid), sent;
    struct mm_struct *mm = READ(task, mm);
    unsigned long start = READ(mm, arg_start), end = READ(mm, arg_end);
    struct known_process known;
    struct record *record;
    struct wire_exec *exec;

    if (pid == own_pid)
        return 0;
    /* Even when there is no telling it: what comes later must not pass for the former program's. */
    known.start = READ(task, group_leader, start_boottime);
    known.image = bpf_ktime_get_boot_ns();
    bpf_map_update_elem(&processes, &pid, &known, BPF_ANY);
    record = record_begin(WIRE_EXEC);
    if (!record)
        return 0;
    exec = (struct wire_exec *)record->bytes;
    record_header(record, WIRE_EXEC, task);
    exec->header.time = exec->header.image = known.image;
    describe(record, task, READ(mm, exe_file));
    exec->arguments_total = end - start;
    sent = exec->arguments_size = append_arguments(record, start, end);
    if (end - start > sent)
        exec->header.flags |= WIRE_ARGUMENTS_FOLLOW;
    if (record_send(record))
        return 0;
    for (int i = 0; i < WIRE_ARGUMENTS_CHUNKS && sent < end - start; i++) {
        __u32 size = send_arguments(start, sent, end - start);

        if (!size)
            break;
        sent += size;
    }
    return 0;
}

/* Two mappings of one memory are a vfork: a program follows, or the end. */
static __always_inline void report_fork(struct task_struct *maker, struct task_struct *child)
{
    struct wire_fork *fork;
    struct record *record;

    if (READ(maker, mm) == READ(child, mm))
        return;
    record = record_begin(WIRE_FORK);
    if (!record)
        return;
    fork = (struct wire_fork *)record->bytes;
    record_header(record, WIRE_FORK, child);
    fork->maker_pid = READ(maker, tgid);
    fork->maker_start = READ(maker, group_leader, start_boottime);
    fork->reserved = 0;
    record_fixed(record, sizeof *fork);
    record_send(record);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *maker, struct task_struct *child)
{
    __u32 pid = READ(child, tgid), maker_pid = READ(maker, tgid);
    struct known_process *of_maker, known;

    if (pid != (__u32)READ(child, pid) || READ(child, flags) & PF_KTHREAD) /* a thread */
        return 0;
    known.start = READ(child, start_boottime);
    of_maker = bpf_map_lookup_elem(&processes, &maker_pid);
    known.image = of_maker ? of_maker->image : 0;
    bpf_map_update_elem(&processes, &pid, &known, BPF_ANY);
    report_fork(maker, child);
    return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
    __u32 pid = READ(task, tgid);
    struct record *record;
    struct wire_exit *exit;

    if (READ(task, signal, live.counter) || READ(task, flags) & PF_KTHREAD || pid == own_pid)
        return 0;
    record = record_begin(WIRE_EXIT);
    if (!record) {
        bpf_map_delete_elem(&processes, &pid);
        return 0;
    }
    exit = (struct wire_exit *)record->bytes;
    record_header(record, WIRE_EXIT, task);
    /* Two threads that end together may both be the last: the one that takes the entry away reports. */
    if (bpf_map_delete_elem(&processes, &pid) && exit->header.image) {
        record->busy = 0;
        return 0;
    }
    exit->exit_code = READ(task, exit_code);
    exit->reserved = 0;
    record_fixed(record, sizeof *exit);
    record_send(record);
    return 0;
}

/* At start: what runs already. Read by the loader, not through the ring. The image is then as old as the process. */
SEC("iter/task")
int process_running(struct bpf_iter__task *ctx)
{
    struct task_struct *task = ctx->task;
    struct seq_file *seq = ctx->meta->seq;
    struct known_process known;
    struct record *record;
    struct wire_exec *exec;
    struct mm_struct *mm;
    __u32 pid, size;

    if (!task || READ(task, pid) != READ(task, tgid) || READ(task, flags) & PF_KTHREAD)
        return 0;
    mm = READ(task, mm);
    if (!mm)
        return 0;
    record = record_begin(WIRE_RUNNING);
    if (!record)
        return 0;
    exec = (struct wire_exec *)record->bytes;
    record_header(record, WIRE_RUNNING, task);
    pid = exec->header.pid;
    known.start = exec->header.start;
    known.image = exec->header.start;
    bpf_map_update_elem(&processes, &pid, &known, BPF_NOEXIST);
    if (!exec->header.image)
        exec->header.image = known.image;
    describe(record, task, READ(mm, exe_file));
    exec->arguments_total = exec->arguments_size = 0;
    exec->header.size = record->at;
    size = record->at + 7 & ~7u; /* the reader finds every record aligned */
    if (size <= sizeof record->bytes)
        bpf_seq_write(seq, record->bytes, size);
    record->busy = 0;
    return 0;
}
