/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The system call a task is in: number, arguments, descriptors. Arguments are the caller's, and may change under our eyes. */
#pragma once

#include "record.h"

#define PF_IO_WORKER 0x00000010
#define TS_COMPAT 0x0002
#define THREAD_SIZE 16384
#define AT_FDCWD (-100)

/* Context of a classic syscall tracepoint at the call's end. */
struct syscall_exit {
    __u64 common;
    int number;
    int padding;
    long result;
};

static __always_inline struct task_struct *current_task(void)
{
    return (struct task_struct *)bpf_get_current_task();
}

/* Saved at the top of the kernel stack; bpf_task_pt_regs() would need Linux 5.15. */
static __always_inline struct pt_regs *registers_of(struct task_struct *task)
{
    return READ(task, stack) + THREAD_SIZE - bpf_core_type_size(struct pt_regs);
}

static __always_inline __u64 argument(struct pt_regs *regs, int index)
{
    switch (index) {
    case 0: return READ(regs, di);
    case 1: return READ(regs, si);
    case 2: return READ(regs, dx);
    case 3: return READ(regs, r10);
    case 4: return READ(regs, r8);
    default: return READ(regs, r9);
    }
}

static __always_inline struct file *file_of(struct task_struct *task, __u32 fd)
{
    struct fdtable *table = READ(task, files, fdt);
    struct file **files = READ(table, fd), *file = NULL;

    if (fd < READ(table, max_fds))
        bpf_probe_read_kernel(&file, sizeof file, files + fd);
    return file;
}
