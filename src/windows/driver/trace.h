/* SPDX-License-Identifier: MIT */
/* The user-mode call trace of the current thread, with the modules of its frames. */
#pragma once

#include "nt.h"

#include "sysmon/wire.h"

/*
 * Up to WIRE_FRAMES_LIMIT frames, innermost first, in pool of ours (the caller frees it); NULL and 0 when there is no user
 * stack or no memory. IRQL: PASSIVE_LEVEL, the thread in its own process.
 */
struct wire_frame *trace_capture(ULONG *count);
