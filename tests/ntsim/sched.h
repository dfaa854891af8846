/* SPDX-License-Identifier: MIT */
/*
 * Who runs. A runner is a host thread that executes simulated kernel code; the ETHREAD it is at the moment is only its
 * identity and may be changed by the test.
 *
 * Two modes. Serial (the default): exactly one runner runs, the others are parked; time is a number that advances with
 * every call of the driver and jumps to the next deadline when nobody can run, so waits cost nothing, a test never depends
 * on the machine's speed, and "nobody can run and no deadline is left" is a proven deadlock. Parallel: all run at once and
 * time is the machine's; for storms.
 */
#ifndef NTSIM_SCHED_H
#define NTSIM_SCHED_H

#include "nt.h"

struct thread;
struct process;
struct lock;

enum { HELD_MAX = 32 };

struct held_lock {
    struct lock *lock;
    bool exclusive;
    KIRQL irql; /* before it was taken */
};

struct runner {
    volatile int32_t go;
    bool retired;                 /* between two jobs */
    enum { RUNNER_IDLE, RUNNER_READY, RUNNER_RUNNING, RUNNER_ASLEEP } state;
    const void *channel;          /* asleep until somebody wakes this */
    const char *why;
    int64_t deadline;             /* simulated time; NEVER */
    bool timed_out, settling;
    struct thread *thread;        /* identity: what PsGetCurrentThread gives */
    struct process *attached;     /* KeStackAttachProcess; NULL = the thread's own */
    unsigned attach_depth;
    KIRQL irql;
    unsigned normal_apcs_off;     /* critical regions */
    unsigned all_apcs_off;        /* guarded regions */
    KPROCESSOR_MODE previous_mode;
    struct held_lock held[HELD_MAX];
    unsigned held_count;
    PIRP top_level_irp;
    struct flt_operation *flt;    /* the file system callback being run */
    bool in_dpc;
    uint32_t gate;                /* the last call of the driver */
    uintptr_t gate_caller;
    uintptr_t entry_sp;           /* stack pointer when the driver was entered last */
    unsigned driver_depth;        /* calls into the driver on this stack */
    uintptr_t step_page;          /* mm.c: the changing user page an instruction is reading right now */
    NTSTATUS failure;
    WCHAR names[4][1024];         /* ob.c: paths being followed */
    unsigned name_turn;
    const char *inside;           /* the callback or routine of the driver that is running */
    void **exit_to;               /* PsTerminateSystemThread leaves to here */
    void (*job)(void *);
    void *job_argument;
    char name[32];
    uint8_t *stack;
    size_t stack_size;
    struct runner *next;
};

#define NEVER INT64_MAX
#define SECONDS(n) ((int64_t)(n)*10000000)
#define MILLISECONDS(n) ((int64_t)(n)*10000)

struct runner *self(void);
static inline struct thread *current_thread(void) { return self()->thread; }

/* Make the calling host thread … `job` on a new host thread the first runner and never come back. */
void sched_begin(void (*job)(void *), void *argument);
/* Run `job` on another runner; it is ready at once. */
struct runner *sched_start(const char *name, struct thread *thread, void (*job)(void *), void *argument);
void sched_become(struct thread *thread);
void sched_parallel(bool on);
bool sched_is_parallel(void);
/* Preempt at every n-th call of the driver, choosing among the ready by `seed`; 0 = only when blocking. */
void sched_preempt(unsigned every, uint64_t seed);
void sched_preempt_point(void);
uint64_t sched_random(void);

/* Sleep until woken or the simulated time is `deadline`; call with the scheduler lock held, it is released while asleep. */
void sched_lock(void);
void sched_unlock(void);
bool sched_sleep(const void *channel, int64_t deadline, const char *why); /* false = timed out */
void sched_wake(const void *channel);
void sched_yield(void);
/* Let everybody else run until they are all asleep (serial mode), without letting time jump. */
void sched_settle(void);

int64_t sched_now(void);          /* simulated time, 100 ns since 1601 */
void sched_advance(int64_t time); /* serial mode: let time pass */
void sched_tick(void);            /* the watchdog's sign of life, and a little time */
void sched_mark(void);            /* a test begins: it must not take hours of simulated time */
void sched_watchdog(unsigned seconds);
void sched_report(void);          /* who is asleep on what */
unsigned sched_runners_named(const char *prefix); /* alive, for leak checks */
/* The first other runner that is inside the driver now, NULL. */
const struct runner *sched_inside_driver(void);

#endif
