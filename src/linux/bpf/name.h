/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Records about names of files: struct wire_name. */
#pragma once

#include "inode.h"
#include "record.h"
#include "syscall.h"

/* Tells what stands in the processor's record->naming. A global function for the verifier's sake, see append_path(). */
int send_name(void);

/* The processor's naming, emptied. NULL: its record is in use, which is counted. */
static __always_inline struct naming *naming_begin(__u32 type, __u32 how)
{
    struct record *record = scratch_record();
    struct wire_counters *count = counters_of(type);

    if (!record || !count)
        return NULL;
    if (record->busy) {
        count->seen++;
        count_busy(count);
        return NULL;
    }
    __builtin_memset(&record->naming, 0, sizeof record->naming);
    record->naming.type = type;
    record->naming.how = how;
    record->naming.fd = AT_FDCWD;
    return &record->naming;
}
