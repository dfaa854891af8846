/* SPDX-License-Identifier: MIT */
/* The only way this driver reads memory that a user-mode process controls. */
#pragma once

#include "nt.h"

/*
 * Copies `size` bytes from a user address of the current address space. STATUS_ACCESS_VIOLATION when the range is not all
 * user memory or a byte of it can not be read; `to` is then partly written. The memory may change at any time: copy
 * once, then judge the copy. IRQL: APC_LEVEL at most (page faults).
 */
NTSTATUS guard_read(void *to, const void *from, SIZE_T size);

/*
 * The same for an address that the system may have handed over either captured (kernel) or as the caller passed it, such as the
 * data of registry callbacks before NT 6.2. A kernel address counts as trusted: only the system itself can have put it there.
 */
NTSTATUS guard_read_any(void *to, const void *from, SIZE_T size);
