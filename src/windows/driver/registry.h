/* SPDX-License-Identifier: MIT */
/* Between the files of the registry part. */
#pragma once

#include "nt.h"

/* Learns which control set is the current one. IRQL: PASSIVE_LEVEL. */
void registry_names_start(void);
/* Full path of a living key, in pool of ours; NULL when it has none. IRQL: APC_LEVEL at most. */
UNICODE_STRING *registry_name_of(PLARGE_INTEGER cookie, PVOID key);
/* `path`, abbreviated, plus `\leaf` when that is not NULL; out->Buffer is pool of ours. */
NTSTATUS registry_path_show(UNICODE_STRING *out, const UNICODE_STRING *path, const UNICODE_STRING *leaf);
/* Text of value data that may lie in user memory; out->Buffer is pool of ours. */
NTSTATUS registry_value_show(UNICODE_STRING *out, ULONG type, const void *data, ULONG size);
