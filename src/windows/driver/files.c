/* SPDX-License-Identifier: MIT */
/* The choice between the two file filters: by version first, for a manager that registers filters may never call them (nt52-facts). */
#include "file.h"

static void (*stop)(void);

NTSTATUS files_start(void)
{
    NTSTATUS status = STATUS_NOT_SUPPORTED;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    stop = NULL;
    if (compat_at_least(6, 0) && settings_allows(SETTINGS_SENSOR_MINIFILTER)) {
        status = minifilter_start();
        if (NT_SUCCESS(status)) {
            stop = minifilter_stop;
            return status;
        }
    }
    if (!settings_allows(SETTINGS_SENSOR_LEGACY_FILTER))
        return settings_allows(SETTINGS_SENSOR_MINIFILTER) ? status : STATUS_SUCCESS;
    if (compat_at_least(6, 0))
        record_error(L"Files", L"The filter manager can not be used: legacy filter", status);
    status = sfilter_start();
    if (NT_SUCCESS(status))
        stop = sfilter_stop;
    return status;
}

bool files_by_minifilter(void)
{
    return stop == minifilter_stop;
}

void files_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (stop)
        stop();
    stop = NULL;
}
