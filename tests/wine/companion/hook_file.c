/* SPDX-License-Identifier: MIT */
/* File operations for the filter manager of the test (fltmgr.c). */
#include "hook.h"

void file_hooks_start(void)
{
}
