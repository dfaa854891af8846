/* SPDX-License-Identifier: MIT */
/* Who and where we are. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Host name, terminated; `-` when the system does not say. */
void host_name(char *out, size_t size);
/* Linux: decimal effective user id. Windows: SID of the process's user as text. `size` at least 200. */
void host_user(char *out, size_t size);
uint32_t host_process_id(void);
uint32_t host_thread_id(void); /* cached per thread: cheap */
/* Columns of the console behind standard error or output, 0 when there is none. */
int host_console_width(void);
/* Effective user root; on Windows: a token with administrators enabled. */
bool host_is_root(void);
