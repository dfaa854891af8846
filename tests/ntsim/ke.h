/* SPDX-License-Identifier: MIT */
#ifndef NTSIM_KE_H
#define NTSIM_KE_H

#include "nt.h"

struct thread;

/*
 * Kernel objects that live in the driver's own memory (timers, resources, lookaside lists, …) are written down from their
 * start to their end: memory that holds one must not be freed, and none may be left at unload.
 */
void ke_object_begin(const void *object, size_t size, const char *type);
void ke_object_end(const void *object, const char *type); /* a bug when it was not begun */
bool ke_object_is(const void *object, const char *type);
void ke_check_freed(const void *memory, size_t size);
unsigned ke_report_objects(void);                         /* a bug for every one that is left */

void ke_begin(void);  /* a new world: clock and DPC thread */
void ke_reset(void);
void ke_export_variables(void);

/* Dispatcher objects that the simulator itself waits for or signals. */
void ke_event_set(PKEVENT event);
NTSTATUS ke_wait(void *object, int64_t timeout_100ns); /* NEVER = no time-out */
void ke_signal_body(void *object);                     /* thread or process ended */
bool ke_dpcs_idle(void);

#endif
