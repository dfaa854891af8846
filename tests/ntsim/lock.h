/* SPDX-License-Identifier: MIT */
/* One book of all locks: who holds what, in which order locks are taken, who releases what he does not hold. */
#ifndef NTSIM_LOCK_H
#define NTSIM_LOCK_H

#include "sched.h"

enum lock_kind { LOCK_SPIN, LOCK_FAST_MUTEX, LOCK_GUARDED_MUTEX, LOCK_RESOURCE, LOCK_PUSH, LOCK_CANCEL };

/* Take the lock at `address`; blocks (or spins). False when `wait` is false and it is taken. */
bool lock_take(const void *address, enum lock_kind kind, bool exclusive, bool wait);
void lock_drop(const void *address, enum lock_kind kind);
bool lock_held_by_me(const void *address, bool *exclusive);
unsigned lock_share_count(const void *address);
void lock_forget(const void *address);  /* its memory ends; a bug when it is held */
void lock_reset(void);
const char *lock_kind_name(enum lock_kind kind);

#endif
