/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Event 25, a process that says it runs another file: prctl(PR_SET_MM, PR_SET_MM_EXE_FILE or PR_SET_MM_MAP with a file). What
 * /proc/PID/exe shows from then on is the name that is told. (Programs without a file are told by exec: process.bpf.c.)
 */
#include "name.h"

#define PR_SET_MM 35
#define PR_SET_MM_EXE_FILE 13
#define PR_SET_MM_MAP 14
#define MAP_EXE_FD 100 /* offset in struct prctl_mm_map, the kernel's interface */

static __always_inline bool changes_image(struct pt_regs *regs)
{
    __u64 option = argument(regs, 1);
    __s32 fd = -1;

    if (argument(regs, 0) != PR_SET_MM)
        return false;
    if (option == PR_SET_MM_MAP)
        bpf_probe_read_user(&fd, sizeof fd, (void *)(argument(regs, 2) + MAP_EXE_FD));
    return option == PR_SET_MM_EXE_FILE || fd != -1;
}

SEC("tp")
int image_changed(struct syscall_exit *ctx)
{
    struct task_struct *task = current_task();
    struct naming *naming;
    struct file *file;

    if (ctx->result || (__u32)READ(task, tgid) == own_pid || !changes_image(registers_of(task)))
        return 0;
    naming = naming_begin(WIRE_TAMPERED, 0);
    if (!naming)
        return 0;
    file = READ(task, mm, exe_file);
    naming->dentry = READ(file, f_path.dentry);
    naming->mount = READ(file, f_path.mnt);
    send_name();
    return 0;
}
