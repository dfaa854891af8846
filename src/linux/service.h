/* SPDX-License-Identifier: MIT */
/* The installed service's own process (`-service`). */
#pragma once

/* Specifications of the outputs, one a line; `#` begins a comment. Without the file: SERVICE_DEFAULT_OUTPUT. */
#define SERVICE_OUTPUTS_FILE "/etc/sysmon/outputs.conf"
#define SERVICE_DEFAULT_OUTPUT "syslog:local,bsd"

/*
 * Under systemd (NOTIFY_SOCKET) in the foreground; else it becomes a daemon, and the calling process ends when the daemon is
 * ready or has failed. Returns an exit code.
 */
int service_main(void);
