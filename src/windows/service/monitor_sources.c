/* SPDX-License-Identifier: MIT */
/* Starting and stopping of the user-mode sources. Watcher thread only, but for the posting. */
#include "monitor_core.h"
#include "monitor_source.h"
#include "sources.h"

static const struct monitor_source *const monitor_sources[] = { &network_source, &dns_source, &wmi_source, &clipboard_source, NULL };

_Static_assert(sizeof(monitor_sources) / sizeof(monitor_sources[0]) <= MONITOR_MAX_SOURCES + 1, "more room in struct monitor");

/* Others look at the states under the lock (sources_process_ended); only this thread changes them. */
static void set_state(struct monitor *monitor, unsigned index, struct source_state state)
{
    EnterCriticalSection(&monitor->policy_lock);
    monitor->sources[index] = state;
    LeaveCriticalSection(&monitor->policy_lock);
}

static void stop(struct monitor *monitor, unsigned index)
{
    struct source_state old = monitor->sources[index];

    set_state(monitor, index, (struct source_state){ 0 });
    if (old.running)
        monitor_sources[index]->stop(old.state);
}

static void start(struct monitor *monitor, unsigned index, const struct settings *settings)
{
    const struct monitor_source *source = monitor_sources[index];
    struct source_state state = { 0 };
    DWORD told = monitor->sources[index].told;

    if (told == ERROR_NOT_SUPPORTED)
        return;
    state.told = source->start(monitor, settings, &state.state);
    state.running = !state.told;
    if (state.told == ERROR_NOT_SUPPORTED)
        monitor_error(monitor, source->name, "This system does not offer it; its events will not be seen");
    else if (state.told && state.told != told) /* once per cause, not once per attempt */
        monitor_error_code(monitor, source->name, "Cannot be started, it will be tried again", state.told);
    set_state(monitor, index, state);
}

static void apply(struct monitor *monitor, unsigned index, const struct policy *policy)
{
    const struct monitor_source *source = monitor_sources[index];
    const struct source_state *state = &monitor->sources[index];

    if (!source->wanted(&policy->settings, policy->rules))
        stop(monitor, index);
    else if (!state->running)
        start(monitor, index, &policy->settings);
    else if (source->configure)
        source->configure(state->state, &policy->settings);
}

bool sources_apply(struct monitor *monitor)
{
    struct policy *policy = policy_acquire(monitor);
    bool all = true;

    for (unsigned i = 0; monitor_sources[i]; i++) {
        apply(monitor, i, policy);
        all = all && (!monitor->sources[i].told || monitor->sources[i].told == ERROR_NOT_SUPPORTED);
    }
    policy_release(policy);
    return all;
}

void sources_stop(struct monitor *monitor)
{
    for (unsigned i = 0; monitor_sources[i]; i++)
        stop(monitor, i);
}

void sources_process_ended(struct monitor *monitor, uint32_t pid)
{
    EnterCriticalSection(&monitor->policy_lock);
    for (unsigned i = 0; monitor_sources[i]; i++)
        if (monitor->sources[i].running && monitor_sources[i]->process_ended)
            monitor_sources[i]->process_ended(monitor->sources[i].state, pid);
    LeaveCriticalSection(&monitor->policy_lock);
}

void monitor_session(struct monitor *monitor, uint32_t session, bool active)
{
    EnterCriticalSection(&monitor->policy_lock);
    for (unsigned i = 0; monitor_sources[i]; i++)
        if (monitor->sources[i].running && monitor_sources[i]->session)
            monitor_sources[i]->session(monitor->sources[i].state, session, active);
    LeaveCriticalSection(&monitor->policy_lock);
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
