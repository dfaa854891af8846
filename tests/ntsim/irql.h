/* SPDX-License-Identifier: MIT */
#ifndef NTSIM_IRQL_H
#define NTSIM_IRQL_H

#include "nt.h"

struct host_fault;

KIRQL irql_raise(KIRQL to);        /* the old one */
void irql_lower(KIRQL to);
/* A privileged instruction: CR8 reads and writes are how inlined KeGetCurrentIrql & co. look on x64. */
bool irql_instruction(struct host_fault *fault);

/* Every call of driver code goes between these two: what must be the same afterwards is compared. */
struct crossing {
    const char *what;
    KIRQL irql;
    unsigned held, normal_apcs_off, all_apcs_off, attach_depth;
    uintptr_t entry_sp;
    const char *outer;
};
void cross_in(struct crossing *crossing, const char *what);
void cross_out(struct crossing *crossing);
/* Deepest use of the kernel stack by the driver so far, in bytes, and where. */
size_t cross_depth(uintptr_t *where);
void cross_note_stack(uintptr_t sp, uintptr_t pc);

#endif
