/* SPDX-License-Identifier: MIT */
/* The worker: from queued items to written events. */
#include "monitor_core.h"
#include "system.h"
#include "wide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t system_time(void)
{
    FILETIME now;

    GetSystemTimeAsFileTime(&now);
    return (uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
}

/* Events without a rule tag are never filtered. */
static void match(const struct policy *policy, const struct event *event, const struct catalogue_event *type,
                  struct match_result *result)
{
    size_t size = ruleset_scratch_size(policy->rules);
    void *scratch = size ? malloc(size) : NULL;

    *result = (struct match_result){ .decision = MATCH_DROP };
    if (!size || scratch)
        ruleset_match(policy->rules, type, event->text, 0, scratch, result);
    free(scratch);
}

bool monitor_wants(struct monitor *monitor, const struct event *event, const struct catalogue_event *type)
{
    struct policy *policy = policy_acquire(monitor);
    struct match_result result;

    match(policy, event, type, &result);
    policy_release(policy);
    return result.decision == MATCH_LOG;
}

static void write_event(struct monitor *monitor, struct event *event)
{
    if (monitor->outputs)
        outputs_write(monitor->outputs, event);
    if (monitor->log && event_log_write(monitor->log, event))
        monitor->log_failures++;
}

void monitor_emit(struct monitor *monitor, struct event *event)
{
    struct policy *policy = policy_acquire(monitor);
    struct match_result result = { .decision = MATCH_LOG };
    unsigned index = (unsigned)(event->type - catalogue_events);
    struct accounting_row *row = &monitor->accounting.event[index];

    if (!event->time) {
        int field = catalogue_field_index(event->type, "UtcTime", 7);

        if (field >= 0)
            event_set_time(event, (unsigned)field, system_time());
    }
    row->seen++;
    if (event->type->tag) {
        match(policy, event, event->type, &result);
        rule_hits_count(policy->hits, event->type, &result);
    }
    if (result.decision == MATCH_LOG) {
        if (event->type->tag && result.rule_name_size)
            event_set_text(event, 0, result.rule_name, result.rule_name_size);
        event_trim(event, policy->field_sizes ? policy->field_sizes + index * CATALOGUE_MAX_FIELDS : NULL);
        row->logged++;
        write_event(monitor, event);
    } else {
        row->filtered++;
    }
    policy_release(policy);
}

/* Losses that other threads counted. */
static void collect_losses(struct monitor *monitor)
{
    for (unsigned i = 0; i < CATALOGUE_EVENT_COUNT; i++)
        for (unsigned cause = 0; cause < LOSS_COUNT; cause++) {
            uint64_t lost = (uint64_t)InterlockedExchange64(&monitor->lost[i][cause], 0);

            monitor->accounting.event[i].lost[cause] += lost;
            monitor->accounting.event[i].seen += lost;
        }
}

/* Loss becomes an event 255, never silence. */
static void tell_losses(struct monitor *monitor, struct event *event)
{
    struct loss_report report;
    char text[256];

    collect_losses(monitor);
    while (accounting_next_report(&monitor->accounting, &report)) {
        loss_report_text(&report, text, sizeof(text));
        event_init(event, catalogue_find(EVENT_ERROR), CATALOGUE_WINDOWS);
        event_set_string(event, ERROR_ID, "Loss");
        event_set_string(event, ERROR_Description, text);
        monitor_emit(monitor, event);
    }
}

DWORD WINAPI worker_main(void *context)
{
    struct monitor *monitor = context;
    struct event *event = malloc(sizeof(*event));
    struct pool pool = { 0 };
    struct work_item *item;
    DWORD told = GetTickCount();

    while (event && ((item = work_queue_pop(&monitor->queue, 1000)) || !work_queue_is_closed(&monitor->queue))) {
        if (GetTickCount() - told >= 1000) {
            tell_losses(monitor, event);
            told = GetTickCount();
        }
        if (!item)
            continue;
        if (!item->make(monitor, &pool, item->data, item->size, event))
            monitor_emit(monitor, event);
        pool_reset(&pool);
        free(item);
    }
    if (event)
        tell_losses(monitor, event);
    pool_free(&pool);
    free(event);
    return 0;
}

/* ---- outputs ---- */

/* What outputs lost becomes an event 255: never silence. */
static int make_loss(struct monitor *monitor, struct pool *pool, void *data, size_t size, struct event *out)
{
    enum { LOSS_TEXT = 1024 };
    char *text = pool_take(pool, LOSS_TEXT);

    if (!text || !outputs_take_loss(monitor->outputs, text, LOSS_TEXT))
        return -ENOENT;
    event_init(out, catalogue_find(EVENT_ERROR), CATALOGUE_WINDOWS);
    event_set_string(out, ERROR_ID, "Outputs");
    event_set_string(out, ERROR_Description, text);
    return 0;
}

static void on_loss(void *context)
{
    struct monitor *monitor = context;

    work_queue_push(&monitor->queue, make_loss, NULL, 0, false);
}

int monitor_open_outputs(struct monitor *monitor, char *message, size_t size)
{
    const struct outputs_options options = { .on_loss = on_loss, .context = monitor };

    return outputs_open(&monitor->outputs, monitor->options.outputs, monitor->options.output_count, &options, message, size);
}

/* ---- the monitor's own events ---- */

struct error_item {
    char id[64];
    char description[1024];
};

static int make_error(struct monitor *monitor, struct pool *pool, void *data, size_t size, struct event *out)
{
    const struct error_item *item = data;

    event_init(out, catalogue_find(EVENT_ERROR), CATALOGUE_WINDOWS);
    event_set_string(out, ERROR_ID, item->id);
    event_set_string(out, ERROR_Description, item->description);
    return 0;
}

void monitor_error(struct monitor *monitor, const char *id, const char *description)
{
    struct error_item item;

    snprintf(item.id, sizeof(item.id), "%s", id);
    snprintf(item.description, sizeof(item.description), "%s", description);
    work_queue_push(&monitor->queue, make_error, &item, sizeof(item), false);
}

void monitor_error_code(struct monitor *monitor, const char *id, const char *what, DWORD error)
{
    char text[600], description[1024];

    system_error_text(error, text, sizeof(text));
    snprintf(description, sizeof(description), "%s - Last error: %s", what, text);
    monitor_error(monitor, id, description);
}

static int make_state(struct monitor *monitor, struct pool *pool, void *data, size_t size, struct event *out)
{
    char *version = pool_take(pool, 16);

    if (!version)
        return -ENOMEM;
    event_init(out, catalogue_find(EVENT_SERVICE_STATE_CHANGE), CATALOGUE_WINDOWS);
    event_set_string(out, SERVICE_STATE_CHANGE_State, data);
    event_set_string(out, SERVICE_STATE_CHANGE_Version, PRODUCT_VERSION);
    event_set_text(out, SERVICE_STATE_CHANGE_SchemaVersion, version, (size_t)snprintf(version, 16, "%u.%02u",
                   CATALOGUE_SCHEMA_VERSION >> 16, CATALOGUE_SCHEMA_VERSION & 0xFFFF));
    return 0;
}

void monitor_state(struct monitor *monitor, const char *state)
{
    work_queue_push(&monitor->queue, make_state, state, strlen(state) + 1, true);
}

static struct match_text wide_text(struct pool *pool, const wchar_t *text)
{
    return text ? pool_utf16(pool, (const uint8_t *)text, wcslen(text) * sizeof(*text)) : (struct match_text){ NULL, 0 };
}

static int make_configuration(struct monitor *monitor, struct pool *pool, void *data, size_t size, struct event *out)
{
    struct policy *policy = policy_acquire(monitor);
    struct match_text file = wide_text(pool, policy->settings.config_file), hash = wide_text(pool, policy->settings.config_hash);

    policy_release(policy);
    if (!file.size)
        file = (struct match_text){ "Defaults", 8 };
    event_init(out, catalogue_find(EVENT_SERVICE_CONFIGURATION_CHANGE), CATALOGUE_WINDOWS);
    event_set_text(out, SERVICE_CONFIGURATION_CHANGE_Configuration, file.data, file.size);
    event_set_text(out, SERVICE_CONFIGURATION_CHANGE_ConfigurationFileHash, hash.data, hash.size);
    return 0;
}

void monitor_configuration(struct monitor *monitor)
{
    work_queue_push(&monitor->queue, make_configuration, NULL, 0, true);
}
