/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Event 100: bpf(BPF_PROG_LOAD) and bpf(BPF_PROG_ATTACH) that succeeded. What was loaded is read from the kernel's program behind
 * the descriptor, not from the caller's memory, which may have changed.
 */
#include "record.h"
#include "syscall.h"

#define BPF_PROG_LOAD 5
#define BPF_PROG_ATTACH 8
#define ATTACH_FD 4   /* offsets in union bpf_attr, as BPF_PROG_ATTACH has it */
#define ATTACH_TYPE 8

/* NULL: the descriptor is no program (any more). */
static __always_inline struct bpf_prog *program_of(struct task_struct *task, __u32 fd)
{
    struct file *file = file_of(task, fd);
    __u64 name[2] = {}, wanted_name;
    const unsigned char *text;

    if (!file)
        return NULL;
    text = READ(file, f_path.dentry, d_name.name);
    bpf_probe_read_kernel_str(name, sizeof name, text);
    __builtin_memcpy(&wanted_name, "bpf-prog", 8);
    if (name[0] != wanted_name || name[1])
        return NULL;
    return READ(file, private_data);
}

static __always_inline void describe_program(struct wire_program *out, struct bpf_prog *program, bool with_type)
{
    struct bpf_prog_aux *aux = READ(program, aux);

    if (with_type)
        out->type = READ(program, type);
    out->id = READ(aux, id);
    bpf_core_read(out->name, sizeof out->name, &aux->name);
}

static __always_inline void tell_program(struct task_struct *task, __u32 command, __u64 attributes, __s32 result)
{
    struct wire_counters *count = counters_of(WIRE_PROGRAM);
    struct wire_program *out = bpf_ringbuf_reserve(&events, sizeof *out, 0);
    struct bpf_prog *program;
    __u32 fd = result;

    if (count)
        count->seen++;
    if (!out) {
        count_ring_full(WIRE_PROGRAM);
        return;
    }
    __builtin_memset(out, 0, sizeof *out);
    header_fill(&out->header, WIRE_PROGRAM, task);
    out->header.size = sizeof *out;
    out->command = command;
    if (command == BPF_PROG_LOAD) {
        out->descriptor = result;
    } else {
        bpf_probe_read_user(&fd, sizeof fd, (void *)(attributes + ATTACH_FD));
        bpf_probe_read_user(&out->attach_type, sizeof out->attach_type, (void *)(attributes + ATTACH_TYPE));
    }
    program = program_of(task, fd);
    if (program)
        describe_program(out, program, command == BPF_PROG_LOAD);
    bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
    wake_reader();
}

SEC("tp")
int bpf_called(struct syscall_exit *ctx)
{
    struct task_struct *task = current_task();
    struct pt_regs *regs;
    __u32 command;

    if (ctx->result < 0 || (__u32)READ(task, tgid) == own_pid)
        return 0;
    regs = registers_of(task);
    command = argument(regs, 0);
    if (command == BPF_PROG_LOAD || (command == BPF_PROG_ATTACH && !ctx->result))
        tell_program(task, command, argument(regs, 1), ctx->result);
    return 0;
}
