/* SPDX-License-Identifier: MIT */
/* Loss accounting. */
#include "sysmon/accounting.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
    const char *stage, *cause;
} causes[LOSS_COUNT] = {
#define LOSS_ROW(name, stage, cause) { stage, cause },
    LOSS_CAUSES(LOSS_ROW)
#undef LOSS_ROW
};

const char *loss_stage(enum loss_cause cause)
{
    return causes[cause].stage;
}

const char *loss_text(enum loss_cause cause)
{
    return causes[cause].cause;
}

int64_t accounting_unexplained(const struct accounting_row *row)
{
    uint64_t explained = row->filtered + row->logged + row->held;

    for (int i = 0; i < LOSS_COUNT; i++)
        explained += row->lost[i];
    return (int64_t)(row->seen - explained);
}

bool accounting_next_report(struct accounting *accounting, struct loss_report *out)
{
    for (unsigned i = 0; i < CATALOGUE_EVENT_COUNT; i++) {
        struct accounting_row *row = &accounting->event[i];

        for (int cause = 0; cause < LOSS_COUNT; cause++) {
            if (row->lost[cause] == row->reported[cause])
                continue;
            *out = (struct loss_report){ &catalogue_events[i], cause, row->lost[cause] - row->reported[cause] };
            row->reported[cause] = row->lost[cause];
            return true;
        }
    }
    return false;
}

void loss_report_text(const struct loss_report *report, char *out, size_t size)
{
    const char *name = report->type->tag ? report->type->tag : report->type->symbol;

    snprintf(out, size, "%" PRIu64 " %s of type %u %s lost at %s: %s", report->count, report->count == 1 ? "event" : "events",
             report->type->id, name, loss_stage(report->cause), loss_text(report->cause));
}
