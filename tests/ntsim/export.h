/* SPDX-License-Identifier: MIT */
/*
 * What the simulated kernel exports. A component writes
 *
 *     EXPORT(NTSTATUS, ZwClose, (HANDLE handle))
 *     {
 *         …
 *     }
 *
 * and the function nt_ZwClose is found under its NT name. Which NT version has the name, and at which IRQL it may be called,
 * is a fact of exports.txt, not of the component. FALLIBLE also tells the fault sweep how the call may fail.
 */
#ifndef NTSIM_EXPORT_H
#define NTSIM_EXPORT_H

#include "nt.h"

/* The x86 headers turn these names into their fast-call relatives. */
#undef ExInterlockedInsertHeadList
#undef ExInterlockedInsertTailList
#undef ExInterlockedRemoveHeadList
#undef ExInterlockedPopEntrySList
#undef ExInterlockedPushEntrySList
#undef KeLowerIrql
#undef KeRaiseIrql
#undef KeAcquireSpinLockAtDpcLevel
#undef KeReleaseSpinLockFromDpcLevel
#undef KeQueryTickCount
#undef KeFlushIoBuffers
#undef RtlCopyMemory
#undef RtlMoveMemory
#undef RtlZeroMemory
#undef RtlFillMemory
#undef KeInitializeSpinLock
#undef PsGetCurrentProcess
#undef ExInterlockedFlushSList
#undef InterlockedPushEntrySList
#undef InterlockedPopEntrySList
#undef KeAcquireSpinLock
#undef KeReleaseSpinLock

enum export_failure {
    CANNOT_FAIL,
    FAILS_NULL,   /* returns NULL / FALSE */
    FAILS_STATUS, /* returns STATUS_INSUFFICIENT_RESOURCES */
    FAILS_RAISE   /* raises STATUS_INSUFFICIENT_RESOURCES */
};

struct export {
    const char *name;
    void *function;
    enum export_failure failure;
    size_t data; /* size of an exported variable; function is then its address */
    struct export *next;
};

void export_add(struct export *entry);

#define EXPORT_ENTRY_(name, failing) \
    static struct export export_##name = {#name, (void *)nt_##name, failing, 0, NULL}; \
    static void __attribute__((constructor)) register_##name(void) { export_add(&export_##name); }
#define EXPORT_(result, convention, name, arguments, failing) \
    result convention nt_##name arguments; \
    EXPORT_ENTRY_(name, failing) \
    result convention nt_##name arguments

#define EXPORT(result, name, arguments) EXPORT_(result, NTAPI, name, arguments, CANNOT_FAIL)
#define EXPORT_FAST(result, name, arguments) EXPORT_(result, FASTCALL, name, arguments, CANNOT_FAIL)
#define EXPORT_C(result, name, arguments) EXPORT_(result, __cdecl, name, arguments, CANNOT_FAIL)
#define FALLIBLE(failing, result, name, arguments) EXPORT_(result, NTAPI, name, arguments, failing)
/* Another name for the same function. */
#define EXPORT_ALIAS(alias, function_) \
    static struct export export_##alias = {#alias, (void *)function_, CANNOT_FAIL, 0, NULL}; \
    static void __attribute__((constructor)) register_##alias(void) { export_add(&export_##alias); }
#define FALLIBLE_ALIAS(failing, alias, function_) \
    static struct export export_##alias = {#alias, (void *)function_, failing, 0, NULL}; \
    static void __attribute__((constructor)) register_##alias(void) { export_add(&export_##alias); }
/* A variable of the kernel; the driver's import slot holds the address of the copy inside the kernel's image. */
#define EXPORT_DATA(type, name) \
    type nt_##name; \
    static struct export export_##name = {#name, (void *)&nt_##name, CANNOT_FAIL, sizeof(type), NULL}; \
    static void __attribute__((constructor)) register_##name(void) { export_add(&export_##name); }

enum fact_module { FACT_KERNEL, FACT_FLTMGR };
enum fact_kind { FACT_STDCALL, FACT_FASTCALL, FACT_CDECL, FACT_DATA };
struct export_fact {
    const char *name;
    uint8_t module;      /* enum fact_module */
    uint8_t hal;         /* bit 0: HAL.dll on x64, bit 1: on x86 */
    uint8_t kind;        /* enum fact_kind */
    uint8_t arguments;   /* bytes, x86 */
    uint8_t max_irql;
    uint8_t min_dispatch; /* needs DISPATCH_LEVEL */
    uint32_t first[2];   /* build number, x64 and x86 */
};
extern const struct export_fact export_facts[];
extern const size_t export_fact_count;

#endif
