/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Records about one process reaching into another: struct wire_access. */
#pragma once

#include "syscall.h"

/* `access` without its header. */
static __always_inline void send_access(const struct wire_access *access, struct task_struct *task)
{
    struct wire_counters *count = counters_of(WIRE_ACCESS);
    struct wire_access *out = bpf_ringbuf_reserve(&events, sizeof *out, 0);

    if (count)
        count->seen++;
    if (!out) {
        count_ring_full(WIRE_ACCESS);
        return;
    }
    *out = *access;
    header_fill(&out->header, WIRE_ACCESS, task);
    out->header.size = sizeof *out;
    bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
    wake_reader();
}
