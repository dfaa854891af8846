/* SPDX-License-Identifier: MIT */
#ifndef NTSIM_NPFS_H
#define NTSIM_NPFS_H

#include "nt.h"

void npfs_begin(void);
PDEVICE_OBJECT npfs_device(void);

#endif
