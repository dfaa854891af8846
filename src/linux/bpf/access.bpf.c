/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Event 10: ptrace and process_vm_readv, process_vm_writev. (Opening /proc/PID/mem: file.bpf.c.) */
#include "access.h"

/* The tracer's newest tracee heads its list: its number in the initial namespace, whatever the caller calls it. */
static __always_inline __u32 newest_tracee(struct task_struct *task)
{
    struct list_head *first = READ(task, ptraced.next);
    struct task_struct *tracee;

    if (first == &task->ptraced)
        return 0;
    tracee = (void *)first - bpf_core_field_offset(((struct task_struct *)0)->ptrace_entry);
    return READ(tracee, tgid);
}

SEC("tp")
int process_traced(struct syscall_exit *ctx)
{
    struct task_struct *task = current_task();
    struct pt_regs *regs = registers_of(task);
    __u64 request = argument(regs, 0);
    struct wire_access access = { .how = WIRE_ACCESS_PTRACE };

    if (ctx->result || (request != PTRACE_ATTACH && request != PTRACE_SEIZE))
        return 0;
    access.target = newest_tracee(task);
    if (!access.target) {
        access.target = argument(regs, 1);
        access.local = 1;
    }
    send_access(&access, task);
    return 0;
}

static __always_inline int moved_memory(struct syscall_exit *ctx, __u32 how)
{
    struct task_struct *task = current_task();
    struct wire_access access = { .how = how, .local = 1 };

    if (ctx->result < 0)
        return 0;
    access.target = argument(registers_of(task), 0);
    send_access(&access, task);
    return 0;
}

SEC("tp")
int memory_read(struct syscall_exit *ctx)
{
    return moved_memory(ctx, WIRE_ACCESS_READ);
}

SEC("tp")
int memory_written(struct syscall_exit *ctx)
{
    return moved_memory(ctx, WIRE_ACCESS_WRITE);
}
