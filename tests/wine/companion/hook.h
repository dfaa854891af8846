/* SPDX-License-Identifier: MIT */
/* Between the files of the hook. */
#pragma once

#include <windows.h>

#include "activity.h"

/* False inside the hook's own calls: those are not told. */
BOOL hook_enter(void);
void hook_leave(void);
void hook_prepare(struct activity *out, uint32_t kind);
NTSTATUS hook_send(struct activity *activity, const void *const texts[ACTIVITY_TEXTS]);
/* Puts `by` in front of a system call; returns what calls the original, NULL when there is no such stub. */
void *hook_replace(const char *name, void *by);

/* hook_file.c */
void file_hooks_start(void);
