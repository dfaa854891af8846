/* SPDX-License-Identifier: MIT */
/* Bytes that outsiders cannot guess: for keys of hash tables and for names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* False: this system has no generator; the bytes then come from a clock, good enough for hash tables only. */
bool random_bytes(void *out, size_t size);
