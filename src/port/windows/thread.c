/* SPDX-License-Identifier: MIT */
#include "port/thread.h"

#include <errno.h>
#include <process.h>
#include <stdlib.h>
#include <windows.h>

/*
 * Locks of Windows Vista where they exist, looked up at run time so that the program loads on NT 5.2, else critical sections, and
 * semaphores as conditions. Which of the two it is never changes.
 */
static struct {
    void(WINAPI *acquire)(void **);
    void(WINAPI *release)(void **);
    BOOL(WINAPI *sleep)(void **, void **, DWORD, ULONG);
    void(WINAPI *wake)(void **);
    void(WINAPI *wake_all)(void **);
    ULONGLONG(WINAPI *ticks)(void);
} vista;
static LONG searched; /* 0 not yet, 1 under way, 2 done */

static void search(void)
{
    HMODULE kernel = GetModuleHandleW(L"kernel32.dll");

    if (searched == 2)
        return;
    if (InterlockedCompareExchange(&searched, 1, 0)) {
        while (InterlockedCompareExchange(&searched, 2, 2) != 2)
            Sleep(0);
        return;
    }
    vista.release = (void *)GetProcAddress(kernel, "ReleaseSRWLockExclusive");
    vista.sleep = (void *)GetProcAddress(kernel, "SleepConditionVariableSRW");
    vista.wake = (void *)GetProcAddress(kernel, "WakeConditionVariable");
    vista.wake_all = (void *)GetProcAddress(kernel, "WakeAllConditionVariable");
    vista.ticks = (void *)GetProcAddress(kernel, "GetTickCount64");
    if (vista.release && vista.sleep && vista.wake && vista.wake_all)
        vista.acquire = (void *)GetProcAddress(kernel, "AcquireSRWLockExclusive");
    InterlockedExchange(&searched, 2);
}

/* A condition without Vista: those who wait, and a semaphore with one unit for each that is woken. */
struct waiters {
    CRITICAL_SECTION guard;
    HANDLE semaphore;
    LONG count;
};

static void *must(void *memory)
{
    if (!memory)
        abort(); /* a lock that does not lock would be worse */
    return memory;
}

void mutex_init(struct port_mutex *mutex)
{
    search();
    mutex->lock = NULL; /* an SRW lock's initial value */
    if (!vista.acquire) {
        mutex->lock = must(malloc(sizeof(CRITICAL_SECTION)));
        InitializeCriticalSection(mutex->lock);
    }
}

void mutex_destroy(struct port_mutex *mutex)
{
    if (vista.acquire)
        return;
    DeleteCriticalSection(mutex->lock);
    free(mutex->lock);
}

void mutex_lock(struct port_mutex *mutex)
{
    if (vista.acquire)
        vista.acquire(&mutex->lock);
    else
        EnterCriticalSection(mutex->lock);
}

void mutex_unlock(struct port_mutex *mutex)
{
    if (vista.acquire)
        vista.release(&mutex->lock);
    else
        LeaveCriticalSection(mutex->lock);
}

void condition_init(struct port_condition *condition)
{
    struct waiters *waiters;

    search();
    condition->variable = NULL;
    if (vista.acquire)
        return;
    condition->variable = waiters = must(calloc(1, sizeof(*waiters)));
    waiters->semaphore = must(CreateSemaphoreW(NULL, 0, 0x7FFFFFFF, NULL));
    InitializeCriticalSection(&waiters->guard);
}

void condition_destroy(struct port_condition *condition)
{
    struct waiters *waiters = condition->variable;

    if (vista.acquire)
        return;
    CloseHandle(waiters->semaphore);
    DeleteCriticalSection(&waiters->guard);
    free(waiters);
}

static void wake(struct waiters *waiters, bool all)
{
    LONG woken;

    EnterCriticalSection(&waiters->guard);
    woken = all ? waiters->count : waiters->count > 0;
    waiters->count -= woken;
    if (woken)
        ReleaseSemaphore(waiters->semaphore, woken, NULL);
    LeaveCriticalSection(&waiters->guard);
}

void condition_signal(struct port_condition *condition)
{
    if (vista.acquire)
        vista.wake(&condition->variable);
    else
        wake(condition->variable, false);
}

void condition_broadcast(struct port_condition *condition)
{
    if (vista.acquire)
        vista.wake_all(&condition->variable);
    else
        wake(condition->variable, true);
}

static bool wait(struct waiters *waiters, struct port_mutex *mutex, DWORD milliseconds)
{
    bool woken;

    EnterCriticalSection(&waiters->guard);
    waiters->count++;
    LeaveCriticalSection(&waiters->guard);
    mutex_unlock(mutex);
    woken = WaitForSingleObject(waiters->semaphore, milliseconds) == WAIT_OBJECT_0;
    if (!woken) {
        EnterCriticalSection(&waiters->guard);
        if (waiters->count > 0)
            waiters->count--; /* nobody had woken us */
        else
            woken = WaitForSingleObject(waiters->semaphore, 0) == WAIT_OBJECT_0; /* somebody had, just now */
        LeaveCriticalSection(&waiters->guard);
    }
    mutex_lock(mutex);
    return woken;
}

void condition_wait(struct port_condition *condition, struct port_mutex *mutex)
{
    if (vista.acquire)
        vista.sleep(&condition->variable, &mutex->lock, INFINITE, 0);
    else
        wait(condition->variable, mutex, INFINITE);
}

bool condition_wait_until(struct port_condition *condition, struct port_mutex *mutex, uint64_t deadline)
{
    uint64_t now = clock_milliseconds();

    if (now >= deadline)
        return false;
    if (vista.acquire)
        return vista.sleep(&condition->variable, &mutex->lock, (DWORD)(deadline - now), 0) != 0;
    return wait(condition->variable, mutex, (DWORD)(deadline - now));
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
    static LARGE_INTEGER frequency;
    LARGE_INTEGER count;

    search();
    if (vista.ticks)
        return vista.ticks();
    if (!frequency.QuadPart)
        QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&count);
    return (uint64_t)(count.QuadPart / frequency.QuadPart) * 1000 +
           (uint64_t)(count.QuadPart % frequency.QuadPart) * 1000 / (uint64_t)frequency.QuadPart;
}

uint64_t clock_filetime(void)
{
    FILETIME now;

    GetSystemTimeAsFileTime(&now);
    return (uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
}
