/* SPDX-License-Identifier: MIT */
/* /proc/PID, for processes the sensor did not see start. Everything is read through one handle on the directory. */
#pragma once

#include "linux/text_arena.h"
#include "sysmon/event.h"

struct proc_details {
    uint32_t parent_pid, session;
    uint64_t start_ticks; /* since boot, 1/sysconf(_SC_CLK_TCK) s */
    uint32_t uid, euid, login_uid, audit_session;
    uint32_t pid_namespace, mount_namespace;
    bool kernel_thread;
    struct match_text image, directory, arguments, cgroup; /* arguments: each ended by NUL */
};

/*
 * Texts are taken from the arena. -ESRCH when there is no such process (any more); a value that cannot be read is empty or
 * -1. A kernel thread's image is its name in brackets.
 */
int proc_read(struct proc_details *out, uint32_t pid, struct text_arena *arena);
/* Only the arguments: at most PROC_ARGUMENTS_MAX bytes. */
struct match_text proc_arguments(uint32_t pid, struct text_arena *arena);

/* The process that the thread `tid` belongs to; 0 = there is none. */
uint32_t proc_thread_group(uint32_t tid, struct text_arena *arena);

#define PROC_ARGUMENTS_MAX (256u << 10)
