/* SPDX-License-Identifier: MIT */
/* Provider and channel of the event log (spec 09 section 2). Windows errors; failures are explained on stderr. */
#pragma once

#include <windows.h>

/* `program`: the installed executable, which is resource and message file. Replaces an earlier registration. */
DWORD event_manifest_register(const wchar_t *program);
/* Before the executable is deleted. Not registered is success. */
DWORD event_manifest_remove(const wchar_t *program);
