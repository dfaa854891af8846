/* SPDX-License-Identifier: MIT */
/* Between the files of the companion driver. */
#pragma once

#include <ntifs.h>

#include "activity.h"

/* Whom a callback that runs now acts for; NULL outside of one. */
PEPROCESS actor_process(void);
UNICODE_STRING activity_text(const struct activity *activity, unsigned index);

/* fltmgr.c */
NTSTATUS file_activity(const struct activity *activity);
/* One of our own file objects: counted here, unknown to Wine. */
BOOLEAN file_object_release(PVOID object);
void fltmgr_start(void);
/* Adds an entry `fltmgr.sys` to the answer of SystemModuleInformation. */
NTSTATUS fltmgr_modules(PVOID out, ULONG size, PULONG needed, NTSTATUS status);
