/* SPDX-License-Identifier: MIT */
/*
 * Losses of the kernel half. Its counters are read while there is something to account for: at once when its loss counter
 * moved, else a second after the last activity, then not again before the next. An idle monitor does not wake for it.
 */
#include "linux/monitor_state.h"

#define TELL_INTERVAL_NS 1000000000u

static void account(struct monitor *monitor, enum catalogue_event_id id, uint64_t now, uint64_t *before, enum loss_cause cause)
{
    uint64_t lost = now - *before;

    *before = now;
    if (!lost || !id)
        return;
    accounting_of(&monitor->emitter.accounting, catalogue_find(id))->seen += lost;
    emitter_lost(&monitor->emitter, id, cause, lost);
}

void monitor_account(struct monitor *monitor)
{
    struct wire_counters now[WIRE_TYPE_COUNT];
    uint64_t missed[WIRE_TYPE_COUNT];

    monitor->losses_seen = sensor_losses(monitor->sensor);
    monitor->accounted = monitor_now();
    monitor->active = false;
    if (sensor_counters(monitor->sensor, now, missed))
        return;
    for (uint32_t type = 0; type < WIRE_TYPE_COUNT; type++) {
        enum catalogue_event_id id = monitor_event_of(type);
        struct wire_counters *before = &monitor->kernel[type];

        before->seen = now[type].seen;
        account(monitor, id, now[type].lost_ring, &before->lost_ring, LOSS_RING_FULL);
        account(monitor, id, now[type].lost_scratch, &before->lost_scratch, LOSS_SCRATCH_BUSY);
        account(monitor, id, missed[type], &monitor->missed[type], LOSS_PROGRAM_BUSY);
    }
}

void monitor_tell_losses(struct monitor *monitor)
{
    struct loss_report report;
    char text[160];

    if (!monitor->active && sensor_losses(monitor->sensor) == monitor->losses_seen)
        return;
    if (monitor_now() - monitor->accounted < TELL_INTERVAL_NS)
        return;
    monitor_account(monitor);
    while (accounting_next_report(&monitor->emitter.accounting, &report)) {
        loss_report_text(&report, text, sizeof text);
        monitor_event_error(monitor, "Loss", text);
    }
}

int monitor_losses_wait(const struct monitor *monitor)
{
    uint64_t passed = monitor_now() - monitor->accounted;

    if (!monitor->active && sensor_losses(monitor->sensor) == monitor->losses_seen)
        return -1;
    return passed >= TELL_INTERVAL_NS ? 0 : (int)((TELL_INTERVAL_NS - passed) / 1000000 + 1);
}
