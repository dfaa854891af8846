/* SPDX-License-Identifier: MIT */
#include "flow_table.h"

#include "engine/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Nodes are numbered from 1; 0 ends a list and, as node 0, is the ring of all by age. */
struct node {
    uint64_t seen; /* time of the newest datagram */
    uint32_t pid;
    uint8_t flags;
    struct network_end source, destination;
    uint32_t same_hash, older, newer, same_pid, same_pid_before; /* before 0: the first of its list */
};

struct flow_table {
    uint8_t key[16];
    uint32_t limit, mask, used, free; /* used: nodes ever taken; free: first of the returned ones, by same_hash */
    uint64_t evicted;
    uint32_t flows;
    uint32_t *by_flow, *by_pid;
    struct node *nodes;
};

int flow_table_create(struct flow_table **out, uint32_t limit, const uint8_t key[16])
{
    struct flow_table *table = calloc(1, sizeof(*table));
    uint32_t buckets = 16;

    if (!table)
        return -ENOMEM;
    table->limit = limit ? limit : FLOW_TABLE_LIMIT;
    while (buckets < table->limit)
        buckets *= 2;
    table->mask = buckets - 1;
    memcpy(table->key, key, 16);
    table->by_flow = calloc(buckets, sizeof(uint32_t));
    table->by_pid = calloc(buckets, sizeof(uint32_t));
    table->nodes = calloc((size_t)table->limit + 1, sizeof(struct node));
    if (!table->by_flow || !table->by_pid || !table->nodes) {
        flow_table_destroy(table);
        return -ENOMEM;
    }
    *out = table;
    return 0;
}

void flow_table_destroy(struct flow_table *table)
{
    if (!table)
        return;
    free(table->by_flow);
    free(table->by_pid);
    free(table->nodes);
    free(table);
}

static uint8_t flags_of(const struct network_flow *flow)
{
    return (uint8_t)(flow->ipv6 | flow->initiated << 1);
}

static void add_end(struct siphash *hash, const struct network_end *end)
{
    siphash_add(hash, end->address, sizeof(end->address));
    siphash_add(hash, &end->port, sizeof(end->port));
}

static uint32_t *flow_bucket(struct flow_table *table, uint32_t pid, uint8_t flags, const struct network_end *source,
                             const struct network_end *destination)
{
    struct siphash hash;

    siphash_begin(&hash, table->key);
    siphash_add(&hash, &pid, sizeof(pid));
    siphash_add(&hash, &flags, sizeof(flags));
    add_end(&hash, source);
    add_end(&hash, destination);
    return &table->by_flow[siphash_end(&hash) & table->mask];
}

static uint32_t *pid_bucket(struct flow_table *table, uint32_t pid)
{
    struct siphash hash;

    siphash_begin(&hash, table->key);
    siphash_add(&hash, &pid, sizeof(pid));
    return &table->by_pid[siphash_end(&hash) & table->mask];
}

static bool same_end(const struct network_end *a, const struct network_end *b)
{
    return a->port == b->port && !memcmp(a->address, b->address, sizeof(a->address));
}

static uint32_t find(struct flow_table *table, uint32_t first, const struct network_flow *flow)
{
    for (uint32_t i = first; i; i = table->nodes[i].same_hash) {
        const struct node *node = &table->nodes[i];

        if (node->pid == flow->pid && node->flags == flags_of(flow) && same_end(&node->source, &flow->source) &&
            same_end(&node->destination, &flow->destination))
            return i;
    }
    return 0;
}

static void age_remove(struct flow_table *table, uint32_t i)
{
    struct node *nodes = table->nodes;

    nodes[nodes[i].older].newer = nodes[i].newer;
    nodes[nodes[i].newer].older = nodes[i].older;
}

static void age_newest(struct flow_table *table, uint32_t i)
{
    struct node *nodes = table->nodes;

    nodes[i].newer = 0;
    nodes[i].older = nodes[0].older;
    nodes[nodes[0].older].newer = i;
    nodes[0].older = i;
}

static void pid_link(struct flow_table *table, uint32_t i)
{
    struct node *node = &table->nodes[i];
    uint32_t *bucket = pid_bucket(table, node->pid);

    node->same_pid = *bucket;
    node->same_pid_before = 0;
    if (*bucket)
        table->nodes[*bucket].same_pid_before = i;
    *bucket = i;
}

static void pid_unlink(struct flow_table *table, uint32_t i)
{
    const struct node *node = &table->nodes[i];

    if (node->same_pid_before)
        table->nodes[node->same_pid_before].same_pid = node->same_pid;
    else
        *pid_bucket(table, node->pid) = node->same_pid;
    if (node->same_pid)
        table->nodes[node->same_pid].same_pid_before = node->same_pid_before;
}

static void drop(struct flow_table *table, uint32_t i)
{
    struct node *node = &table->nodes[i];
    uint32_t *at = flow_bucket(table, node->pid, node->flags, &node->source, &node->destination);

    while (*at != i)
        at = &table->nodes[*at].same_hash;
    *at = node->same_hash;
    age_remove(table, i);
    pid_unlink(table, i);
    node->same_hash = table->free;
    table->free = i;
    table->flows--;
}

static uint32_t take(struct flow_table *table)
{
    uint32_t i;

    if (!table->free && table->used == table->limit) {
        drop(table, table->nodes[0].newer);
        table->evicted++;
    }
    i = table->free;
    if (!i)
        return ++table->used;
    table->free = table->nodes[i].same_hash;
    return i;
}

static void add(struct flow_table *table, const struct network_flow *flow)
{
    uint32_t i = take(table), *bucket;
    struct node *node = &table->nodes[i];

    *node = (struct node){ .seen = flow->time, .pid = flow->pid, .flags = flags_of(flow), .source = flow->source, .destination = flow->destination };
    bucket = flow_bucket(table, node->pid, node->flags, &node->source, &node->destination);
    node->same_hash = *bucket;
    *bucket = i;
    age_newest(table, i);
    pid_link(table, i);
    table->flows++;
}

bool flow_table_is_new(struct flow_table *table, const struct network_flow *flow)
{
    uint32_t i = find(table, *flow_bucket(table, flow->pid, flags_of(flow), &flow->source, &flow->destination), flow);
    struct node *node = &table->nodes[i];
    bool silent;

    if (!i) {
        add(table, flow);
        return true;
    }
    /* buffers of several processors arrive a little out of order: an earlier time is no silence */
    silent = flow->time > node->seen && flow->time - node->seen >= FLOW_SILENCE;
    if (flow->time > node->seen)
        node->seen = flow->time;
    age_remove(table, i);
    age_newest(table, i);
    return silent;
}

void flow_table_process_ended(struct flow_table *table, uint32_t pid)
{
    uint32_t next;

    for (uint32_t i = *pid_bucket(table, pid); i; i = next) {
        next = table->nodes[i].same_pid;
        if (table->nodes[i].pid == pid)
            drop(table, i);
    }
}

struct flow_table_counters flow_table_counters(const struct flow_table *table)
{
    return (struct flow_table_counters){ table->flows, table->evicted };
}
