/* SPDX-License-Identifier: MIT */
/*
 * Displays of the machine and the helpers that watch their clipboards (clipboard_helper.h). Displays are looked for every few
 * seconds: sockets in /tmp/.X11-unix; who uses one, and with which authority, is in the environment of the processes that do.
 */
#pragma once

#include "linux/clipboard_helper.h"

#include <stddef.h>

struct clipboards;

/* A change, checked. `text` is valid during the call. */
typedef void clipboard_function(void *context, const struct clipboard_change *change, const char *text, uint32_t uid, int display);

int clipboards_open(struct clipboards **out, clipboard_function *changed, void *context);
/* Ends the helpers. NULL is allowed. */
void clipboards_close(struct clipboards *clipboards);
/* Readable when there is something for clipboards_read(). */
int clipboards_descriptor(const struct clipboards *clipboards);
void clipboards_read(struct clipboards *clipboards);
