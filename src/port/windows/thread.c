/* SPDX-License-Identifier: MIT */
#include "port/thread.h"

#include <errno.h>
#include <process.h>
#include <stdlib.h>
#include <windows.h>

_Static_assert(sizeof(SRWLOCK) == sizeof(void *) && sizeof(CONDITION_VARIABLE) == sizeof(void *), "see port/thread.h");

void mutex_init(struct port_mutex *mutex)
{
    InitializeSRWLock((SRWLOCK *)&mutex->lock);
}

void mutex_destroy(struct port_mutex *mutex)
{
}

void mutex_lock(struct port_mutex *mutex)
{
    AcquireSRWLockExclusive((SRWLOCK *)&mutex->lock);
}

void mutex_unlock(struct port_mutex *mutex)
{
    ReleaseSRWLockExclusive((SRWLOCK *)&mutex->lock);
}

void condition_init(struct port_condition *condition)
{
    InitializeConditionVariable((CONDITION_VARIABLE *)&condition->variable);
}

void condition_destroy(struct port_condition *condition)
{
}

void condition_signal(struct port_condition *condition)
{
    WakeConditionVariable((CONDITION_VARIABLE *)&condition->variable);
}

void condition_broadcast(struct port_condition *condition)
{
    WakeAllConditionVariable((CONDITION_VARIABLE *)&condition->variable);
}

void condition_wait(struct port_condition *condition, struct port_mutex *mutex)
{
    SleepConditionVariableSRW((CONDITION_VARIABLE *)&condition->variable, (SRWLOCK *)&mutex->lock, INFINITE, 0);
}

bool condition_wait_until(struct port_condition *condition, struct port_mutex *mutex, uint64_t deadline)
{
    uint64_t now = clock_milliseconds();

    if (now >= deadline)
        return false;
    return SleepConditionVariableSRW((CONDITION_VARIABLE *)&condition->variable, (SRWLOCK *)&mutex->lock,
                                     (DWORD)(deadline - now), 0) != 0;
}

struct start {
    void (*function)(void *context);
    void *context;
};

static unsigned __stdcall run(void *argument)
{
    struct start start = *(struct start *)argument;

    free(argument);
    start.function(start.context);
    return 0;
}

int thread_start(port_thread *thread, void (*function)(void *context), void *context, const char *name)
{
    struct start *start = malloc(sizeof(*start));
    uintptr_t handle;

    if (!start)
        return -ENOMEM;
    start->function = function;
    start->context = context;
    handle = _beginthreadex(NULL, 0, run, start, 0, NULL);
    if (!handle) {
        free(start);
        return -EAGAIN;
    }
    *thread = (void *)handle;
    return 0;
}

void thread_join(port_thread thread)
{
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

void thread_abandon(port_thread thread)
{
    CloseHandle(thread);
}

uint64_t clock_milliseconds(void)
{
    return GetTickCount64();
}

uint64_t clock_filetime(void)
{
    FILETIME now;

    GetSystemTimeAsFileTime(&now);
    return (uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
}
