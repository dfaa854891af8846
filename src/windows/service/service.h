/* SPDX-License-Identifier: MIT */
/* The service role. */
#pragma once

/* Start argument of the installer: the configuration is new, so an event 16 follows. */
#define SERVICE_ARGUMENT_CONFIGURED L"configured"
/* User-defined control of the tool: a configuration was stored; reload it and write an event 16. */
#define SERVICE_CONTROL_CONFIGURED 128

/*
 * Called when the program was started without arguments. 0: the service manager had started it and the service has run to its end.
 * Otherwise nothing happened and this is a command line.
 */
int service_dispatch(void);
