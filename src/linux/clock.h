/* SPDX-License-Identifier: MIT */
/* Kernel time (CLOCK_BOOTTIME) to wall-clock time in 100-ns units since 1601. */
#pragma once

#include <stdint.h>

/*
 * Wall-clock time of a record: follows steps and slewing of the system clock, as of the moment of the call.
 * `boot_ns` is a CLOCK_BOOTTIME reading.
 */
uint64_t clock_event_time(uint64_t boot_ns);
/* Measures the distance between the two clocks again. Call before a batch of events. */
void clock_refresh(void);
