/* SPDX-License-Identifier: MIT */
/* Drive letters of NT devices, looked up again when an unknown one appears. Any thread. */
#pragma once

#include "nt_path.h"

#include <windows.h>

struct volumes;

DWORD volumes_open(struct volumes **out);
void volumes_close(struct volumes *volumes);
struct match_text volumes_dos_path(struct volumes *volumes, struct pool *pool, struct match_text nt_path);
