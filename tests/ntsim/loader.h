/* SPDX-License-Identifier: MIT */
/* Load a real driver image: sections, relocations, imports, protections, unwind tables, symbols. */
#ifndef NTSIM_LOADER_H
#define NTSIM_LOADER_H

#include "nt.h"

struct driver_file { /* a .sys, read once */
    const char *path;
    uint8_t *data;
    size_t size;
};

struct image {
    uint8_t *base;
    uint32_t size;
    PDRIVER_INITIALIZE entry;
    uint16_t dll_characteristics;
};

int loader_read(const char *path, struct driver_file *file);
/* 0, or the NTSTATUS the kernel's loader would fail with (the reason is printed). */
NTSTATUS loader_map(const struct driver_file *file, struct image *image);
void loader_discard_init(struct image *image); /* after DriverEntry: INIT is gone */
void loader_unmap(struct image *image);
/* What a kernel of any version would hold against the file: bugs. */
void loader_inspect(const struct driver_file *file);

bool loader_contains(uintptr_t pc);
uint32_t loader_offset(uintptr_t pc);
const char *loader_symbol(uintptr_t pc, uint32_t *offset); /* nearest function, NULL when the file has no symbols */
const struct image *loader_image(void);

#endif
