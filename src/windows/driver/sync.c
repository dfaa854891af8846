/* SPDX-License-Identifier: MIT */
/* Threads and mutexes of the driver. */
#include "driver.h"

NTSTATUS thread_start(struct thread *thread, PKSTART_ROUTINE routine)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle;
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    KeInitializeEvent(&thread->stop, NotificationEvent, FALSE);
    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    status = PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, &attributes, NULL, NULL, routine, thread);
    if (!NT_SUCCESS(status))
        return status;
    status = ObReferenceObjectByHandle(handle, SYNCHRONIZE, NULL, KernelMode, (PVOID *)&thread->object, NULL);
    if (!NT_SUCCESS(status)) { /* the thread runs: it has to end before its code goes */
        KeSetEvent(&thread->stop, IO_NO_INCREMENT, FALSE);
        ZwWaitForSingleObject(handle, FALSE, NULL);
        thread->object = NULL;
    }
    ZwClose(handle);
    return status;
}

void thread_stop(struct thread *thread)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!thread->object)
        return;
    KeSetEvent(&thread->stop, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(thread->object, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(thread->object);
    thread->object = NULL;
}

void mutex_initialize(FAST_MUTEX *mutex)
{
    ExInitializeFastMutex(mutex);
}

void mutex_enter(FAST_MUTEX *mutex)
{
    IRQL_AT_MOST(APC_LEVEL);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(mutex);
}

void mutex_leave(FAST_MUTEX *mutex)
{
    ExReleaseFastMutexUnsafe(mutex);
    KeLeaveCriticalRegion();
}
