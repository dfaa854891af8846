/* SPDX-License-Identifier: MIT */
/* What files say about themselves: hashes, remembered by the file's identity, and version resources. Any thread. */
#pragma once

#include "pool.h"

#include "sysmon/pe.h"

#include <windows.h>

struct file_facts;

DWORD file_facts_open(struct file_facts **out);
void file_facts_close(struct file_facts *facts);
/* Which algorithms (enum hash_algorithm) from now on. */
void file_facts_set_algorithms(struct file_facts *facts, uint32_t mask);
/* Text of Hashes by DOS path; size 0: the file cannot be read. */
struct match_text file_facts_hashes(struct file_facts *facts, struct pool *pool, struct match_text path);
int file_facts_version(struct match_text path, struct pe_version *out);
