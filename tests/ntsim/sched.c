/* SPDX-License-Identifier: MIT */
#include "sched.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "mm.h"
#include "ps.h"
#include "verify.h"

enum { STACK_SIZE = 0x40000 };

static struct runner *runners;
static bool parallel;
static volatile int32_t lock_word;      /* parallel mode only */
static int64_t simulated = 0x1DA6EC5C0000000; /* 2024-03-05, whatever the machine's clock says */
static int64_t parallel_base;
static uint64_t parallel_start;
static unsigned preempt_every, preempt_left;
static uint64_t random_state = 1;
static volatile uint32_t signs_of_life;
static int64_t marked;

struct runner *self(void) { return host_slot(0); }

static void set_identity(struct runner *runner)
{
    host_slot_set(0, runner);
    host_slot_set(1, runner->thread);
}

uint64_t sched_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* --- the lock of the scheduler and of every dispatcher object ------------------------------------------------------- */

static struct runner *lock_owner;
static unsigned lock_depth; /* beyond the first */

void sched_lock(void)
{
    if (!parallel)
        return;
    if (__atomic_load_n(&lock_owner, __ATOMIC_RELAXED) == self()) {
        lock_depth++;
        return;
    }
    for (unsigned spins = 0; __atomic_exchange_n(&lock_word, 1, __ATOMIC_ACQUIRE); spins++)
        if (spins > 100)
            host_relax();
        else
            __builtin_ia32_pause();
    lock_owner = self();
}

void sched_unlock(void)
{
    if (!parallel)
        return;
    if (lock_depth) {
        lock_depth--;
        return;
    }
    lock_owner = NULL;
    __atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE);
}

/* --- serial mode: choose, hand over ---------------------------------------------------------------------------------- */

static unsigned count_ready(void)
{
    unsigned n = 0;

    for (struct runner *r = runners; r; r = r->next)
        n += r->state == RUNNER_READY;
    return n;
}

/* First come, first served; with preemption on, anybody. */
static struct runner *choose(struct runner *after)
{
    unsigned ready = count_ready(), skip = preempt_every && ready ? (unsigned)(sched_random() % ready) : 0;
    struct runner *start = after->next ? after->next : runners, *r = start;

    if (!ready)
        return NULL;
    for (;;) {
        if (r->state == RUNNER_READY && skip-- == 0)
            return r;
        r = r->next ? r->next : runners;
    }
}

static struct runner *earliest(void)
{
    struct runner *best = NULL;

    for (struct runner *r = runners; r; r = r->next)
        if (r->state == RUNNER_ASLEEP && r->deadline != NEVER && (!best || r->deadline < best->deadline))
            best = r;
    return best;
}

/* Nobody can run: a settling test goes on first, then time jumps, then it is a deadlock. */
static struct runner *let_time_pass(void)
{
    struct runner *next = earliest();

    for (struct runner *r = runners; r; r = r->next)
        if (r->settling) {
            r->settling = false;
            r->state = RUNNER_READY;
            return r;
        }
    if (!next) {
        sched_report();
        bugcheck("deadlock", "every thread waits and no time-out is running");
    }
    if (next->deadline > simulated)
        simulated = next->deadline;
    if (simulated - marked > SECONDS(7200)) {
        sched_report();
        bugcheck("stuck", "two hours have passed in the simulated world: somebody waits for what never comes");
    }
    next->timed_out = true;
    next->state = RUNNER_READY;
    return next;
}

static void await_turn(struct runner *me)
{
    while (__atomic_load_n(&me->state, __ATOMIC_ACQUIRE) != RUNNER_RUNNING)
        host_park(&me->go, -1);
}

static void hand_over(struct runner *me)
{
    struct runner *next = choose(me);

    if (!next)
        next = let_time_pass();
    if (next != me)
        mm_switch();
    __atomic_store_n(&next->state, RUNNER_RUNNING, __ATOMIC_RELEASE);
    if (next == me)
        return;
    host_unpark(&next->go);
    if (!me->retired)
        await_turn(me);
}

void sched_yield(void)
{
    struct runner *me = self();

    if (parallel) {
        host_relax();
        return;
    }
    me->state = RUNNER_READY;
    hand_over(me);
}

void sched_settle(void)
{
    struct runner *me = self();

    if (parallel)
        return;
    me->settling = true;
    me->state = RUNNER_ASLEEP;
    me->channel = NULL;
    me->deadline = NEVER;
    me->why = "settling";
    hand_over(me);
}

void sched_preempt(unsigned every, uint64_t seed)
{
    preempt_every = preempt_left = every;
    random_state = seed ? seed : 1;
}

void sched_preempt_point(void)
{
    if (!preempt_every || parallel || --preempt_left)
        return;
    preempt_left = preempt_every;
    if (count_ready())
        sched_yield();
}

/* --- sleeping --------------------------------------------------------------------------------------------------------- */

static bool sleep_parallel(struct runner *me)
{
    while (me->state == RUNNER_ASLEEP) {
        int64_t left = me->deadline == NEVER ? -1 : me->deadline - sched_now();

        if (me->deadline != NEVER && left <= 0) {
            me->timed_out = true;
            break;
        }
        sched_unlock();
        host_park(&me->go, left);
        if (!parallel) {
            await_turn(me);
            return !me->timed_out;
        }
        sched_lock();
    }
    me->state = RUNNER_RUNNING;
    return !me->timed_out;
}

bool sched_sleep(const void *channel, int64_t deadline, const char *why)
{
    struct runner *me = self();

    me->channel = channel;
    me->deadline = deadline;
    me->why = why;
    me->timed_out = false;
    me->state = RUNNER_ASLEEP;
    if (parallel)
        return sleep_parallel(me);
    hand_over(me);
    sched_lock(); /* the mode may have changed meanwhile */
    return !me->timed_out;
}

void sched_wake(const void *channel)
{
    for (struct runner *r = runners; r; r = r->next) {
        if (r->state != RUNNER_ASLEEP || r->channel != channel || !channel)
            continue;
        r->state = parallel ? RUNNER_RUNNING : RUNNER_READY;
        if (parallel)
            host_unpark(&r->go);
    }
}

/* --- runners ---------------------------------------------------------------------------------------------------------- */

static void runner_reset(struct runner *runner, const char *name)
{
    runner->irql = PASSIVE_LEVEL;
    runner->attached = NULL;
    runner->attach_depth = runner->normal_apcs_off = runner->all_apcs_off = runner->held_count = runner->driver_depth = 0;
    runner->previous_mode = KernelMode;
    runner->top_level_irp = NULL;
    runner->in_dpc = false;
    runner->thread = NULL;
    runner->inside = NULL;
    runner->exit_to = NULL;
    runner->flt = NULL;
    snprintf(runner->name, sizeof runner->name, "%s", name);
}

/* One host thread takes job after job; between jobs it is idle and belongs to nobody. */
static void runner_main(void *argument)
{
    struct runner *runner = argument;

    for (;;) {
        await_turn(runner);
        runner->retired = false;
        set_identity(runner);
        runner->job(runner->job_argument);
        sched_lock();
        runner->retired = true;
        runner->state = RUNNER_IDLE;
        if (parallel)
            sched_unlock();
        else
            hand_over(runner);
    }
}

static struct runner *runner_new(void)
{
    struct runner *runner = calloc(1, sizeof *runner);

    runner->stack_size = STACK_SIZE;
    runner->stack = mm_stack(STACK_SIZE);
    runner->next = runners;
    __atomic_store_n(&runners, runner, __ATOMIC_RELEASE);
    host_thread(runner->stack, runner->stack_size, runner_main, runner);
    return runner;
}

static struct runner *runner_idle(void)
{
    for (struct runner *r = runners; r; r = r->next)
        if (r->state == RUNNER_IDLE)
            return r;
    return runner_new();
}

struct runner *sched_start(const char *name, struct thread *thread, void (*job)(void *), void *argument)
{
    struct runner *runner;

    sched_lock();
    runner = runner_idle();
    runner_reset(runner, name);
    runner->thread = thread;
    runner->job = job;
    runner->job_argument = argument;
    runner->state = parallel ? RUNNER_RUNNING : RUNNER_READY;
    if (parallel)
        host_unpark(&runner->go);
    sched_unlock();
    return runner;
}

void sched_begin(void (*job)(void *), void *argument)
{
    struct runner *runner = runner_new();

    runner_reset(runner, "test");
    runner->job = job;
    runner->job_argument = argument;
    runner->state = RUNNER_RUNNING;
    host_unpark(&runner->go);
    for (;;)
        host_sleep(1000000);
}

void sched_become(struct thread *thread)
{
    struct runner *me = self();

    me->thread = thread;
    set_identity(me);
    mm_switch();
}

unsigned sched_runners_named(const char *prefix)
{
    unsigned n = 0;

    for (struct runner *r = runners; r; r = r->next)
        n += r->state != RUNNER_IDLE && strncmp(r->name, prefix, strlen(prefix)) == 0;
    return n;
}

static bool others_awake(void)
{
    for (struct runner *r = runners; r; r = r->next)
        if (r != self() && (r->state == RUNNER_RUNNING || r->state == RUNNER_READY))
            return true;
    return false;
}

const struct runner *sched_inside_driver(void)
{
    for (struct runner *r = runners; r; r = r->next)
        if (r != self() && r->state != RUNNER_IDLE && r->driver_depth > 0)
            return r;
    return NULL;
}

/* Change only when every other runner is asleep or idle: nobody may be inside the other mode's lock. */
void sched_parallel(bool on)
{
    if (on == parallel)
        return;
    if (on) {
        sched_settle();
        parallel_base = simulated;
        parallel_start = host_nanoseconds();
        parallel = true;
        /* serial sleepers are parked without a deadline; let them look again */
        for (struct runner *r = runners; r; r = r->next)
            if (r->state == RUNNER_ASLEEP) {
                r->timed_out = false;
                r->state = RUNNER_RUNNING;
                host_unpark(&r->go);
            }
    } else {
        int64_t now = sched_now();

        sched_lock();
        while (others_awake()) {
            sched_unlock();
            host_sleep(1);
            sched_lock();
        }
        simulated = now;
        parallel = false;
        lock_owner = NULL;
        lock_word = 0;
        mm_close_open();
        for (struct runner *r = runners; r; r = r->next)
            host_unpark(&r->go); /* out of the timed wait, into the wait for their turn */
    }
}

bool sched_is_parallel(void) { return parallel; }

void sched_mark(void) { marked = simulated; }

/* --- time and watchdog ------------------------------------------------------------------------------------------------- */

int64_t sched_now(void)
{
    return parallel ? parallel_base + (int64_t)((host_nanoseconds() - parallel_start) / 100) : simulated;
}

void sched_advance(int64_t time)
{
    int64_t until = sched_now() + time;
    static char channel;

    sched_lock();
    while (sched_now() < until)
        sched_sleep(&channel, until, "time to pass");
    sched_unlock();
}

void sched_tick(void)
{
    signs_of_life++;
    if (!parallel)
        simulated += 1;
}

static const char *state_name(const struct runner *r)
{
    static const char *const names[] = {"idle", "ready", "running", "asleep"};

    return names[r->state];
}

void sched_report(void)
{
    for (struct runner *r = runners; r; r = r->next)
        if (r->state != RUNNER_IDLE)
            printf("#   %-16s %-8s irql %u%s%s, last call from %s\n", r->name, state_name(r), r->irql,
                   r->state == RUNNER_ASLEEP ? ", waits for " : "", r->state == RUNNER_ASLEEP ? r->why : "", place(r->gate_caller));
}

static uint8_t watchdog_stack[0x10000] __attribute__((aligned(16)));

static void watchdog(void *argument)
{
    unsigned limit = (unsigned)(uintptr_t)argument, quiet = 0;
    uint32_t last = 0;

    for (;;) {
        host_sleep(1000);
        quiet = signs_of_life == last ? quiet + 1 : 0;
        last = signs_of_life;
        if (quiet >= limit) {
            printf("# watchdog: no call of the driver for %u seconds\n", limit);
            sched_report();
            printf("Bail out! watchdog\n");
            host_exit(124);
        }
    }
}

void sched_watchdog(unsigned seconds)
{
    host_thread(watchdog_stack, sizeof watchdog_stack, watchdog, (void *)(uintptr_t)seconds);
}
