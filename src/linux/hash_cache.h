/* SPDX-License-Identifier: MIT */
/* Answers by file identity: a bounded table that forgets the least recently used. The owner serialises all calls. */
#pragma once

#include "hasher.h"

#include <sys/queue.h>

struct job;

struct hash_entry {
    struct hash_answer answer; /* .identity is the key */
    struct job *job;           /* computing it now: the entry is held; NULL: the answer is there */
    struct hash_entry *below;
    TAILQ_ENTRY(hash_entry) order;
};

struct hash_cache;

int hash_cache_create(struct hash_cache **out, unsigned entries);
void hash_cache_destroy(struct hash_cache *cache);
/* NULL when not there; makes it the most recently used. */
struct hash_entry *hash_cache_find(struct hash_cache *cache, const struct file_identity *identity);
/* A new entry for an identity that is not there; NULL without memory. Drops the oldest answers beyond the limit. */
struct hash_entry *hash_cache_add(struct hash_cache *cache, const struct file_identity *identity, struct job *job);
void hash_cache_remove(struct hash_cache *cache, struct hash_entry *entry);
unsigned hash_cache_count(const struct hash_cache *cache);
