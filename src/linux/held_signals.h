/* SPDX-License-Identifier: MIT */
/*
 * Signals while the installation changes: none of those a person or a shell sends may end the process between two steps,
 * and a reader that went away (`sysmon -i | head`) may not either.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>

struct held_signals {
    sigset_t before;
    struct sigaction pipe;
};

void held_signals_begin(struct held_signals *held);
/* Has one come meanwhile? */
bool held_signals_pending(void);
/* From here on they act again, also those that came meanwhile. */
void held_signals_end(const struct held_signals *held);
