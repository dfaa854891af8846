/* SPDX-License-Identifier: MIT */
/* The engine's public interface, in the order an event meets it. */
#pragma once

#include "sysmon/catalogue.h"
#include "sysmon/event.h"
#include "sysmon/process_table.h"
#include "sysmon/hash.h"
#include "sysmon/pe.h"
#include "sysmon/config.h"
#include "sysmon/ruleset.h"
#include "sysmon/output.h"
