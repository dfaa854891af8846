/* SPDX-License-Identifier: MIT */
/*
 * The machine's processes as the sensor reports them, and whatever else an event says about the process that acted.
 *
 * A process is (pid, start); which program it runs is told by `image`, the time of the exec, which every record carries.
 * When the table has no entry with that image (its record was lost, or it is a fork nobody has told us about), it is
 * taken from the parent that runs the same program, or from /proc; failing that, only numbers are known.
 */
#pragma once

#include "linux/text_arena.h"
#include "linux/decode.h"
#include "linux/identity.h"
#include "linux/users.h"
#include "sysmon/process_table.h"

enum process_number { PROCESS_IMAGE_TIME, PROCESS_NAMESPACES, PROCESS_REAL_UID };
/* mount namespace << 32 | pid namespace, in number[PROCESS_NAMESPACES] */

enum process_flag {
    PROCESS_COMMAND_LINE_CUT = 1, /* it had more arguments than were kept */
    PROCESS_UNTOLD = 2,           /* not seen to start: from /proc, or numbers only */
};

struct processes {
    struct process_table *table;
    struct users *users;
    struct identity identity;
    uint64_t now; /* CLOCK_BOOTTIME in 100-ns units, as of the batch */
};

int processes_open(struct processes *out);
void processes_close(struct processes *processes);

/*
 * A program was started (WIRE_EXEC), or runs already (WIRE_RUNNING). `command_line` as decode_command_line() makes it.
 * Texts are copied. NULL when memory runs out. The entry is valid until the table changes.
 */
const struct process *processes_started(struct processes *processes, const struct decoded_exec *exec,
                                        struct match_text command_line, bool cut, struct text_arena *arena);
void processes_forked(struct processes *processes, const struct wire_fork *fork);
void processes_ended(struct processes *processes, const struct wire_header *header, uint64_t time);

/* The process that acted; made up from what is at hand when not known. NULL only without memory. */
const struct process *processes_of(struct processes *processes, const struct wire_header *header, struct text_arena *arena);
/* The parent as it was when the record was made. May be NULL. */
const struct process *processes_parent(struct processes *processes, const struct decoded_exec *exec, struct text_arena *arena);
