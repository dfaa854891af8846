/* SPDX-License-Identifier: MIT */
#include "port/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* 100-ns units between 1601-01-01 and 1970-01-01. */
#define UNIX_EPOCH 116444736000000000ull

void mutex_init(struct port_mutex *mutex)
{
    pthread_mutex_init(&mutex->lock, NULL);
}

void mutex_destroy(struct port_mutex *mutex)
{
    pthread_mutex_destroy(&mutex->lock);
}

void mutex_lock(struct port_mutex *mutex)
{
    pthread_mutex_lock(&mutex->lock);
}

void mutex_unlock(struct port_mutex *mutex)
{
    pthread_mutex_unlock(&mutex->lock);
}

void condition_init(struct port_condition *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&condition->variable, &attributes);
    pthread_condattr_destroy(&attributes);
}

void condition_destroy(struct port_condition *condition)
{
    pthread_cond_destroy(&condition->variable);
}

void condition_signal(struct port_condition *condition)
{
    pthread_cond_signal(&condition->variable);
}

void condition_broadcast(struct port_condition *condition)
{
    pthread_cond_broadcast(&condition->variable);
}

void condition_wait(struct port_condition *condition, struct port_mutex *mutex)
{
    pthread_cond_wait(&condition->variable, &mutex->lock);
}

bool condition_wait_until(struct port_condition *condition, struct port_mutex *mutex, uint64_t deadline)
{
    struct timespec time = { .tv_sec = (time_t)(deadline / 1000), .tv_nsec = (long)(deadline % 1000) * 1000000 };

    return pthread_cond_timedwait(&condition->variable, &mutex->lock, &time) != ETIMEDOUT;
}

struct start {
    void (*function)(void *context);
    void *context;
};

static void *run(void *argument)
{
    struct start start = *(struct start *)argument;

    free(argument);
    start.function(start.context);
    return NULL;
}

int thread_start(port_thread *thread, void (*function)(void *context), void *context, const char *name)
{
    struct start *start = malloc(sizeof(*start));
    sigset_t all, before;
    int error;

    if (!start)
        return -ENOMEM;
    start->function = function;
    start->context = context;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(thread, NULL, run, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        free(start);
        return -error;
    }
    pthread_setname_np(*thread, name);
    return 0;
}

void thread_join(port_thread thread)
{
    pthread_join(thread, NULL);
}

void thread_abandon(port_thread thread)
{
    pthread_detach(thread);
}

uint64_t clock_milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_filetime(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return UNIX_EPOCH + (uint64_t)now.tv_sec * 10000000 + (uint64_t)now.tv_nsec / 100;
}
