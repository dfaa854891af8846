/* SPDX-License-Identifier: MIT */
#ifndef NTSIM_POOL_H
#define NTSIM_POOL_H

#include "mm.h"
#include "nt.h"

void *pool_take(ULONG type, SIZE_T size, ULONG tag);
void pool_give(void *memory, ULONG tag);
/* Memory that a kernel routine hands to the driver, who must free it with ExFreePool. */
void *pool_for_driver(enum block_kind kind, SIZE_T size, ULONG tag);
unsigned pool_report_leaks(void); /* a bug for every block the driver still owns */
size_t pool_in_use(void);         /* bytes the driver owns */

#endif
