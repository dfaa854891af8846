/* SPDX-License-Identifier: MIT */
/*
 * The process that watches one display's clipboard for event 24: `sysmon run --clipboard`, started by the monitor as the
 * display's user, because what a display says is no more to be trusted than that user. Uses libxcb where it is installed.
 */
#pragma once

#include <stdint.h>

/* Text that is taken; a longer one is told without it. Also what one message of the socket may hold. */
#define CLIPBOARD_TEXT_MAX (128u << 10)

/* One message on standard output (SOCK_SEQPACKET): this, then `text_size` bytes. */
struct clipboard_change {
    uint64_t time;      /* CLOCK_BOOTTIME, ns */
    uint32_t owner_pid; /* whose text it is; 0 = not known */
    uint32_t vouched;   /* 1: the display's server knows the process; 0: its window says so */
    uint32_t text_size;
    uint32_t too_large; /* there is a text, and it is longer than CLIPBOARD_TEXT_MAX */
};

/* The display of the environment, until it or standard output goes away. An exit code: 0 it ended, 2 no display, 3 no libxcb. */
int clipboard_helper(void);
