/* SPDX-License-Identifier: MIT */
/* The rows of monitor_sources.c. */
#pragma once

#include "monitor_source.h"

extern const struct monitor_source network_source;   /* event 3 */
extern const struct monitor_source dns_source;       /* event 22 */
extern const struct monitor_source wmi_source;       /* events 19, 20, 21 */
extern const struct monitor_source clipboard_source; /* event 24 */
