/* SPDX-License-Identifier: MIT */
/* Starting and stopping of the user-mode sources. Watcher thread only, but for the posting. */
#include "monitor_core.h"
#include "monitor_source.h"

/* Ends with a row without a name. */
static const struct monitor_source monitor_sources[] = {
    { NULL, 0, NULL, NULL, NULL, NULL },
};

_Static_assert(sizeof(monitor_sources) / sizeof(monitor_sources[0]) <= MONITOR_MAX_SOURCES + 1, "more room in struct monitor");

static void apply(struct monitor *monitor, unsigned index, const struct policy *policy)
{
    const struct monitor_source *source = &monitor_sources[index];
    struct source_state *state = &monitor->sources[index];
    bool wanted = source->wanted(&policy->settings, policy->rules);
    DWORD error;

    if (!wanted && state->running) {
        source->stop(state->state);
        *state = (struct source_state){ 0 };
    } else if (wanted && state->running && source->configure) {
        source->configure(state->state, &policy->settings);
    } else if (wanted && !state->running) {
        error = source->start(monitor, &state->state);
        state->running = !error;
        if (error && error != state->told) /* once per cause, not once per attempt */
            monitor_error_code(monitor, source->name, "Cannot be started, it will be tried again", error);
        state->told = error;
    }
}

bool sources_apply(struct monitor *monitor)
{
    struct policy *policy = policy_acquire(monitor);
    bool all = true;

    for (unsigned i = 0; monitor_sources[i].name; i++) {
        apply(monitor, i, policy);
        all = all && !monitor->sources[i].told;
    }
    policy_release(policy);
    return all;
}

void sources_stop(struct monitor *monitor)
{
    for (unsigned i = 0; monitor_sources[i].name; i++) {
        if (monitor->sources[i].running)
            monitor_sources[i].stop(monitor->sources[i].state);
        monitor->sources[i] = (struct source_state){ 0 };
    }
}

void monitor_lost(struct monitor *monitor, uint16_t event, enum loss_cause cause, uint64_t count)
{
    const struct catalogue_event *type = catalogue_find(event);

    if (type)
        InterlockedExchangeAdd64(&monitor->lost[type - catalogue_events][cause], (LONG64)count);
}

void monitor_post(struct monitor *monitor, uint16_t event, work_function make, const void *data, size_t size)
{
    if (!work_queue_push(&monitor->queue, make, data, size, false))
        monitor_lost(monitor, event, LOSS_SOURCE_FULL, 1);
}

struct translator *monitor_translator(struct monitor *monitor)
{
    return &monitor->translator;
}
