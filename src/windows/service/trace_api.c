/* SPDX-License-Identifier: MIT */
#include "trace_api.h"
#include "system.h"

bool trace_api_load(struct trace_api *out)
{
    out->start = system_function("advapi32.dll", "StartTraceW");
    out->control = system_function("advapi32.dll", "ControlTraceW");
    out->open = system_function("advapi32.dll", "OpenTraceW");
    out->process = system_function("advapi32.dll", "ProcessTrace");
    out->close = system_function("advapi32.dll", "CloseTrace");
    out->enable = system_function("advapi32.dll", "EnableTraceEx2");
    return out->start && out->control && out->open && out->process && out->close;
}
