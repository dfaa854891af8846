/* SPDX-License-Identifier: MIT */
/*
 * Who starts the monitor at boot: systemd where it runs, else an init script where there is a place for one, else nobody.
 * In the last two cases the monitor is a daemon of its own with a pid file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SERVICE_NAME "sysmon"
#define SERVICE_UNIT "/etc/systemd/system/sysmon.service"          /* written by -i */
#define SERVICE_PACKAGED_UNIT "/lib/systemd/system/sysmon.service" /* part of the package: never written or removed here */
#define SERVICE_SCRIPT "/etc/init.d/sysmon"
#define SERVICE_PID_FILE "/run/sysmon.pid"

enum service_manager { SERVICE_SYSTEMD, SERVICE_INIT, SERVICE_ALONE };

enum service_manager service_manager_here(void);

/* All return an exit code, with one line in `error` unless it is EXIT_OK. `program`: absolute path of the executable. */

/* Writes unit or script (unless the package brings it) and enables it. */
int service_register(enum service_manager manager, const char *program, char *error, size_t size);
/* Disables and removes what service_register() writes. */
int service_unregister(enum service_manager manager, char *error, size_t size);
/* Starts and waits until it is ready or has failed. */
int service_start(enum service_manager manager, const char *program, char *error, size_t size);
/* Stops and waits until it is gone; EXIT_NOT_RUNNING when it was not running. */
int service_stop(enum service_manager manager, char *error, size_t size);
/* Process id of the running monitor, 0 = none. */
int service_running(void);
/* Was unit or script there before? For rolling back. */
bool service_is_registered(enum service_manager manager);

/* Runs a program without a shell, output discarded; its exit status, or -1. */
int service_command(const char *const *argv);
