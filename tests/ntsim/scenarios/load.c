/* SPDX-License-Identifier: MIT */
#include "scenarios.h"

#include "../fault.h"

void load_and_unload(void)
{
    NTSTATUS status = world_load();

    check(NT_SUCCESS(status) || fault_fired(), "DriverEntry fails: 0x%08x", (unsigned)status);
    world_unload();
}
