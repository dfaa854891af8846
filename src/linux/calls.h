/* SPDX-License-Identifier: MIT */
/* The system calls the programs must tell apart, by this machine's numbers. */
#pragma once

#include "linux/bpf/sensor.h"

/* Calls with a number of `count` or above are left out. */
void describe_calls(struct call_shape *shapes, unsigned count);
