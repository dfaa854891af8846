/* SPDX-License-Identifier: MIT */
/* Names of addresses and ports that were asked for: bounded, the one not used longest gives way. Portable, one thread at a time. */
#pragma once

#include "sysmon/event.h"

#include <stdbool.h>

#define NAME_CACHE_LIMIT 16384u
#define NAME_LIMIT_BYTES 255u
/* Until a question without an answer may be asked again: 5 minutes, in milliseconds. */
#define NAME_RETRY 300000u

enum name_kind { NAME_IPV4, NAME_IPV6, NAME_TCP_PORT, NAME_UDP_PORT };

/* Zero-initialised, so that it compares as bytes. */
struct name_key {
    uint8_t address[16]; /* ports: the first two bytes, high first */
    uint8_t kind;        /* enum name_kind */
};

struct name_cache;

/* `limit` 0: NAME_CACHE_LIMIT. -ENOMEM. */
int name_cache_create(struct name_cache **out, uint32_t limit, const uint8_t key[16]);
void name_cache_destroy(struct name_cache *cache);
/* True: nobody has asked for it, or long ago without success; the question now counts as asked. `now` in milliseconds, may wrap. */
bool name_cache_ask(struct name_cache *cache, const struct name_key *key, uint32_t now);
/* The question was not taken after all. */
void name_cache_forget(struct name_cache *cache, const struct name_key *key);
/* The answer, cut at NAME_LIMIT_BYTES; size 0: none. A key that left the cache meanwhile is not brought back. */
void name_cache_answer(struct name_cache *cache, const struct name_key *key, const char *name, size_t size);
/* Size 0: not known (yet). Valid until the next call. */
struct match_text name_cache_find(struct name_cache *cache, const struct name_key *key);
