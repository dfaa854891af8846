/* SPDX-License-Identifier: MIT */
/* Least recently used answers: buckets by a keyed hash of the identity, one list in order of use. */
#include "hash_cache.h"

#include "engine/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

TAILQ_HEAD(order, hash_entry);

struct hash_cache {
    struct hash_entry **bucket;
    unsigned mask, limit, count;
    struct order order; /* most recently used first */
    uint8_t key[16];
};

int hash_cache_create(struct hash_cache **out, unsigned entries)
{
    struct hash_cache *cache = calloc(1, sizeof *cache);
    unsigned buckets = 16;

    if (!cache)
        return -ENOMEM;
    while (buckets < entries && buckets < 1u << 20)
        buckets *= 2;
    cache->bucket = calloc(buckets, sizeof *cache->bucket);
    if (!cache->bucket) {
        free(cache);
        return -ENOMEM;
    }
    cache->mask = buckets - 1;
    cache->limit = entries;
    TAILQ_INIT(&cache->order);
    /* Without randomness yet (early boot) the zero key still works, only predictably. */
    if (getrandom(cache->key, sizeof cache->key, GRND_NONBLOCK) != sizeof cache->key)
        memset(cache->key, 0, sizeof cache->key);
    *out = cache;
    return 0;
}

static struct hash_entry **bucket_of(const struct hash_cache *cache, const struct file_identity *identity)
{
    struct siphash hash;

    siphash_begin(&hash, cache->key);
    siphash_add(&hash, identity, sizeof *identity); /* five words, no padding */
    return &cache->bucket[siphash_end(&hash) & cache->mask];
}

void hash_cache_remove(struct hash_cache *cache, struct hash_entry *entry)
{
    struct hash_entry **at = bucket_of(cache, &entry->answer.identity);

    while (*at != entry)
        at = &(*at)->below;
    *at = entry->below;
    TAILQ_REMOVE(&cache->order, entry, order);
    cache->count--;
    free(entry);
}

void hash_cache_destroy(struct hash_cache *cache)
{
    if (!cache)
        return;
    while (!TAILQ_EMPTY(&cache->order))
        hash_cache_remove(cache, TAILQ_FIRST(&cache->order));
    free(cache->bucket);
    free(cache);
}

struct hash_entry *hash_cache_find(struct hash_cache *cache, const struct file_identity *identity)
{
    struct hash_entry *entry = *bucket_of(cache, identity);

    while (entry && memcmp(&entry->answer.identity, identity, sizeof *identity) != 0)
        entry = entry->below;
    if (entry) {
        TAILQ_REMOVE(&cache->order, entry, order);
        TAILQ_INSERT_HEAD(&cache->order, entry, order);
    }
    return entry;
}

/* Entries under computation stay: their number is bounded by the queue. */
static void make_room(struct hash_cache *cache)
{
    struct hash_entry *entry = TAILQ_LAST(&cache->order, order);

    while (entry && cache->count >= cache->limit) {
        struct hash_entry *newer = TAILQ_PREV(entry, order, order);

        if (!entry->job)
            hash_cache_remove(cache, entry);
        entry = newer;
    }
}

struct hash_entry *hash_cache_add(struct hash_cache *cache, const struct file_identity *identity, struct job *job)
{
    struct hash_entry **bucket, *entry = calloc(1, sizeof *entry);

    if (!entry)
        return NULL;
    make_room(cache);
    entry->answer.identity = *identity;
    entry->job = job;
    bucket = bucket_of(cache, identity);
    entry->below = *bucket;
    *bucket = entry;
    TAILQ_INSERT_HEAD(&cache->order, entry, order);
    cache->count++;
    return entry;
}

unsigned hash_cache_count(const struct hash_cache *cache)
{
    return cache->count;
}
