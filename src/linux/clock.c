/* SPDX-License-Identifier: MIT */
#include "linux/clock.h"

#include "sysmon/event.h"

#include <time.h>

static uint64_t boot_epoch; /* ns since 1970 at CLOCK_BOOTTIME 0, as the wall clock stands now */

static uint64_t now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void clock_refresh(void)
{
    boot_epoch = now(CLOCK_REALTIME) - now(CLOCK_BOOTTIME);
}

uint64_t clock_event_time(uint64_t boot_ns)
{
    return (boot_epoch + boot_ns) / 100 + FILETIME_UNIX_EPOCH;
}
