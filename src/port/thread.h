/* SPDX-License-Identifier: MIT */
/* Threads, locks and clocks, as little of them as we need. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef _WIN32
/* Layouts of SRWLOCK and CONDITION_VARIABLE: one pointer, zero = initial. */
struct port_mutex {
    void *lock;
};
struct port_condition {
    void *variable;
};
typedef void *port_thread;
#else
#include <pthread.h>
struct port_mutex {
    pthread_mutex_t lock;
};
struct port_condition {
    pthread_cond_t variable;
};
typedef pthread_t port_thread;
#endif

void mutex_init(struct port_mutex *mutex);
void mutex_destroy(struct port_mutex *mutex);
void mutex_lock(struct port_mutex *mutex);
void mutex_unlock(struct port_mutex *mutex);

void condition_init(struct port_condition *condition);
void condition_destroy(struct port_condition *condition);
void condition_signal(struct port_condition *condition);
void condition_broadcast(struct port_condition *condition);
void condition_wait(struct port_condition *condition, struct port_mutex *mutex);
/* Until clock_milliseconds() reaches `deadline`. False: it did. */
bool condition_wait_until(struct port_condition *condition, struct port_mutex *mutex, uint64_t deadline);

/* The thread takes no signals: those belong to the main thread. 0 or a negative errno. */
int thread_start(port_thread *thread, void (*function)(void *context), void *context, const char *name);
void thread_join(port_thread thread);
/* Nobody will join it. */
void thread_abandon(port_thread thread);

/* Milliseconds of a clock that never jumps. */
uint64_t clock_milliseconds(void);
/* Wall clock, 100-ns units since 1601-01-01 UTC. */
uint64_t clock_filetime(void);
