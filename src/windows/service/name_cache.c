/* SPDX-License-Identifier: MIT */
#include "name_cache.h"

#include "engine/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Nodes are numbered from 1; node 0 is the ring of all by use. */
struct node {
    struct name_key key;
    uint32_t next, older, newer, asked;
    uint32_t size;
    char *name;
};

struct name_cache {
    uint8_t key[16];
    uint32_t limit, mask, used, free;
    uint32_t *bucket;
    struct node *nodes;
};

int name_cache_create(struct name_cache **out, uint32_t limit, const uint8_t key[16])
{
    struct name_cache *cache = calloc(1, sizeof(*cache));
    uint32_t buckets = 16;

    if (!cache)
        return -ENOMEM;
    cache->limit = limit ? limit : NAME_CACHE_LIMIT;
    while (buckets < cache->limit)
        buckets *= 2;
    cache->mask = buckets - 1;
    memcpy(cache->key, key, 16);
    cache->bucket = calloc(buckets, sizeof(uint32_t));
    cache->nodes = calloc((size_t)cache->limit + 1, sizeof(struct node));
    if (!cache->bucket || !cache->nodes) {
        name_cache_destroy(cache);
        return -ENOMEM;
    }
    *out = cache;
    return 0;
}

void name_cache_destroy(struct name_cache *cache)
{
    if (!cache)
        return;
    for (uint32_t i = 1; cache->nodes && i <= cache->used; i++)
        free(cache->nodes[i].name);
    free(cache->bucket);
    free(cache->nodes);
    free(cache);
}

/* The place that holds the number of the key's node, or 0. */
static uint32_t *place(struct name_cache *cache, const struct name_key *key)
{
    struct siphash hash;
    uint32_t *at;

    siphash_begin(&hash, cache->key);
    siphash_add(&hash, key, sizeof(*key));
    at = &cache->bucket[siphash_end(&hash) & cache->mask];
    while (*at && memcmp(&cache->nodes[*at].key, key, sizeof(*key)))
        at = &cache->nodes[*at].next;
    return at;
}

static void unlink_use(struct name_cache *cache, uint32_t i)
{
    struct node *nodes = cache->nodes;

    nodes[nodes[i].older].newer = nodes[i].newer;
    nodes[nodes[i].newer].older = nodes[i].older;
}

static void link_newest(struct name_cache *cache, uint32_t i)
{
    struct node *nodes = cache->nodes;

    nodes[i].newer = 0;
    nodes[i].older = nodes[0].older;
    nodes[nodes[0].older].newer = i;
    nodes[0].older = i;
}

void name_cache_forget(struct name_cache *cache, const struct name_key *key)
{
    uint32_t *at = place(cache, key), i = *at;

    if (!i)
        return;
    *at = cache->nodes[i].next;
    unlink_use(cache, i);
    free(cache->nodes[i].name);
    cache->nodes[i] = (struct node){ .next = cache->free };
    cache->free = i;
}

static uint32_t take(struct name_cache *cache)
{
    uint32_t i;

    if (!cache->free && cache->used == cache->limit) {
        struct name_key oldest = cache->nodes[cache->nodes[0].newer].key;

        name_cache_forget(cache, &oldest);
    }
    i = cache->free;
    if (!i)
        return ++cache->used;
    cache->free = cache->nodes[i].next;
    return i;
}

bool name_cache_ask(struct name_cache *cache, const struct name_key *key, uint32_t now)
{
    uint32_t i = *place(cache, key), *at;

    if (i) {
        struct node *node = &cache->nodes[i];

        unlink_use(cache, i);
        link_newest(cache, i);
        if (node->size || now - node->asked < NAME_RETRY)
            return false;
        node->asked = now;
        return true;
    }
    i = take(cache);
    cache->nodes[i] = (struct node){ .key = *key, .asked = now };
    at = place(cache, key);
    *at = i;
    link_newest(cache, i);
    return true;
}

void name_cache_answer(struct name_cache *cache, const struct name_key *key, const char *name, size_t size)
{
    uint32_t i = *place(cache, key);
    struct node *node = &cache->nodes[i];
    char *copy;

    if (!i || !size)
        return;
    size = size > NAME_LIMIT_BYTES ? NAME_LIMIT_BYTES : size;
    copy = malloc(size);
    if (!copy)
        return;
    memcpy(copy, name, size);
    free(node->name);
    node->name = copy;
    node->size = (uint32_t)size;
}

struct match_text name_cache_find(struct name_cache *cache, const struct name_key *key)
{
    const struct node *node = &cache->nodes[*place(cache, key)];

    return (struct match_text){ node->name, node->size }; /* node 0 has none */
}
