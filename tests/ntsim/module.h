/* SPDX-License-Identifier: MIT */
/*
 * The simulated system modules (ntoskrnl.exe, hal.dll, fltmgr.sys): images in memory with an export directory, one small
 * stub per export that the profile's version has. Every call of the driver passes its stub, and the gate behind it
 * judges the call before the function runs.
 */
#ifndef NTSIM_MODULE_H
#define NTSIM_MODULE_H

#include "nt.h"

struct host_fault;

struct module {
    const char *name;      /* file name, lower case */
    const char *full_name; /* \SystemRoot\… */
    uint8_t *base;
    uint32_t size;
};

void modules_build(void);   /* for the current profile */
void modules_refresh(void); /* copy the kernel's variables into their images: a new world */
size_t module_count(void);
const struct module *module_at(size_t index);
const struct module *module_find(const char *name);       /* case-insensitive */
/* Address of an export as the driver sees it (stub or variable); NULL when the version has none of the name. */
void *module_export(const struct module *module, const char *name);
void *module_kernel_export(const char *name);             /* what MmGetSystemRoutineAddress finds */
const char *module_place(uintptr_t address);              /* "ntoskrnl!ZwClose" or NULL */

/* A load from KUSER_SHARED_DATA by inlined code (time, tick count, build number): emulated. */
bool module_shared_data(struct host_fault *fault);

/* Which function the driver called last, and how often it called what. */
const char *gate_name(uint32_t gate);
uint64_t gate_calls(const char *name);                    /* since modules_build */
extern bool gate_tracing;                                 /* print every call */
void gate_checks(bool on);                                /* off: straight through, for measuring and storms */

#endif
