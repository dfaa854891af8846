/* SPDX-License-Identifier: MIT */
#ifndef NTSIM_RTL_H
#define NTSIM_RTL_H

#include <stdbool.h>

extern bool debug_output;       /* print what the driver prints */
void rtl_export_variables(void);

#endif
