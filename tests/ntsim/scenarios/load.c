/* SPDX-License-Identifier: MIT */
#include "scenarios.h"

void load_and_unload(void)
{
    NTSTATUS status = world_load();

    check(NT_SUCCESS(status), "DriverEntry fails: 0x%08x", (unsigned)status);
    world_unload();
}
