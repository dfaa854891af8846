/* SPDX-License-Identifier: MIT */
/* The monitor's counters for `sysmon stats`, and its closing words. */
#include "linux/monitor_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *name_of(const struct catalogue_event *type)
{
    static char names[CATALOGUE_EVENT_COUNT][40];
    char *name = names[type - catalogue_events];

    if (!*name)
        snprintf(name, sizeof names[0], "%u %s", type->id, type->tag ? type->tag : type->template_text);
    return name;
}

static void add_events(const struct accounting *accounting, struct stats *stats, const char *family, const char *help,
                       size_t member)
{
    stats_family(stats, family, STATS_COUNTER, help, "event", NULL, NULL);
    for (unsigned i = 0; i < CATALOGUE_EVENT_COUNT; i++)
        if (accounting->event[i].seen)
            stats_value(stats, *(const uint64_t *)((const char *)&accounting->event[i] + member), name_of(&catalogue_events[i]),
                        NULL, NULL);
}

static void add_losses(const struct accounting *accounting, struct stats *stats)
{
    stats_family(stats, "events_lost", STATS_COUNTER, "Events that were lost, by stage and cause", "event", "stage", "cause");
    for (unsigned i = 0; i < CATALOGUE_EVENT_COUNT; i++)
        for (int cause = 0; cause < LOSS_COUNT; cause++)
            if (accounting->event[i].lost[cause])
                stats_value(stats, accounting->event[i].lost[cause], name_of(&catalogue_events[i]), loss_stage(cause),
                            loss_text(cause));
}

static const char *rule_of(const struct rule_hit *hit, size_t *size)
{
    *size = hit->name ? hit->name_size : 1;
    return hit->name ? hit->name : "-";
}

static int by_place(const void *left, const void *right)
{
    const struct rule_hit *a = left, *b = right;
    size_t size_a, size_b;
    const char *name_a = rule_of(a, &size_a), *name_b = rule_of(b, &size_b);
    int order;

    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->block != b->block)
        return a->block < b->block ? -1 : 1;
    order = memcmp(name_a, name_b, size_a < size_b ? size_a : size_b);
    return order ? order : size_a < size_b ? -1 : size_a > size_b;
}

/* A rule is its name: two of one name in one block count together. Samples must come grouped (sysmon/stats.h). */
static struct rule_hit *sorted_hits(const struct rule_hits *hits, unsigned *count)
{
    unsigned all = rule_hits_size(hits), kept = 0;
    struct rule_hit *sorted = calloc(all ? all : 1, sizeof *sorted);

    for (unsigned i = 0; sorted && i < all; i++)
        sorted[i] = *rule_hits_get(hits, i);
    if (sorted)
        qsort(sorted, all, sizeof *sorted, by_place);
    for (unsigned i = 0; sorted && i < all; i++) {
        if (kept && !by_place(&sorted[kept - 1], &sorted[i])) {
            sorted[kept - 1].logged += sorted[i].logged;
            sorted[kept - 1].dropped += sorted[i].dropped;
        } else {
            sorted[kept++] = sorted[i];
        }
    }
    *count = sorted ? kept : 0;
    return sorted;
}

static void add_rule(const struct rule_hit *hit, uint64_t value, struct stats *stats)
{
    char block[16];
    size_t size;
    const char *name = rule_of(hit, &size);

    snprintf(block, sizeof block, hit->block < 0 ? "default" : "%d", hit->block);
    if (value)
        stats_value_sized(stats, value, name_of(hit->type), block, name, size);
}

static void add_rules(const struct rule_hits *hits, struct stats *stats)
{
    static const char *const names[] = { "rule_logged", "rule_dropped" };
    unsigned count;
    struct rule_hit *sorted = sorted_hits(hits, &count);

    for (int dropped = 0; dropped < 2; dropped++) {
        stats_family(stats, names[dropped], STATS_COUNTER, dropped ? "Events a rule dropped" : "Events a rule logged", "event",
                     "block", "rule");
        for (unsigned i = 0; i < count; i++)
            add_rule(&sorted[i], dropped ? sorted[i].dropped : sorted[i].logged, stats);
    }
    free(sorted);
}

static void add_single(struct stats *stats, const char *name, enum stats_kind kind, const char *help, uint64_t value)
{
    stats_family(stats, name, kind, help, NULL, NULL, NULL);
    stats_value(stats, value, NULL, NULL, NULL);
}

static uint64_t resident_bytes(void)
{
    unsigned long total, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return 0;
    if (fscanf(file, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

static void add_resources(struct monitor *monitor, struct stats *stats)
{
    struct process_table_counters table;
    struct hasher_counters hasher;
    struct rusage usage;

    process_table_counters(monitor->processes.table, &table);
    hasher_counters(monitor->parked.hasher, &hasher);
    getrusage(RUSAGE_SELF, &usage);
    add_single(stats, "cpu_user", STATS_TIME_COUNTER, "Processor time in user mode", microseconds(usage.ru_utime));
    add_single(stats, "cpu_system", STATS_TIME_COUNTER, "Processor time in the kernel", microseconds(usage.ru_stime));
    add_single(stats, "resident_bytes", STATS_GAUGE, "Memory, the mapped ring included", resident_bytes());
    add_single(stats, "processes", STATS_GAUGE, "Processes in the table", table.processes);
    add_single(stats, "process_table_bytes", STATS_GAUGE, "Size of the process table", table.bytes);
    add_single(stats, "ring_bytes", STATS_GAUGE, "Waiting in the kernel's ring", sensor_backlog(monitor->sensor));
    add_single(stats, "connections_unclaimed", STATS_GAUGE, "Accepted connections whose process is looked for",
               sensor_unclaimed(monitor->sensor));
    add_single(stats, "hash_waiting", STATS_GAUGE, "Files waiting to be hashed", hasher.waiting);
    add_single(stats, "hash_computed", STATS_COUNTER, "Files hashed", hasher.computed);
    add_single(stats, "hash_cached", STATS_COUNTER, "Hashes answered from the cache", hasher.hits);
    add_single(stats, "hash_failed", STATS_COUNTER, "Files that could not be hashed", hasher.failed + hasher.timed_out);
}

void monitor_stats(struct monitor *monitor, struct stats *stats)
{
    const struct accounting *accounting = &monitor->emitter.accounting;

    monitor_account(monitor);
    add_events(accounting, stats, "events_seen", "Events that happened", offsetof(struct accounting_row, seen));
    add_events(accounting, stats, "events_filtered", "Events no rule wants", offsetof(struct accounting_row, filtered));
    add_events(accounting, stats, "events_logged", "Events given to the outputs", offsetof(struct accounting_row, logged));
    add_events(accounting, stats, "events_held", "Events that wait, for a hash for example", offsetof(struct accounting_row, held));
    add_losses(accounting, stats);
    add_rules(monitor->emitter.hits, stats);
    add_resources(monitor, stats);
}

static uint64_t lost(const struct accounting_row *row)
{
    uint64_t sum = 0;

    for (int cause = 0; cause < LOSS_COUNT; cause++)
        sum += row->lost[cause];
    return sum;
}

void monitor_print_totals(struct monitor *monitor, FILE *out)
{
    monitor_account(monitor);
    for (unsigned i = 0; i < CATALOGUE_EVENT_COUNT; i++) {
        const struct accounting_row *row = &monitor->emitter.accounting.event[i];

        if (row->seen)
            fprintf(out, "%-32s seen %" PRIu64 ", logged %" PRIu64 ", filtered %" PRIu64 ", lost %" PRIu64 "\n",
                    name_of(&catalogue_events[i]), row->seen, row->logged, row->filtered, lost(row));
    }
}
