/* SPDX-License-Identifier: MIT */
/*
 * The monitor's counters as samples, and the samples as text, JSON or Prometheus text.
 *
 *   stats_family(s, "events_seen", STATS_COUNTER, "Events that happened", "event", NULL, NULL);
 *   stats_value(s, 12, "ProcessCreate", NULL, NULL);
 *
 * gives  sysmon_events_seen_total{event="ProcessCreate"} 12      in Prometheus text,
 *        "events_seen":{"ProcessCreate":12}                      in JSON: label values nest in order.
 *
 * Values with equal leading labels are given one after the other, each combination once.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum stats_kind {
    STATS_COUNTER,
    STATS_GAUGE,
    STATS_TIME_COUNTER, /* values are microseconds, shown as seconds */
    STATS_TIME_GAUGE,
    STATS_INFO, /* no number: the last label is the information, e.g. a version or a path */
};

enum stats_format { STATS_TEXT, STATS_JSON, STATS_PROMETHEUS };

#define STATS_MAX_LABELS 3

struct stats;

/* NULL without memory. A failure of a later call shows in stats_render(). */
struct stats *stats_create(void);
void stats_destroy(struct stats *stats);

/* Begins a family. All texts are static; `label` names up to the first NULL. A name is `[a-z_]+`. */
void stats_family(struct stats *stats, const char *name, enum stats_kind kind, const char *help, const char *label1,
                  const char *label2, const char *label3);
/* As many label values as the family has labels, the rest NULL. They are copied; any bytes. */
void stats_value(struct stats *stats, uint64_t value, const char *value1, const char *value2, const char *value3);
/* The same for a label value that is not terminated: it becomes the last one. */
void stats_value_sized(struct stats *stats, uint64_t value, const char *value1, const char *value2, const char *last, size_t size);

/* The whole document, allocated, terminated; `*size` without the terminator. -ENOMEM. */
int stats_render(const struct stats *stats, enum stats_format format, char **out, size_t *size);
/* "text", "json", "prometheus"; -EINVAL for others. */
int stats_format_parse(const char *name, enum stats_format *out);

#ifdef __cplusplus
}
#endif
