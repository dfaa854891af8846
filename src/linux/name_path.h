/* SPDX-License-Identifier: MIT */
/* The absolute path of a name that came or went, as the acting process saw it. */
#pragma once

#include "linux/decode.h"
#include "linux/text_arena.h"

/*
 * From the kernel's path where there is one. Where there is none, or where the file system is mounted in several places, the
 * directory that the call's argument names is looked up in the process's root, a moment later than the call: links on the way
 * are followed as they are now. A process that is gone, or a directory that is, leaves the argument, tidied up.
 */
struct match_text name_path(const struct decoded_name *name, struct text_arena *arena);

/* `base` and `argument` joined, without `.`, `..` and repeated slashes. `out` holds base.size + argument.size + 2 bytes. */
size_t path_tidy(char *out, struct match_text base, struct match_text argument);
