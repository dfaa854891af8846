/* SPDX-License-Identifier: MIT */
/*
 * The process table: buckets by pid, and two lists that every entry is on one of.
 *
 *   running  most recently used first: the last one goes when a limit is reached and nothing has ended
 *   ended    in order of removal time, which is the order in which ends were told
 */
#include "sysmon/process_table.h"

#include "dns_set.h"
#include "siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct link {
    struct link *previous, *next;
};

struct entry {
    struct link link; /* first: a link of a list is its entry */
    struct process process;
    struct entry *below; /* in the bucket */
    uint64_t removal;
    size_t size;
    struct dns_set dns;
    char text[];
};

struct process_table {
    struct entry **bucket;
    uint32_t bucket_bits;
    struct link running, ended;
    struct process_table_limits limits;
    struct process_table_counters counters;
    uint8_t key[16];
};

static void list_init(struct link *list)
{
    list->previous = list->next = list;
}

static void list_remove(struct link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
}

static void list_insert_after(struct link *where, struct link *link)
{
    link->previous = where;
    link->next = where->next;
    where->next->previous = link;
    where->next = link;
}

static struct entry **bucket_of(const struct process_table *table, uint32_t pid)
{
    return &table->bucket[pid * 2654435769u >> (32 - table->bucket_bits)];
}

static struct entry *entry_of(const struct process *process)
{
    return (struct entry *)((char *)(uintptr_t)process - offsetof(struct entry, process));
}

int process_table_create(struct process_table **out, const struct process_table_limits *limits, const uint8_t key[16])
{
    struct process_table *table = calloc(1, sizeof *table);

    if (!table)
        return -ENOMEM;
    if (limits)
        table->limits = *limits;
    if (!table->limits.processes)
        table->limits.processes = PROCESS_TABLE_PROCESSES;
    if (!table->limits.bytes)
        table->limits.bytes = PROCESS_TABLE_BYTES;
    for (table->bucket_bits = 4; table->bucket_bits < 20 && 1u << table->bucket_bits < table->limits.processes;)
        table->bucket_bits++;
    table->bucket = calloc((size_t)1 << table->bucket_bits, sizeof *table->bucket);
    if (!table->bucket) {
        free(table);
        return -ENOMEM;
    }
    list_init(&table->running);
    list_init(&table->ended);
    memcpy(table->key, key, sizeof table->key);
    *out = table;
    return 0;
}

/* Takes the entry off its bucket and list, and its size off the account. */
static void detach(struct process_table *table, struct entry *entry)
{
    struct entry **at = bucket_of(table, entry->process.pid);

    while (*at != entry)
        at = &(*at)->below;
    *at = entry->below;
    list_remove(&entry->link);
    table->counters.processes--;
    table->counters.ended -= entry->process.end_time != 0;
    table->counters.bytes -= entry->size;
}

static void discard(struct process_table *table, struct entry *entry)
{
    detach(table, entry);
    dns_set_free(&entry->dns);
    free(entry);
}

void process_table_destroy(struct process_table *table)
{
    if (!table)
        return;
    while (table->running.next != &table->running)
        discard(table, (struct entry *)table->running.next);
    while (table->ended.next != &table->ended)
        discard(table, (struct entry *)table->ended.next);
    free(table->bucket);
    free(table);
}

static struct entry *copy_of(const struct process *process)
{
    size_t texts = 0, used = 0;
    struct entry *entry;

    for (int i = 0; i < PROCESS_TEXT_COUNT; i++)
        texts += process->text[i].data ? process->text[i].size : 0;
    entry = calloc(1, sizeof *entry + texts);
    if (!entry)
        return NULL;
    entry->process = *process;
    entry->size = sizeof *entry + texts;
    for (int i = 0; i < PROCESS_TEXT_COUNT; i++) {
        struct match_text *text = &entry->process.text[i];

        if (!text->data)
            text->size = 0;
        if (text->size)
            memcpy(entry->text + used, text->data, text->size);
        text->data = entry->text + used;
        used += text->size;
    }
    return entry;
}

static void mark_ended(struct process_table *table, struct entry *entry, uint64_t end_time, uint64_t now)
{
    /* Never before the start, and never 0, whatever somebody did to the clock. */
    entry->process.end_time = end_time > entry->process.create_time ? end_time : entry->process.create_time;
    if (!entry->process.end_time)
        entry->process.end_time = 1;
    entry->removal = now + PROCESS_REMOVAL_DELAY;
    table->counters.ended++;
    list_remove(&entry->link);
    list_insert_after(table->ended.previous, &entry->link);
}

/* Takes the place of an older record of the same process. */
static void inherit(struct process_table *table, struct entry *entry, struct entry *old)
{
    entry->dns = old->dns;
    entry->size += dns_set_bytes(&old->dns);
    memset(&old->dns, 0, sizeof old->dns);
    entry->removal = old->removal;
    entry->process.end_time = old->process.end_time;
    list_insert_after(&old->link, &entry->link); /* the same place in the same list */
    discard(table, old);
}

static void attach(struct process_table *table, struct entry *entry)
{
    struct entry **bucket = bucket_of(table, entry->process.pid);

    entry->below = *bucket;
    *bucket = entry;
    table->counters.processes++;
    table->counters.ended += entry->process.end_time != 0;
    table->counters.bytes += entry->size;
}

/* One pid has one running process: whichever of the two began earlier is over. */
static void settle_neighbours(struct process_table *table, struct entry *entry, uint64_t now)
{
    for (struct entry *other = *bucket_of(table, entry->process.pid); other; other = other->below) {
        struct entry *earlier = other->process.create_time < entry->process.create_time ? other : entry;
        struct entry *later = earlier == other ? entry : other;

        if (other != entry && other->process.pid == entry->process.pid && !earlier->process.end_time)
            mark_ended(table, earlier, later->process.create_time, now);
    }
}

/* Makes room, never at the cost of `spared`. */
static void enforce_limits(struct process_table *table, const struct entry *spared)
{
    while (table->counters.processes > table->limits.processes || table->counters.bytes > table->limits.bytes) {
        struct link *victim = table->ended.next;

        if (victim == &spared->link)
            victim = victim->next;
        if (victim == &table->ended) {
            victim = table->running.previous;
            if (victim == &spared->link)
                victim = victim->previous;
            if (victim == &table->running)
                return;
            table->counters.evicted_running++;
        } else {
            table->counters.evicted_ended++;
        }
        discard(table, (struct entry *)victim);
    }
}

int process_table_add(struct process_table *table, const struct process *process, uint64_t now, const struct process **out)
{
    struct entry *entry = copy_of(process), *old;

    if (!entry)
        return -ENOMEM;
    if (entry->size > table->limits.bytes) {
        free(entry);
        return -EFBIG;
    }
    process_table_expire(table, now);
    for (old = *bucket_of(table, process->pid); old; old = old->below)
        if (old->process.pid == process->pid && old->process.create_time == process->create_time)
            break;
    if (old) {
        inherit(table, entry, old);
        attach(table, entry);
    } else {
        entry->process.end_time = 0;
        list_insert_after(&table->running, &entry->link);
        attach(table, entry);
        if (process->end_time)
            mark_ended(table, entry, process->end_time, now);
        settle_neighbours(table, entry, now);
        table->counters.added++;
    }
    enforce_limits(table, entry);
    if (out)
        *out = &entry->process;
    return 0;
}

static bool matches(const struct entry *entry, uint32_t pid, uint64_t time, uint64_t object)
{
    const struct process *p = &entry->process;

    if (p->pid != pid || (object && p->object && p->object != object))
        return false;
    return !time || (time >= p->create_time && (!p->end_time || time <= p->end_time + PROCESS_END_GRACE));
}

static struct entry *newest(const struct process_table *table, uint32_t pid, uint64_t time, uint64_t object)
{
    struct entry *best = NULL;

    for (struct entry *entry = *bucket_of(table, pid); entry; entry = entry->below)
        if (matches(entry, pid, time, object) && (!best || entry->process.create_time > best->process.create_time))
            best = entry;
    return best;
}

const struct process *process_table_find(struct process_table *table, uint32_t pid, uint64_t time, uint64_t object)
{
    struct entry *entry = newest(table, pid, time, object);

    if (!entry) {
        table->counters.misses++;
        return NULL;
    }
    table->counters.hits++;
    if (!entry->process.end_time) {
        list_remove(&entry->link);
        list_insert_after(&table->running, &entry->link);
    }
    return &entry->process;
}

int process_table_end(struct process_table *table, uint32_t pid, uint64_t object, uint64_t end_time, uint64_t now)
{
    struct entry *entry = newest(table, pid, 0, object);

    if (!entry || entry->process.end_time)
        return -ENOENT;
    mark_ended(table, entry, end_time, now);
    return 0;
}

uint64_t process_table_next_expiry(const struct process_table *table)
{
    if (table->ended.next == &table->ended)
        return UINT64_MAX;
    return ((const struct entry *)table->ended.next)->removal;
}

unsigned process_table_expire(struct process_table *table, uint64_t now)
{
    unsigned count = 0;

    for (; process_table_next_expiry(table) <= now; count++)
        discard(table, (struct entry *)table->ended.next);
    table->counters.removed += count;
    return count;
}

static uint64_t dns_key(const struct process_table *table, struct match_text name, struct match_text results, uint32_t status)
{
    struct siphash hash;
    uint32_t head[2] = { status, name.size }; /* the size keeps name and results apart */

    siphash_begin(&hash, table->key);
    siphash_add(&hash, head, sizeof head);
    siphash_add(&hash, name.data, name.size);
    siphash_add(&hash, results.data, results.size);
    return siphash_end(&hash);
}

bool process_table_dns_new(struct process_table *table, const struct process *process, struct match_text name,
                           struct match_text results, uint32_t status)
{
    struct entry *entry = entry_of(process);
    size_t before = dns_set_bytes(&entry->dns), grown;
    enum dns_set_result result = dns_set_add(&entry->dns, dns_key(table, name, results, status));

    grown = dns_set_bytes(&entry->dns) - before;
    entry->size += grown;
    table->counters.bytes += grown;
    table->counters.dns_forgotten += result == DNS_SET_NEW_FORGOT;
    if (grown)
        enforce_limits(table, entry);
    return result != DNS_SET_KNOWN;
}

struct match_text process_image(const struct process *process, uint32_t pid, enum catalogue_system system)
{
    if (process && process->text[PROCESS_IMAGE].size)
        return process->text[PROCESS_IMAGE];
    if (system == CATALOGUE_WINDOWS && pid == 4)
        return (struct match_text){ "System", 6 };
    return (struct match_text){ PROCESS_UNKNOWN_IMAGE, sizeof PROCESS_UNKNOWN_IMAGE - 1 };
}

void process_table_visit(const struct process_table *table, bool (*visit)(void *context, const struct process *process),
                         void *context)
{
    const struct link *lists[] = { &table->running, &table->ended };

    for (int i = 0; i < 2; i++)
        for (const struct link *link = lists[i]->next; link != lists[i]; link = link->next)
            if (!visit(context, &((const struct entry *)link)->process))
                return;
}

void process_table_counters(const struct process_table *table, struct process_table_counters *out)
{
    *out = table->counters;
}
