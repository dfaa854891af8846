/* SPDX-License-Identifier: MIT */
#include "mm.h"

#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "irql.h"
#include "module.h"
#include "ps.h"
#include "sched.h"
#include "verify.h"

enum { PAGE = 4096 };
#ifdef _WIN64
static const uintptr_t user_start = 0x10000000, user_size = 0x40000000;
static const uintptr_t kernel_start = 0x600000000000, kernel_size = 0x100000000;
#else
static const uintptr_t user_start = 0x10000000, user_size = 0x08000000;
static const uintptr_t kernel_start = 0x20000000, kernel_size = 0x40000000;
#endif

struct region {
    uintptr_t start, size;
    uintptr_t used;          /* bytes handed out so far */
    struct block **map;      /* one entry per page */
};
static struct region user, kernel;

/* Freed blocks by page count, oldest first; a block is used again only when the list is long. */
enum { CLASSES = 80, QUARANTINE = 64 };
static struct freed {
    struct block *first, *last;
    unsigned count;
} freed[CLASSES], freed_user[CLASSES];
static struct block *residents[4096]; /* accessible blocks that an eviction must close */
static unsigned resident_count;
static uint64_t serial;
static bool checks = true;
static volatile int32_t mm_word;

static void lock(void)
{
    while (sched_is_parallel() && __atomic_exchange_n(&mm_word, 1, __ATOMIC_ACQUIRE))
        host_relax();
}

static void unlock(void) { __atomic_store_n(&mm_word, 0, __ATOMIC_RELEASE); }

static struct region *region_of(uintptr_t address)
{
    if (address - user.start < user.size)
        return &user;
    if (address - kernel.start < kernel.size)
        return &kernel;
    return NULL;
}

bool mm_is_kernel(const void *address) { return (uintptr_t)address >= mm_user_probe(); }
bool mm_is_user(const void *address) { return (uintptr_t)address < mm_user_probe(); }
uintptr_t mm_user_probe(void) { return user_start + user_size; }

struct block *mm_block(const void *address)
{
    struct region *region = region_of((uintptr_t)address);

    return region ? region->map[((uintptr_t)address - region->start) / PAGE] : NULL;
}

/* --- pages ---------------------------------------------------------------------------------------------------------- */

static uint8_t *take_pages(struct region *region, size_t pages)
{
    uint8_t *base = (uint8_t *)region->start + region->used;

    if (region->used + (pages + 1) * PAGE > region->size)
        sim_error("out of simulated address space (%zu pages)", pages);
    region->used += (pages + 1) * PAGE; /* the last one is never mapped */
    return base;
}

static void map_pages(struct block *block)
{
    struct region *region = region_of((uintptr_t)block->base);
    size_t first = ((uintptr_t)block->base - region->start) / PAGE;

    for (size_t i = 0; i <= block->pages; i++) /* the guard page too, so that an overrun knows its victim */
        region->map[first + i] = block;
}

static struct block *block_new(struct region *region, size_t pages)
{
    struct block *block = calloc(1, sizeof *block);

    block->pages = (uint32_t)pages;
    block->base = take_pages(region, pages);
    host_commit(block->base, pages * PAGE, HOST_WRITE);
    block->next = NULL;
    map_pages(block);
    return block;
}

/* Parallel mode is for storms: freed blocks stay mapped and are used again at once. */
static struct block *open_blocks[CLASSES];

static bool recyclable(const struct block *block)
{
    return sched_is_parallel() && block->pages < CLASSES && block->kind != BLOCK_IMAGE && block->kind != BLOCK_USER;
}

static struct block *block_recycled(struct region *region, size_t pages)
{
    struct block *block = region == &kernel && pages < CLASSES && sched_is_parallel() ? open_blocks[pages] : NULL;

    if (block)
        open_blocks[pages] = block->next;
    return block;
}

/* An old block of the size whose time in quarantine is over. */
static struct block *block_again(struct region *region, size_t pages)
{
    struct freed *list = pages >= CLASSES ? NULL : region == &kernel ? &freed[pages] : &freed_user[pages];
    struct block *block;

    if (!list || list->count <= (sched_is_parallel() ? 0 : QUARANTINE))
        return NULL;
    block = list->first;
    list->first = block->next;
    list->count--;
    host_protect(block->base, pages * PAGE, HOST_WRITE);
    map_pages(block);
    return block;
}

static void block_retire(struct block *block)
{
    bool reusable = block->pages < CLASSES && block->kind != BLOCK_IMAGE && !block->shared;
    struct freed *list = !reusable ? NULL : block->kind == BLOCK_USER ? &freed_user[block->pages] : &freed[block->pages];

    block->next = NULL;
    if (!list) {
        host_decommit(block->base, (size_t)block->pages * PAGE);
        return;
    }
    host_protect(block->base, (size_t)block->pages * PAGE, HOST_NONE);
    if (list->count++)
        list->last->next = block;
    else
        list->first = block;
    list->last = block;
}

/* --- all blocks ------------------------------------------------------------------------------------------------------ */

static struct block **all;
static size_t all_count, all_room;

static void remember(struct block *block)
{
    if (all_count == all_room)
        all = realloc(all, (all_room = all_room ? all_room * 2 : 1024) * sizeof *all);
    all[all_count++] = block;
}

void mm_each(void (*visit)(struct block *, void *), void *context)
{
    for (size_t i = 0; i < all_count; i++)
        if (all[i]->live)
            visit(all[i], context);
}

static bool comes_and_goes(const struct block *block)
{
    return block->kind == BLOCK_PAGED || block->kind == BLOCK_USER || block->kind == BLOCK_PAGED_IMAGE;
}

static void make_resident(struct block *block)
{
    host_protect(block->base, (size_t)block->pages * PAGE,
                 block->kind == BLOCK_PAGED_IMAGE ? (enum host_protection)block->protection : HOST_WRITE);
    if (!block->resident && resident_count < sizeof residents / sizeof residents[0])
        residents[resident_count++] = block;
    block->resident = true;
}

static void forget_resident(struct block *block)
{
    for (unsigned i = 0; i < resident_count; i++)
        if (residents[i] == block) {
            residents[i] = residents[--resident_count];
            break;
        }
    block->resident = false;
}

static size_t alignment(unsigned flags) { return flags & MM_BYTE_END ? 1 : 2 * sizeof(void *); }

static void place_data(struct block *block, size_t size, unsigned flags)
{
    size_t room = (size_t)block->pages * PAGE, align = alignment(flags);

    block->size = size;
    block->data = flags & MM_PAGE_START ? block->base : block->base + (room - size) / align * align;
    if (!sched_is_parallel())
        memset(block->base, FILL_SLOP, room);
    memset(block->data, FILL_FRESH, size);
}

void *mm_allocate(enum block_kind kind, size_t size, uint32_t tag, unsigned flags)
{
    struct region *region = kind == BLOCK_USER ? &user : &kernel;
    size_t pages = size ? (size + PAGE - 1) / PAGE : 1;
    struct block *block;

    lock();
    block = block_recycled(region, pages);
    if (!block)
        block = block_again(region, pages);
    if (!block) {
        block = block_new(region, pages);
        remember(block);
    }
    block->kind = kind;
    block->live = true;
    block->shared = block->resident = block->changing = block->faulting = false;
    block->driver_owned = false;
    block->tag = tag;
    block->serial = ++serial;
    block->unfilled = sched_is_parallel();
    block->owner = NULL;
    block->allocated_by = self() ? self()->gate_caller : 0;
    place_data(block, size, flags);
    if (checks && comes_and_goes(block))
        make_resident(block);
    unlock();
    return block->data;
}

static bool slop_intact(const struct block *block)
{
    const uint8_t *end = block->base + (size_t)block->pages * PAGE;

    for (const uint8_t *p = block->base; p < block->data; p++)
        if (*p != FILL_SLOP)
            return false;
    for (const uint8_t *p = block->data + block->size; p < end; p++)
        if (*p != FILL_SLOP)
            return false;
    return true;
}

void mm_free(void *data)
{
    struct block *block = mm_block(data);

    if (!block || block->data != data || block->kind == BLOCK_IMAGE)
        bugcheck("bad-free", "%p is not the start of an allocation", data);
    if (!block->live)
        bugcheck("double-free", "%p (tag %.4s) was already freed by %s", data, (char *)&block->tag, place(block->freed_by));
    lock();
    if (checks && comes_and_goes(block) && !block->resident)
        make_resident(block);
    if (!sched_is_parallel() && !block->unfilled && !slop_intact(block))
        bug("overrun", "bytes around %p (%zu bytes, tag %.4s, allocated by %s) were overwritten", data, block->size,
            (char *)&block->tag, place(block->allocated_by));
    forget_resident(block);
    block->live = false;
    block->freed_by = self()->gate_caller;
    if (recyclable(block)) {
        block->next = open_blocks[block->pages];
        open_blocks[block->pages] = block;
    } else {
        block_retire(block);
    }
    unlock();
}

/* Back in serial mode: what was left open is closed like everything else that is free. */
void mm_close_open(void)
{
    for (size_t pages = 0; pages < CLASSES; pages++)
        while (open_blocks[pages]) {
            struct block *block = open_blocks[pages];

            open_blocks[pages] = block->next;
            block_retire(block);
        }
}

/* --- images and stacks ------------------------------------------------------------------------------------------------- */

void *mm_image(size_t size)
{
    struct block *block = block_new(&kernel, (size + PAGE - 1) / PAGE);

    remember(block);
    block->kind = BLOCK_IMAGE;
    block->live = true;
    block->data = block->base;
    block->size = size;
    memset(block->base, 0, (size_t)block->pages * PAGE);
    return block->base;
}

/* A pageable section becomes a block of its own, so that it can come and go. */
void mm_image_protect(void *at, size_t size, int protection, bool pageable)
{
    size_t pages = (size + PAGE - 1) / PAGE;
    struct block *part;

    host_protect(at, pages * PAGE, (enum host_protection)protection);
    if (!pageable)
        return;
    part = calloc(1, sizeof *part);
    *part = (struct block){.kind = BLOCK_PAGED_IMAGE, .live = true, .pages = (uint32_t)pages, .base = at, .data = at,
                           .size = size, .protection = protection};
    for (size_t i = 0; i < pages; i++)
        kernel.map[((uintptr_t)at - kernel.start) / PAGE + i] = part;
    remember(part);
    if (checks)
        make_resident(part);
}

void mm_image_keep(void *image) { mm_block(image)->permanent = true; }

void mm_image_gone(void *image, size_t size)
{
    for (uint8_t *page = image; page < (uint8_t *)image + size; page += PAGE) {
        struct block *block = mm_block(page);

        if (block->resident)
            forget_resident(block);
        block->live = false;
    }
    host_decommit(image, (size + PAGE - 1) / PAGE * PAGE);
}

void *mm_stack(size_t size)
{
    uint8_t *base = take_pages(&kernel, size / PAGE + 1);

    host_commit(base + PAGE, size, HOST_WRITE);
    return base + PAGE;
}

/* --- user memory ------------------------------------------------------------------------------------------------------- */

void *mm_user(struct process *process, const void *data, size_t size)
{
    void *memory = mm_allocate(BLOCK_USER, size, 'resU', MM_BYTE_END);

    mm_block(memory)->owner = process;
    if (data)
        memcpy(memory, data, size);
    return memory;
}

void mm_user_shared(uintptr_t at, const void *data, size_t size)
{
    struct block *block = calloc(1, sizeof *block);

    block->kind = BLOCK_USER;
    block->live = block->shared = true;
    block->pages = (uint32_t)((size + PAGE - 1) / PAGE);
    block->base = block->data = (uint8_t *)at;
    block->size = size;
    host_commit(block->base, (size_t)block->pages * PAGE, HOST_WRITE);
    memcpy(block->data, data, size);
    map_pages(block);
    remember(block);
    make_resident(block);
}

static void close_block(struct block *block)
{
    forget_resident(block);
    host_protect(block->base, (size_t)block->pages * PAGE, HOST_NONE);
}

void mm_user_fault(void *data)
{
    mm_block(data)->faulting = true;
    close_block(mm_block(data));
}

void mm_user_change(void *data)
{
    mm_block(data)->changing = true;
    close_block(mm_block(data));
}

void mm_user_free(void *data)
{
    struct block *block = mm_block(data);

    lock();
    block->live = false;
    forget_resident(block);
    block_retire(block);
    unlock();
}

bool mm_user_valid(struct process *process, const void *at, size_t size)
{
    struct block *block = mm_block(at);

    return block && block->live && block->kind == BLOCK_USER && !block->faulting && (!block->owner || block->owner == process) &&
           (const uint8_t *)at + size <= block->data + block->size;
}

/* --- coming and going --------------------------------------------------------------------------------------------------- */

void mm_checks(bool on)
{
    if (!on)
        for (size_t i = 0; i < all_count; i++)
            if (all[i]->live && comes_and_goes(all[i]) && !all[i]->faulting)
                make_resident(all[i]);
    checks = on;
}

void mm_evict(void)
{
    if (!checks)
        return;
    for (unsigned i = 0; i < resident_count; i++) {
        residents[i]->resident = false;
        host_protect(residents[i]->base, (size_t)residents[i]->pages * PAGE, HOST_NONE);
    }
    resident_count = 0;
}

/* Only user memory must not stay open across a change of process; evicting all is simpler and finds more. */
void mm_switch(void) { mm_evict(); }

/* --- faults -------------------------------------------------------------------------------------------------------------- */

static const char *access_name(int access) { return access == 0 ? "read" : access == 8 ? "execution" : "write"; }

static void describe_and_stop(struct host_fault *fault, struct block *block)
{
    const char *what = access_name(fault->access);

    bug_context(fault->context);
    if (!block)
        bugcheck("bad-address", "%s at %p, where nothing is", what, (void *)fault->address);
    if (!block->live)
        bugcheck("use-after-free", "%s at %p, byte %td of %zu freed (tag %.4s) by %s, allocated by %s", what, (void *)fault->address,
                 (uint8_t *)fault->address - block->data, block->size, (char *)&block->tag, place(block->freed_by),
                 place(block->allocated_by));
    if (block->kind == BLOCK_IMAGE || block->kind == BLOCK_PAGED_IMAGE)
        bugcheck("image-access", "%s of %s is not allowed", what, place(fault->address));
    bugcheck("overrun", "%s at %p, byte %td of a block of %zu (tag %.4s, allocated by %s)", what, (void *)fault->address,
             (uint8_t *)fault->address - block->data, block->size, (char *)&block->tag, place(block->allocated_by));
}

static bool inside(const struct block *block, uintptr_t address)
{
    return address - (uintptr_t)block->base < (uintptr_t)block->pages * PAGE;
}

/* Paged memory that is out: legal below DISPATCH_LEVEL, it comes in. */
static bool page_in(struct host_fault *fault, struct block *block)
{
    if (!block->live || !inside(block, fault->address) || block->resident)
        return false;
    if (self()->irql >= DISPATCH_LEVEL) {
        bug_context(fault->context);
        bugcheck("paged-at-dispatch", "%s of %s memory %s at IRQL %u", access_name(fault->access),
                 block->kind == BLOCK_PAGED ? "paged pool" : "pageable image", place(fault->address), self()->irql);
    }
    make_resident(block);
    return true;
}

/* The page is opened for one instruction and its bytes change after it. */
static bool read_once(struct host_fault *fault, struct block *block)
{
    host_protect(block->base, (size_t)block->pages * PAGE, HOST_WRITE);
    self()->step_page = (uintptr_t)block->base;
    host_single_step(fault->context, true);
    return true;
}

static bool user_fault(struct host_fault *fault, struct block *block)
{
    if (self()->irql >= DISPATCH_LEVEL) {
        bug_context(fault->context);
        bugcheck("user-at-dispatch", "%s of user memory %p at IRQL %u", access_name(fault->access), (void *)fault->address,
                 self()->irql);
    }
    if (!block || !block->live || !inside(block, fault->address) || block->faulting ||
        (block->owner && block->owner != ps_address_space()))
        return false; /* an access violation that the driver's handler must catch */
    if (block->changing)
        return read_once(fault, block);
    make_resident(block);
    return true;
}

static bool step_done(struct host_fault *fault)
{
    struct block *block = mm_block((void *)self()->step_page);

    if (!self()->step_page)
        return false;
    for (size_t i = 0; i < block->size; i++)
        block->data[i] ^= 0xff;
    self()->step_page = 0;
    host_protect(block->base, (size_t)block->pages * PAGE, HOST_NONE);
    host_single_step(fault->context, false);
    return true;
}

static bool on_access(struct host_fault *fault)
{
    struct block *block = mm_block((void *)fault->address);

    if (module_shared_data(fault))
        return true;
    if (mm_is_user((void *)fault->address) && fault->access != 8)
        return user_fault(fault, block);
    if (block && comes_and_goes(block) && page_in(fault, block))
        return true;
    describe_and_stop(fault, block);
    return false;
}

static bool on_fault(struct host_fault *fault)
{
    if (!self())
        return false;
    if (fault->kind == HOST_FAULT_ACCESS)
        return on_access(fault);
    if (fault->kind == HOST_FAULT_STEP)
        return step_done(fault);
    if (fault->kind == HOST_FAULT_PRIVILEGED)
        return irql_instruction(fault);
    return false;
}

static void on_unhandled(struct host_fault *fault)
{
    bug_context(fault->context);
    if (fault->kind == HOST_FAULT_ACCESS)
        bugcheck("unhandled-exception", "%s of %p at %s (%p), and no handler of the driver caught it", access_name(fault->access),
                 (void *)fault->address, place(fault->pc), (void *)fault->pc);
    bugcheck("unhandled-exception", "%08x at %s (%p)", fault->code, place(fault->pc), (void *)fault->pc);
}

/* --- begin and reset ------------------------------------------------------------------------------------------------------ */

static void region_begin(struct region *region, uintptr_t start, uintptr_t size)
{
    region->start = (uintptr_t)host_reserve(start, size);
    region->size = size;
    region->map = calloc(size / PAGE, sizeof *region->map);
}

void mm_begin(void)
{
    region_begin(&user, user_start, user_size);
    region_begin(&kernel, kernel_start, kernel_size);
    host_on_fault(on_fault);
    host_on_unhandled(on_unhandled);
}

/* Blocks of the old world are retired, not returned: a pointer that survived it still traps. */
void mm_reset(void)
{
    size_t kept = 0;

    mm_evict();
    for (size_t i = 0; i < all_count; i++) {
        struct block *block = all[i];

        if (block->permanent) {
            all[kept++] = block;
            continue;
        }
        if (block->kind == BLOCK_PAGED_IMAGE)
            continue;
        if (block->live) {
            block->live = false;
            block_retire(block);
        }
        if (block->kind != BLOCK_IMAGE && !block->shared && block->pages < CLASSES)
            all[kept++] = block;
    }
    all_count = kept;
}
