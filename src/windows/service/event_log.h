/* SPDX-License-Identifier: MIT */
/* The Windows event log: EventWrite with the provider's manifest, ReportEvent on systems without it (spec 09 section 3). */
#pragma once

#include "sysmon/event.h"

#include <windows.h>

struct event_log;

DWORD event_log_open(struct event_log **out);
void event_log_close(struct event_log *log);
/* A Windows error: the event is then not in the log. */
DWORD event_log_write(struct event_log *log, const struct event *event);
