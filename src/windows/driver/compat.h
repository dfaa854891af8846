/* SPDX-License-Identifier: MIT */
/*
 * What the running kernel offers. Everything that NT 5.2 lacks is looked up once, here, and is NULL when absent; each
 * user has a fallback. tests/windows/driver_imports.py keeps such names out of the import table.
 */
#pragma once

#include "nt.h"

/* result, name, arguments (spec 08 sections 2 and 5) */
#define COMPAT_ROUTINES(X)                                                                                                   \
    X(NTSTATUS, RtlGetVersion, (PRTL_OSVERSIONINFOW))                                                                        \
    X(VOID, KeQuerySystemTimePrecise, (PLARGE_INTEGER))                                                                      \
    X(NTSTATUS, PsSetCreateProcessNotifyRoutineEx, (PVOID, BOOLEAN))                                                         \
    X(NTSTATUS, PsSetCreateProcessNotifyRoutineEx2, (ULONG, PVOID, BOOLEAN))                                                 \
    X(ULONGLONG, PsGetProcessStartKey, (PEPROCESS))                                                                          \
    X(NTSTATUS, PsAcquireProcessExitSynchronization, (PEPROCESS))                                                            \
    X(VOID, PsReleaseProcessExitSynchronization, (PEPROCESS))                                                                \
    X(NTSTATUS, ZwQueryVirtualMemory, (HANDLE, PVOID, ULONG, PVOID, SIZE_T, PSIZE_T))                                        \
    X(NTSTATUS, CmRegisterCallbackEx, (PVOID, PCUNICODE_STRING, PVOID, PVOID, PLARGE_INTEGER, PVOID))                        \
    X(NTSTATUS, CmCallbackGetKeyObjectIDEx, (PLARGE_INTEGER, PVOID, PULONG_PTR, PCUNICODE_STRING *, ULONG))                  \
    X(VOID, CmCallbackReleaseKeyObjectIDEx, (PCUNICODE_STRING))                                                              \
    X(NTSTATUS, ObRegisterCallbacks, (PVOID, PVOID *))                                                                       \
    X(VOID, ObUnRegisterCallbacks, (PVOID))                                                                                  \
    X(BOOLEAN, MmDoesFileHaveUserWritableReferences, (PSECTION_OBJECT_POINTERS))

#define COMPAT_MEMBER(result, name, arguments) result(NTAPI *name) arguments;

struct compat {
    ULONG major, minor, build;
    POOL_TYPE non_paged; /* the non-executable kind where it exists (6.2) */
    COMPAT_ROUTINES(COMPAT_MEMBER)
};

/* Constant after compat_start(). */
extern struct compat compat;

/* Cannot fail. IRQL: PASSIVE_LEVEL. */
void compat_start(void);
bool compat_at_least(ULONG major, ULONG minor);
/* 100-ns units since 1601-01-01 UTC. IRQL: APC_LEVEL at most. */
ULONGLONG compat_time(void);

/* Zeroed memory of our tag, NULL when there is none. IRQL: DISPATCH_LEVEL at most; paged memory: APC_LEVEL. */
void *pool_allocate(SIZE_T size);
void *pool_allocate_paged(SIZE_T size);
void pool_free(void *memory); /* NULL is allowed */
