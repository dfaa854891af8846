/* SPDX-License-Identifier: MIT */
/* Making calls of the driver fail: the n-th fallible one, each once per place in the driver. */
#ifndef NTSIM_FAULT_H
#define NTSIM_FAULT_H

#include "export.h"

void fault_count(void);                    /* start counting, fail nothing */
void fault_arm(unsigned number);           /* fail call `number` (from 1) of those counted since */
void fault_off(void);
unsigned fault_seen(void);                 /* fallible calls so far */
/* Call numbers of the last counting run whose place (function and call stack) has not been failed before, in order. */
size_t fault_new_places(unsigned *numbers, size_t room);
void fault_forget_places(void);
const char *fault_fired(void);             /* description of the failed call, NULL when none was */
/* Inside a routine that fails only for some arguments: should it, now? */
bool fault_point(const char *name);
/* Should this call fail? */
bool fault_hit(const struct export *entry, uintptr_t caller);

#endif
