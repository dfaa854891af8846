/* SPDX-License-Identifier: MIT */
/*
 * Names of users, from /etc/passwd, re-read when the file changes. Never asks a name service: one that hangs would hang the
 * events. A user without a name there is shown as its number.
 */
#pragma once

#include "sysmon/event.h"

struct users;

int users_create(struct users **out);
void users_destroy(struct users *users);
/* The text stays valid until the next users_refresh(). */
struct match_text users_name(struct users *users, uint32_t uid);
/* Looks whether the file changed; call now and then between events. */
void users_refresh(struct users *users);
