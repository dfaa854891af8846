/* SPDX-License-Identifier: MIT */
/*
 * Names of addresses and ports, looked up behind the back of events (spec 01 section 3.3, 09 section 5.9): the event that asks first
 * goes on without. At most 50 look-ups at a time and 400 that wait; what comes beyond is not looked up.
 */
#pragma once

#include "network_event.h"

#include <windows.h>

/* Process-wide: look-ups may outlive everything but the process. Windows error. */
DWORD resolver_open(void);
/* Starts what is not known yet. Never waits. */
void resolver_want(const struct network_flow *flow);
/* What is known by now. */
extern const struct network_names resolver_names;
