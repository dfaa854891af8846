/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Names of files: events 11, 23 and 26, and what an open() tells beside.
 *
 * A file that open() created is the kernel's own word: FMODE_CREATED in the file behind the returned descriptor. For the
 * other calls the path argument is user memory, and says nothing about links on the way, about a file that is replaced, or
 * about who won a race. But every file system sets the change time of the very inode it unlinks, renames or links, and
 * since Linux 6.13 that has tracepoints: there the inode and its name are known (inode_changed). The call's end then
 * tells the outcome. Without them the argument is sent, and the reader does what it can.
 */
#include "access.h"
#include "name.h"
#include "sensor.h"

/* By system call number, filled in by the loader. */
const volatile struct call_shape shapes[512] = {};

#define SLOTS 2048
#define CANDIDATES 3

/* A file whose change time was set during a call: perhaps the one the call is about. */
struct candidate {
    struct inode *inode;
    struct dentry *dentry;
    struct dentry *parent; /* where it was */
    __u64 name;            /* hash and length of it */
    struct wire_file file;
};

/* A thread's current call. Two threads that share a slot in the same instant lose the kernel's word, not the event. */
struct call {
    __u32 tid;
    __u8 count; /* candidates */
    __u8 told;  /* the record was sent */
    __u16 unused;
    struct candidate candidate[CANDIDATES];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SLOTS);
    __type(key, __u32);
    __type(value, struct call);
} calls SEC(".maps");

static __always_inline struct call *call_of(__u32 tid)
{
    __u32 slot = tid & (SLOTS - 1);

    return bpf_map_lookup_elem(&calls, &slot);
}

static __always_inline const volatile struct call_shape *shape_of(__u64 number)
{
    if (number >= sizeof shapes / sizeof shapes[0])
        return NULL;
    number &= sizeof shapes / sizeof shapes[0] - 1;
    barrier_var(number); /* the verifier must see the bound on the register that is added */
    return &shapes[number];
}

/* --- during the call ------------------------------------------------------------------------------------------------------ */

static __always_inline struct dentry *dentry_of_alias(struct hlist_node *alias)
{
    return alias ? (void *)alias - bpf_core_field_offset(((struct dentry *)0)->d_u.d_alias) : NULL;
}

static __always_inline struct dentry *parent_of(struct dentry *dentry)
{
    return READ(dentry, d_parent);
}

/* Hash and length: with the parent, enough to tell names apart. */
static __always_inline __u64 name_of(struct dentry *dentry)
{
    return READ(dentry, d_name.hash_len);
}

/* Places in the scratch for comparing a name with the end of a path. */
#define NAME_AT 8192
#define TAIL_AT 12288
#define NAME_SIZE 256

/* Does the path argument end in the name of record->walk.dentry? Global for the verifier's sake, see append_path(). */
__noinline int argument_names(__u64 path)
{
    struct record *record = scratch_record();
    struct dentry *dentry;
    __u32 length, total;
    __u64 *name, *tail;
    long size;

    if (!record || !path)
        return 0;
    dentry = record->walk.dentry;
    length = name_of(dentry) >> 32;
    name = (__u64 *)(record->bytes + NAME_AT);
    tail = (__u64 *)(record->bytes + TAIL_AT);
    size = bpf_probe_read_user_str(record->bytes, WIRE_PATH_SIZE, (const char *)path);
    if (size <= 1 || length >= NAME_SIZE)
        return 0;
    total = size - 1;
    if (length > total)
        return 0;
    __builtin_memset(name, 0, NAME_SIZE);
    __builtin_memset(tail, 0, NAME_SIZE);
    bpf_probe_read_kernel_str(name, NAME_SIZE, READ(dentry, d_name.name));
    bpf_probe_read_user_str(tail, NAME_SIZE, (const char *)path + (total - length));
    for (int i = 0; i < NAME_SIZE / 8; i++)
        if (name[i] != tail[i])
            return 0;
    return 1;
}

/* The directory the name is in is locked by the task, as it must be for a change. */
static __always_inline bool is_locked(struct dentry *dentry, struct task_struct *task)
{
    return (READ(dentry, d_parent, d_inode, i_rwsem.owner.counter) & ~7ul) == (__u64)task;
}

/* Of several names of a file, from record->walk.alias on, the one that .task is changing: put into .dentry. */
__noinline int choose_name(__u64 path, __u64 other_path)
{
    struct record *record = scratch_record();
    struct hlist_node *alias;
    struct dentry *first;

    if (!record)
        return 0;
    alias = record->walk.alias;
    first = dentry_of_alias(alias);
    for (int i = 0; i < 8 && alias; i++, alias = READ(alias, next)) {
        record->walk.dentry = dentry_of_alias(alias);
        if (is_locked(record->walk.dentry, record->walk.task) && (argument_names(path) || argument_names(other_path)))
            return 1;
    }
    record->walk.dentry = first;
    return 0;
}

/* The name of `inode` that is being changed. A file with one name needs no choice. */
static __always_inline struct dentry *affected_name(struct inode *inode, struct task_struct *task, const char *path,
                                                    const char *other_path)
{
    struct hlist_node *alias = READ(inode, i_dentry.first);
    struct record *record = scratch_record();

    if (!alias || !READ(alias, next) || !record || record->busy)
        return dentry_of_alias(alias);
    record->walk.alias = alias;
    record->walk.task = task;
    choose_name((__u64)path, (__u64)other_path);
    return record->walk.dentry;
}

static __always_inline void add_candidate(struct call *call, struct inode *inode, struct task_struct *task,
                                          const volatile struct call_shape *shape, struct pt_regs *regs)
{
    const char *old = shape->old < 0 ? NULL : (const char *)argument(regs, shape->old);
    struct candidate *candidate;
    __u32 at = call->count;

    for (int i = 0; i < CANDIDATES; i++)
        if (i < at && call->candidate[i].inode == inode)
            return;
    if (at >= CANDIDATES)
        return;
    candidate = &call->candidate[at];
    candidate->inode = inode;
    candidate->dentry = affected_name(inode, task, (const char *)argument(regs, shape->path), old);
    candidate->parent = parent_of(candidate->dentry);
    candidate->name = name_of(candidate->dentry);
    read_file(&candidate->file, inode);
    call->count = at + 1;
}

/* Fills in what the call's arguments say. */
static __always_inline void read_arguments(struct naming *naming, const volatile struct call_shape *shape, struct pt_regs *regs)
{
    naming->fd = shape->directory < 0 ? AT_FDCWD : (int)argument(regs, shape->directory);
    naming->argument = shape->path < 0 ? NULL : (const char *)argument(regs, shape->path);
}

static __always_inline void tell_unlink(struct call *call, struct inode *inode, struct task_struct *task,
                                        const volatile struct call_shape *shape, struct pt_regs *regs)
{
    struct dentry *dentry = affected_name(inode, task, (const char *)argument(regs, shape->path), NULL);
    struct naming *naming;

    if (call->told || !dentry)
        return;
    call->told = 1;
    if (!(wanted & SENSOR_DELETE))
        return;
    naming = naming_begin(WIRE_DELETED, WIRE_BY_UNLINK);
    if (!naming)
        return;
    read_arguments(naming, shape, regs);
    naming->dentry = dentry;
    send_name();
}

/* Is the end of such calls watched? What is noted about a call must be taken away at its end. */
static __always_inline bool is_watched(__u8 kind)
{
    switch (kind) {
    case CALL_UNLINK: return wanted & SENSOR_DELETE;
    case CALL_RENAME: return wanted & (SENSOR_CREATE | SENSOR_DELETE);
    case CALL_LINK: return wanted & SENSOR_CREATE;
    case CALL_MAKE: return wanted & (SENSOR_CREATE | SENSOR_PIPE);
    case CALL_TIMES: return wanted & SENSOR_TIMES;
    case CALL_ATTRIBUTE: return wanted & SENSOR_ATTRIBUTE;
    }
    return false;
}

/* A file system set the change time of `inode`. This runs for every such change on the machine: leave early. */
static __always_inline int inode_changed(struct inode *inode)
{
    struct task_struct *task = current_task();
    struct pt_regs *regs = registers_of(task);
    const volatile struct call_shape *shape = shape_of(READ(regs, orig_ax));
    struct call *call;
    __u32 tid;

    if (!shape || !is_watched(shape->kind) || READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER) ||
        READ(task, thread_info.status) & TS_COMPAT || (__u32)READ(task, tgid) == own_pid)
        return 0;
    /* A file system on top of another acts on the lower one by its own credentials; its own inode follows. */
    if (READ(task, cred) != READ(task, real_cred) && READ(inode, i_sb, s_magic) != OVERLAYFS_SUPER_MAGIC)
        return 0;
    tid = READ(task, pid);
    call = call_of(tid);
    if (!call)
        return 0;
    if (call->tid != tid) {
        call->tid = tid;
        call->count = call->told = 0;
    }
    if ((READ(inode, i_mode) & S_IFMT) == S_IFDIR)
        return 0;
    if (shape->kind == CALL_UNLINK)
        tell_unlink(call, inode, task, shape, regs);
    else
        add_candidate(call, inode, task, shape, regs);
    return 0;
}

SEC("tp_btf/inode_set_ctime_to_ts")
int BPF_PROG(change_time_set, struct inode *inode)
{
    return inode_changed(inode);
}

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(change_time_exchanged, struct inode *inode)
{
    return inode_changed(inode);
}

SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(change_time_kept, struct inode *inode)
{
    return inode_changed(inode);
}

/* --- at its end ----------------------------------------------------------------------------------------------------------- */

/* Of the call that ends: NULL when nothing was seen of it. Whatever comes later belongs to another one. */
static __always_inline struct call *call_ends(__u32 tid)
{
    struct call *call = call_of(tid);

    if (!call || call->tid != tid)
        return NULL;
    call->tid = 0;
    return call;
}

static __always_inline bool moved(struct candidate *candidate)
{
    return candidate->dentry &&
           (parent_of(candidate->dentry) != candidate->parent || name_of(candidate->dentry) != candidate->name);
}

/* The file at `at` was moved: tell which one it replaced, then its new name. */
static __always_inline void tell_rename(struct call *call, int at, struct naming *naming)
{
    struct candidate *candidate = &call->candidate[at];
    struct dentry *parent = parent_of(candidate->dentry);
    __u64 name = name_of(candidate->dentry);

    naming->dentry = candidate->dentry;
    for (int i = 0; i < CANDIDATES; i++) {
        struct candidate *other = &call->candidate[i];

        if (i == at || i >= call->count || other->parent != parent || other->name != name || moved(other))
            continue;
        naming->type = WIRE_DELETED;
        naming->file = other->file;
        if (wanted & SENSOR_DELETE)
            send_name();
    }
    naming->type = WIRE_CREATED;
    naming->file.inode = 0;
    if (wanted & SENSOR_CREATE)
        send_name();
}

/* The directory entry that was made last comes first. */
static __always_inline void tell_new_name(struct call *call, struct naming *naming)
{
    struct inode *inode = call->candidate[0].inode;

    if (call->count == 0 || !(wanted & (SENSOR_CREATE | SENSOR_PIPE)))
        return;
    naming->dentry = dentry_of_alias(READ(inode, i_dentry.first));
    if (naming->dentry)
        send_name();
}

static __always_inline bool is_user_attribute(const char *name)
{
    char prefix[5] = {};

    return !bpf_probe_read_user(prefix, sizeof prefix, name) && prefix[0] == 'u' && prefix[1] == 's' && prefix[2] == 'e' &&
           prefix[3] == 'r' && prefix[4] == '.';
}

/* Times or an attribute of the file whose change time was set. */
static __always_inline void tell_setting(struct call *call, struct naming *naming, const volatile struct call_shape *shape,
                                         struct pt_regs *regs)
{
    struct candidate *candidate = &call->candidate[0];
    struct inode *inode = candidate->inode;

    if (!call->count)
        return;
    naming->dentry = candidate->dentry ? candidate->dentry : dentry_of_alias(READ(inode, i_dentry.first));
    if (shape->kind == CALL_TIMES) {
        naming->type = WIRE_TIMES;
        naming->previous_seconds = candidate->file.mtime_seconds;
        naming->previous_nanoseconds = candidate->file.mtime_nanoseconds;
        if (wanted & SENSOR_TIMES && naming->dentry)
            send_name();
        return;
    }
    naming->type = WIRE_ATTRIBUTE;
    naming->attribute = (const char *)argument(regs, shape->attribute);
    naming->value = (const void *)argument(regs, shape->attribute + 1);
    naming->value_total = argument(regs, shape->attribute + 2);
    if (wanted & SENSOR_ATTRIBUTE && naming->dentry && is_user_attribute(naming->attribute))
        send_name();
}

SEC("tp")
int name_changed(struct syscall_exit *ctx)
{
    struct task_struct *task = current_task();
    struct pt_regs *regs = registers_of(task);
    const volatile struct call_shape *shape = shape_of(ctx->number);
    struct call *call = call_ends(READ(task, pid));
    struct naming *naming;

    if (ctx->result || !shape || (__u32)READ(task, tgid) == own_pid || (call && call->told))
        return 0;
    naming = naming_begin(shape->kind == CALL_UNLINK ? WIRE_DELETED : WIRE_CREATED, shape->how);
    if (!naming)
        return 0;
    read_arguments(naming, shape, regs);
    if (!call && (shape->kind == CALL_TIMES || shape->kind == CALL_ATTRIBUTE))
        return 0;
    if (shape->kind == CALL_UNLINK) {
        /* Nothing was told meanwhile. Directories are not files; unlinkat() removes them when told so. */
        if (wanted & SENSOR_DELETE && !(shape->directory >= 0 && argument(regs, 2) & AT_REMOVEDIR))
            send_name();
    } else if (!call) {
        if (wanted & SENSOR_CREATE)
            send_name();
    } else if (shape->kind == CALL_TIMES || shape->kind == CALL_ATTRIBUTE) {
        tell_setting(call, naming, shape, regs);
    } else if (shape->kind == CALL_RENAME) {
        for (int i = 0; i < CANDIDATES; i++)
            if (i < call->count && moved(&call->candidate[i]))
                tell_rename(call, i, naming);
    } else {
        tell_new_name(call, naming);
    }
    return 0;
}

/* --- open ------------------------------------------------------------------------------------------------------------------ */

static __always_inline __u64 open_flags(struct pt_regs *regs, int number)
{
    __u64 flags = 0;

    switch (shape_of(number) ? shape_of(number)->kind : 0) {
    case CALL_CREAT: return O_TRUNC;
    case CALL_OPEN: return argument(regs, 1);
    case CALL_OPENAT: return argument(regs, 2);
    case CALL_OPENAT2: bpf_probe_read_user(&flags, sizeof flags, (void *)argument(regs, 2));
    }
    return flags;
}

/* An open file as a record of this type. */
static __always_inline void tell_open(struct file *file, __u32 type, __u32 how)
{
    struct naming *naming = naming_begin(type, how);

    if (!naming)
        return;
    naming->dentry = READ(file, f_path.dentry);
    naming->mount = READ(file, f_path.mnt);
    send_name();
}

static __always_inline void tell_memory(struct file *file, struct inode *inode, __u32 mode, struct task_struct *task)
{
    struct proc_inode *proc = container_of(inode, struct proc_inode, vfs_inode);
    struct dentry *dentry = READ(file, f_path.dentry);
    struct pid *pid = READ(proc, pid);
    char name[4] = {};

    bpf_probe_read_kernel(name, sizeof name, READ(dentry, d_name.name));
    if (name[0] != 'm' || name[1] != 'e' || name[2] != 'm' || name[3])
        return;
    struct wire_access access = {
        .how = WIRE_ACCESS_OPEN,
        .target = READ(pid, numbers[0].nr),
        .may_read = mode & FMODE_READ,
        .may_write = mode & FMODE_WRITE,
    };
    if (access.target != (__u32)READ(task, tgid))
        send_access(&access, task);
}

SEC("tp")
int file_opened(struct syscall_exit *ctx)
{
    struct task_struct *task;
    struct inode *inode;
    struct file *file;
    __u32 mode, type;

    if (ctx->result < 0)
        return 0;
    task = current_task();
    file = file_of(task, ctx->result);
    if (!file || (__u32)READ(task, tgid) == own_pid)
        return 0;
    mode = READ(file, f_mode);
    if (mode & FMODE_CREATED) {
        if (wanted & SENSOR_CREATE)
            tell_open(file, WIRE_CREATED, WIRE_BY_OPEN);
        return 0;
    }
    inode = READ(file, f_inode);
    type = READ(inode, i_mode) & S_IFMT;
    if (type == S_IFREG) {
        if (wanted & SENSOR_CREATE && mode & FMODE_WRITE && open_flags(registers_of(task), ctx->number) & O_TRUNC)
            tell_open(file, WIRE_CREATED, WIRE_BY_OVERWRITE);
        else if (wanted & SENSOR_ACCESS && READ(inode, i_sb, s_magic) == PROC_SUPER_MAGIC)
            tell_memory(file, inode, mode, task);
    } else if (type == S_IFBLK && wanted & SENSOR_RAW) {
        tell_open(file, WIRE_RAW, WIRE_BY_OPEN);
    } else if (type == S_IFIFO && wanted & SENSOR_PIPE) {
        tell_open(file, WIRE_PIPE, WIRE_BY_CONNECT);
    }
    return 0;
}
