/* SPDX-License-Identifier: MIT */
/*
 * Memory. The address space is cut like NT's: a user range below MmUserProbeAddress, kernel ranges above it (pool, objects,
 * images, stacks). Every block has pages of its own with an unmapped page behind it, is filled with a pattern, and stays
 * unmapped for a long time after it was freed. What may not be touched right now – paged memory at DISPATCH_LEVEL, another
 * process' user memory, freed memory – is really not accessible, and the fault says why.
 */
#ifndef NTSIM_MM_H
#define NTSIM_MM_H

#include "nt.h"

struct process;

enum block_kind { BLOCK_FREE, BLOCK_NONPAGED, BLOCK_PAGED, BLOCK_OBJECT, BLOCK_USER, BLOCK_IMAGE, BLOCK_PAGED_IMAGE };
enum { FILL_FRESH = 0xC5, FILL_SLOP = 0x5A };

struct block {
    enum block_kind kind;
    bool live;
    bool resident;          /* accessible now (kinds that come and go) */
    bool changing;          /* user memory that differs at every read */
    bool faulting;          /* user memory that is never accessible */
    bool driver_owned;
    bool unfilled;          /* no pattern around it: allocated in parallel mode */
    bool shared;            /* user memory of every process at a fixed place */
    bool permanent;         /* survives mm_reset */
    uint32_t tag;
    uint32_t pages;
    uint8_t *base;
    uint8_t *data;
    size_t size;
    struct process *owner;  /* BLOCK_USER */
    uintptr_t allocated_by, freed_by;
    uint64_t serial;
    int protection;         /* BLOCK_IMAGE*: enum host_protection when accessible */
    struct block *next;     /* free list / image list */
};

void mm_begin(void);
void mm_reset(void);                                   /* a new world: everything is gone */
uintptr_t mm_user_probe(void);

/* Blocks end exactly (up to 16-byte alignment, less with MM_BYTE_END) at an unmapped page. Never NULL. */
enum { MM_BYTE_END = 1, MM_PAGE_START = 2 };
void *mm_allocate(enum block_kind kind, size_t size, uint32_t tag, unsigned flags);
void mm_free(void *data);                              /* checks the slop, bugs on anything that is not a live block's start */
struct block *mm_block(const void *address);           /* the block whose pages contain it, live or not; NULL */
bool mm_is_kernel(const void *address);
bool mm_is_user(const void *address);
/* Every live block of the driver's, for leak reports. */
void mm_each(void (*visit)(struct block *block, void *context), void *context);

void *mm_image(size_t size);                           /* page aligned, writable */
void mm_image_protect(void *at, size_t size, int protection, bool pageable);
void mm_image_keep(void *image);                       /* survives mm_reset */
void mm_image_gone(void *image, size_t size);
void *mm_stack(size_t size);                           /* with an unmapped page below */

/* User memory of a process; misbehaving on demand. */
void *mm_user(struct process *process, const void *data, size_t size);
/* The same in every address space, at a fixed place. */
void mm_user_shared(uintptr_t at, const void *data, size_t size);
void mm_user_fault(void *data);
void mm_user_change(void *data);
void mm_user_free(void *data);
/* For the simulator's own copies of user memory: false when [at, at + size) is not entirely accessible to `process`. */
bool mm_user_valid(struct process *process, const void *at, size_t size);

void mm_close_open(void); /* after parallel mode */
void mm_evict(void);   /* paged and user memory becomes inaccessible until touched legally: called when IRQL rises, process changes */
void mm_switch(void);  /* another runner or process */
void mm_checks(bool on); /* paged-memory traps; off in parallel mode and for measuring */

#endif
