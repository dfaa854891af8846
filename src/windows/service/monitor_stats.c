/* SPDX-License-Identifier: MIT */
/* The monitor's counters for `stats`. Worker thread only. */
#include "monitor_core.h"

#include <stdio.h>

static const char *name_of(const struct catalogue_event *type)
{
    static char names[CATALOGUE_EVENT_COUNT][48];
    char *name = names[type - catalogue_events];

    if (!*name)
        snprintf(name, sizeof(names[0]), "%u %s", type->id, type->tag ? type->tag : type->template_text);
    return name;
}

static void add_events(const struct accounting *accounting, struct stats *stats, const char *family, const char *help, size_t member)
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

static void add_outputs(struct outputs *outputs, struct stats *stats)
{
    struct output_counters counters;

    stats_family(stats, "output_delivered", STATS_COUNTER, "Events a destination took", "output", NULL, NULL);
    for (unsigned i = 0; outputs && i < outputs_count(outputs); i++) {
        outputs_counters(outputs, i, &counters);
        stats_value(stats, counters.delivered, counters.name, NULL, NULL);
    }
}

static void add_single(struct stats *stats, const char *name, enum stats_kind kind, const char *help, uint64_t value)
{
    stats_family(stats, name, kind, help, NULL, NULL, NULL);
    stats_value(stats, value, NULL, NULL, NULL);
}

void monitor_add_stats(struct monitor *monitor, struct stats *stats)
{
    const struct accounting *accounting = &monitor->accounting;
    struct process_table_counters table;

    EnterCriticalSection(&monitor->table_lock);
    process_table_counters(monitor->table, &table);
    LeaveCriticalSection(&monitor->table_lock);
    add_events(accounting, stats, "events_seen", "Events that happened", offsetof(struct accounting_row, seen));
    add_events(accounting, stats, "events_filtered", "Events no rule wants", offsetof(struct accounting_row, filtered));
    add_events(accounting, stats, "events_logged", "Events given to the outputs", offsetof(struct accounting_row, logged));
    add_losses(accounting, stats);
    add_outputs(monitor->outputs, stats);
    add_single(stats, "event_log_refused", STATS_COUNTER, "Events the event log refused", monitor->log_failures);
    add_single(stats, "processes", STATS_GAUGE, "Processes in the table", table.processes);
    add_single(stats, "process_table_bytes", STATS_GAUGE, "Size of the process table", table.bytes);
    add_single(stats, "driver_connected", STATS_GAUGE, "1 while the driver delivers", monitor->driver != NULL);
}
