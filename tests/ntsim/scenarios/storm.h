/* SPDX-License-Identifier: MIT */
#ifndef NTSIM_SCENARIOS_STORM_H
#define NTSIM_SCENARIOS_STORM_H

#include <stdint.h>

/* Operations of several threads at once, with the driver loaded and the client reading. */
void storm_parallel(uint64_t operations);

#endif
