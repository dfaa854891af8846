/* SPDX-License-Identifier: MIT */
/* Account names of SIDs and times of logons: slow questions with remembered answers. Any thread. */
#pragma once

#include "pool.h"

#include <windows.h>

struct users;

DWORD users_open(struct users **out);
void users_close(struct users *users);
/* `DOMAIN\name`, else the SID as text; size 0 when it is no SID at all. May wait for a domain controller once per SID. */
struct match_text users_name(struct users *users, struct pool *pool, const uint8_t *sid, uint32_t size);
/* When the session logged on, 0: not known. */
uint64_t users_logon_time(struct users *users, uint64_t luid);
