/* SPDX-License-Identifier: MIT */
/*
 * The running monitor answers `stats` on a named pipe that only SYSTEM and administrators may open.
 *
 * Request: the name of a format (sysmon/stats.h). Answer: the document, or a line that starts with `ERROR `.
 */
#pragma once

#include <stddef.h>
#include <wchar.h>
#include <windows.h>

struct stats_pipe;
struct monitor;

/* `name`: that of the service. ERROR_ACCESS_DENIED: another monitor has it. */
DWORD stats_pipe_open(struct stats_pipe **out, struct monitor *monitor, const wchar_t *name);
void stats_pipe_close(struct stats_pipe *pipe);

/* The other end. ERROR_FILE_NOT_FOUND: nobody answers. `*text` is terminated and the caller's. */
DWORD stats_pipe_ask(const wchar_t *name, const char *format, char **text, size_t *size);
