/* SPDX-License-Identifier: MIT */
/* One helper in one session, and the pipe to it (spec 09 sections 8.5, 8.6). */
#pragma once

#include <windows.h>

struct clipboard_process {
    HANDLE pipe, process;
    DWORD pid;
};

/* Starts a helper and waits until it has connected, or `stop` is set (ERROR_CANCELLED). Windows error. */
DWORD clipboard_process_start(struct clipboard_process *out, DWORD session, HANDLE stop);
/* The next bytes of the pipe, at least one. ERROR_CANCELLED: `stop` was set; other errors: the helper is gone. */
DWORD clipboard_process_read(struct clipboard_process *process, void *data, DWORD size, DWORD *got, HANDLE stop);
/* Closing its pipe ends the helper; one that does not is ended. */
void clipboard_process_stop(struct clipboard_process *process);
