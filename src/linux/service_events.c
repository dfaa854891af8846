/* SPDX-License-Identifier: MIT */
/* What the monitor says about itself: events 4, 16 and 255. */
#include "linux/monitor_state.h"

#include <time.h>

static uint64_t wall_clock(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 10000000u + (uint64_t)time.tv_nsec / 100 + FILETIME_UNIX_EPOCH;
}

static void emit(struct monitor *monitor)
{
    emitter_saw(&monitor->emitter, monitor->event.type->id);
    emitter_emit(&monitor->emitter, &monitor->event);
}

void monitor_event_state(struct monitor *monitor, const char *state)
{
    struct event *event = &monitor->event;

    event_init(event, catalogue_find(EVENT_SERVICE_STATE_CHANGE), CATALOGUE_LINUX);
    event_set_time(event, SERVICE_STATE_CHANGE_UtcTime, wall_clock());
    event_set_string(event, SERVICE_STATE_CHANGE_State, state);
    event_set_string(event, SERVICE_STATE_CHANGE_Version, PRODUCT_VERSION);
    event_set_string(event, SERVICE_STATE_CHANGE_SchemaVersion, "4.90");
    emit(monitor);
}

void monitor_event_error(struct monitor *monitor, const char *id, const char *description)
{
    struct event *event = &monitor->event;

    event_init(event, catalogue_find(EVENT_ERROR), CATALOGUE_LINUX);
    event_set_time(event, ERROR_UtcTime, wall_clock());
    event_set_string(event, ERROR_ID, id);
    event_set_string(event, ERROR_Description, description);
    emit(monitor);
}

void monitor_event_configuration(struct monitor *monitor, const struct monitor_configuration *configuration)
{
    struct event *event = &monitor->event;

    event_init(event, catalogue_find(EVENT_SERVICE_CONFIGURATION_CHANGE), CATALOGUE_LINUX);
    event_set_time(event, SERVICE_CONFIGURATION_CHANGE_UtcTime, wall_clock());
    event_set_string(event, SERVICE_CONFIGURATION_CHANGE_Configuration, configuration->name);
    event_set_string(event, SERVICE_CONFIGURATION_CHANGE_ConfigurationFileHash, configuration->hash);
    emit(monitor);
}
