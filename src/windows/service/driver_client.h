/* SPDX-License-Identifier: MIT */
/*
 * The driver seen from user mode: its device, several outstanding reads, and the small requests (spec 01 section 3.2, wire.h).
 */
#pragma once

#include "sysmon/wire.h"

#include <stdbool.h>
#include <windows.h>

struct driver_client;

/*
 * Opens `\\.\NAME` and does the handshake. Windows errors; ERROR_REVISION_MISMATCH when the driver speaks another version,
 * which is then in `version` (may be NULL).
 */
DWORD driver_client_open(struct driver_client **out, const wchar_t *name, uint32_t *version);
/* Cancels what is outstanding and frees. driver_client_read() must have returned for good. NULL is allowed. */
void driver_client_close(struct driver_client *client);

/*
 * The next buffer of whole records, in the driver's order; valid until the next call. Waits; returns ERROR_OPERATION_ABORTED when `stop`
 * is set. Any other error: the driver is gone, close and open again.
 */
DWORD driver_client_read(struct driver_client *client, HANDLE stop, const void **data, DWORD *size);

/* The rest may be called from any thread. */
DWORD driver_client_update(struct driver_client *client);
/* A WIRE_PROCESS_CREATE_CACHE record of a process. */
DWORD driver_client_query(struct driver_client *client, uint32_t pid, void *buffer, DWORD capacity, DWORD *size);
DWORD driver_client_verdict(struct driver_client *client, uint32_t tracker, enum wire_verdict_result result);

/* One update request to a driver without keeping it open: for the tool. */
DWORD driver_notify(const wchar_t *name);
