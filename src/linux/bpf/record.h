/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * How a program makes a record: take the processor's scratch, fill in the header, append texts, send.
 *
 *   struct record *record = record_begin(WIRE_EXEC);
 *   if (!record) return 0;                      counted
 *   … fixed part in record->bytes; record->at is the end of what is written
 *   record_append_path(record, …)
 *   record_send(record);
 *
 * The scratch belongs to programs that run in the context of a process. Network programs, which interrupt them, send
 * fixed structures straight from the ring.
 */
#pragma once

#include "read.h"
#include "sysmon/wire_linux.h"

/* A power of two that holds the fixed part, all texts and the overhang of the last one; a per-cpu map's value ends at 32 KiB. */
#define RECORD_LIMIT 0x7000
#define RECORD_MASK 0x7fff
#define RECORD_OVERHANG 0x0c00

/* What send_name() is to tell about one name (name.h). */
struct naming {
    __u32 type; /* enum wire_type */
    __u32 how;  /* enum wire_how */
    struct wire_file file;  /* valid when .links or .inode is not 0; else it is read from `dentry` */
    struct dentry *dentry;  /* NULL: the argument is all there is */
    struct vfsmount *mount; /* NULL: to be found, from the base of the argument on */
    const char *argument;
    const char *attribute; /* user memory; NULL: none */
    const void *value;
    __s64 previous_seconds;
    __u32 previous_nanoseconds;
    __u32 value_total;
    int fd; /* base of a relative argument: AT_FDCWD or a directory */
    bool is_kernel; /* the argument is an abstract socket's name of this size, in kernel memory */
    __u8 kernel_size;
};

/*
 * What append_path() and choose_name() are to look at. Global functions take numbers only, and the verifier does not let a
 * pointer pass for one; through memory it does.
 */
struct walk {
    struct dentry *dentry, *root_dentry, *mount_root;
    struct vfsmount *vfs, *root_vfs;
    struct hlist_node *alias;
    struct task_struct *task;
    struct css_set *set;
};

struct record {
    struct naming naming;
    struct walk walk;
    __u32 at;         /* bytes written */
    __u16 path_flags; /* of the last append_path() */
    __u8 busy;        /* not 0: in use by a program that was interrupted */
    __u8 unused;
    char bytes[RECORD_LIMIT + RECORD_OVERHANG];
};

struct known_process {
    __u64 start;
    __u64 image;
};

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 16 << 20);
} events SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct record);
} scratch SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, WIRE_TYPE_COUNT);
    __type(key, __u32);
    __type(value, struct wire_counters);
} counters SEC(".maps");

/* Live processes by thread group: which program each one runs. Filled by exec and fork, and at start by the loader. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 32768);
    __type(key, __u32);
    __type(value, struct known_process);
} processes SEC(".maps");

/* Set by the reader before it sleeps; the program that finds it set wakes the reader. Nobody is woken while it is awake. */
extern volatile __u32 reader_sleeps;
/* Every loss, of whatever kind. */
extern __u64 losses;
/* The monitor itself: never reported. */
extern const volatile __u32 own_pid;

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* enum sensor_feature: what the reader wants of programs that serve several events. */
extern volatile __u32 wanted;


static __always_inline struct wire_counters *counters_of(__u32 type)
{
    return bpf_map_lookup_elem(&counters, &type);
}

static __always_inline struct record *scratch_record(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&scratch, &zero);
}

static __always_inline void count_busy(struct wire_counters *count)
{
    count->lost_scratch++;
    __sync_fetch_and_add(&losses, 1);
}

static __always_inline struct record *record_begin(__u32 type)
{
    struct record *record = scratch_record();
    struct wire_counters *count = counters_of(type);

    if (!record || !count)
        return NULL;
    count->seen++;
    if (record->busy) {
        count_busy(count);
        return NULL;
    }
    record->busy = 1;
    record->at = 0;
    return record;
}

/* The reader empties the ring in batches; waking it for every record would cost more than the record. */
static __always_inline void wake_reader(void)
{
    void *note;

    if (!reader_sleeps)
        return;
    reader_sleeps = 0;
    note = bpf_ringbuf_reserve(&events, 8, 0);
    if (note)
        bpf_ringbuf_discard(note, BPF_RB_FORCE_WAKEUP);
}

static __always_inline void count_ring_full(__u32 type)
{
    struct wire_counters *count = counters_of(type);

    if (count)
        count->lost_ring++;
    __sync_fetch_and_add(&losses, 1);
}

static __always_inline int record_send(struct record *record)
{
    struct wire_header *header = (struct wire_header *)record->bytes;
    __u32 size = record->at;
    int error;

    if (size > RECORD_LIMIT + RECORD_OVERHANG)
        size = RECORD_LIMIT;
    header->size = size;
    error = bpf_ringbuf_output(&events, record->bytes, size, BPF_RB_NO_WAKEUP);
    if (error)
        count_ring_full(header->type);
    record->busy = 0;
    wake_reader();
    return error;
}

/* Who: the process of `task`. */
static __always_inline void header_identity(struct wire_header *header, struct task_struct *task)
{
    struct known_process *known;

    header->pid = READ(task, tgid);
    header->tid = READ(task, pid);
    header->start = READ(task, group_leader, start_boottime);
    header->euid = READ(task, cred, euid.val);
    header->parent_pid = READ(task, real_parent, tgid);
    known = bpf_map_lookup_elem(&processes, &header->pid);
    header->image = known && known->start == header->start ? known->image : 0;
}

static __always_inline void header_fill(struct wire_header *header, __u32 type, struct task_struct *task)
{
    header->type = type;
    header->flags = 0;
    header->time = bpf_ktime_get_boot_ns();
    header_identity(header, task);
}

static __always_inline void record_header(struct record *record, __u32 type, struct task_struct *task)
{
    header_fill((struct wire_header *)record->bytes, type, task);
}

/* Room for `size` bytes of fixed part. */
static __always_inline void record_fixed(struct record *record, __u32 size)
{
    record->at = size;
}

static __always_inline __u32 record_append_string(struct record *record, const char *text)
{
    __u32 at = record->at;
    long size;

    if (at > RECORD_LIMIT)
        return 0;
    size = bpf_probe_read_kernel_str(record->bytes + (at & RECORD_MASK), 256, text);
    if (size <= 1)
        return 0;
    record->at = at + size - 1;
    return size - 1;
}
