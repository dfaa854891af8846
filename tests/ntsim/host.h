/* SPDX-License-Identifier: MIT */
/*
 * The little of Win32 that the simulated executive stands on: pages, threads on stacks of our choosing, parking, time,
 * faults. The only file that sees <windows.h> is host.c; the rest of the simulator sees NT's own headers and this one.
 */
#ifndef NTSIM_HOST_H
#define NTSIM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum host_protection { HOST_NONE, HOST_READ, HOST_WRITE, HOST_EXECUTE, HOST_WRITE_EXECUTE };

/* Address space without memory behind it; at a wanted address or NULL. Ends the program when it cannot be had. */
void *host_reserve(uintptr_t at, size_t size);
void host_commit(void *at, size_t size, enum host_protection protection);
void host_protect(void *at, size_t size, enum host_protection protection);
void host_decommit(void *at, size_t size);

/* A thread whose stack is the given memory (so that the addresses of locals are kernel addresses to the driver). */
void host_thread(void *stack, size_t size, void (*entry)(void *), void *argument);

/* Park until *flag is non-zero, then clear it. `timeout` in 100 ns, negative = for ever. False on time-out. */
bool host_park(volatile int32_t *flag, int64_t timeout);
void host_unpark(volatile int32_t *flag);
void host_relax(void);
void host_sleep(unsigned milliseconds);

/* Two words of the thread environment that no user-mode code touches and that an inlined KeGetCurrentThread reads (slot 1). */
void *host_slot(int slot);
void host_slot_set(int slot, void *value);

uint64_t host_system_time(void); /* 100 ns since 1601 */
uint64_t host_nanoseconds(void); /* monotonic */
uint64_t host_cycles(void);      /* time-stamp counter */

enum host_fault_kind { HOST_FAULT_ACCESS, HOST_FAULT_PRIVILEGED, HOST_FAULT_STEP, HOST_FAULT_OTHER };
struct host_fault {
    enum host_fault_kind kind;
    uint32_t code;       /* NTSTATUS of the exception */
    uintptr_t pc;
    uintptr_t address;   /* of the access, HOST_FAULT_ACCESS only */
    int access;          /* 0 read, 1 write, 8 execute */
    void *context;       /* for the functions below */
};
/* Called first for every exception of any thread: true = continue the program, false = look for a handler. */
void host_on_fault(bool (*handler)(struct host_fault *fault));
/* Called when no frame of a host_thread handles an exception; must not return. */
void host_on_unhandled(void (*handler)(struct host_fault *fault));

uintptr_t host_register(void *context, int number); /* 0-7 (15): in the machine's encoding order */
void host_register_set(void *context, int number, uintptr_t value);
void host_pc_set(void *context, uintptr_t pc);
void host_single_step(void *context, bool on);
/* Program counters of the calling thread (or of a fault's context), innermost first; the number filled. */
size_t host_backtrace(void *context, uintptr_t *pcs, size_t count);
void host_raise(uint32_t status);

void host_functions_add(void *base, void *table, uint32_t count); /* unwind tables of a mapped image (x64) */
void host_functions_remove(void *table);
void *host_c_specific_handler(void);

/* Whole file in malloc'd memory, NULL when it cannot be read. */
void *host_read_file(const char *path, size_t *size);
void host_exit(int code);

/* host_asm.S */
extern void host_gate(void);                                        /* every simulated export jumps here, its number in r10d */
extern uintptr_t host_guarded(uintptr_t (*call)(void *), void *argument, uint32_t *status); /* exceptions end in *status */

#endif
