/* SPDX-License-Identifier: MIT */
/* Signals held back. */
#include "held_signals.h"

#include <stddef.h>

static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define NUMBERS (sizeof numbers / sizeof *numbers)

void held_signals_begin(struct held_signals *held)
{
    const struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < NUMBERS; i++)
        sigaddset(&set, numbers[i]);
    sigprocmask(SIG_BLOCK, &set, &held->before);
    sigaction(SIGPIPE, &ignore, &held->pipe);
}

bool held_signals_pending(void)
{
    sigset_t set;

    sigpending(&set);
    for (size_t i = 0; i < NUMBERS; i++)
        if (sigismember(&set, numbers[i]) == 1)
            return true;
    return false;
}

void held_signals_end(const struct held_signals *held)
{
    sigaction(SIGPIPE, &held->pipe, NULL);
    sigprocmask(SIG_SETMASK, &held->before, NULL);
}
