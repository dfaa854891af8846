/* SPDX-License-Identifier: MIT */
/*
 * NT kernel declarations: ntifs.h of the compiler at hand (mingw-w64 or WDK) and what it lacks (spec 08).
 *
 * Three traps of the headers are closed here and nowhere else:
 *  - variables exported by the kernel: mingw-w64 declares them one dereference off, so their import slots are named directly;
 *  - inline code of the x64 headers that reads CR8, GS:[188h] or the shared user page is replaced by the exported routine;
 *  - user memory is only touched through guard.c.
 */
#pragma once

#include <ntifs.h>
#include <stdbool.h>

#ifdef __GNUC__
#ifdef _WIN64
#define NT_SLOT(name) __asm__("__imp_" #name)
#else
#define NT_SLOT(name) __asm__("__imp__" #name)
#endif
/* The slot holds the address of the kernel's variable. */
extern POBJECT_TYPE *const nt_process_type NT_SLOT(PsProcessType);
extern POBJECT_TYPE *const nt_thread_type NT_SLOT(PsThreadType);
extern POBJECT_TYPE *const nt_device_type NT_SLOT(IoDeviceObjectType);
extern ULONG_PTR *const nt_user_probe_address NT_SLOT(MmUserProbeAddress);
#ifdef _WIN64
KIRQL nt_current_irql(void) __asm__("KeGetCurrentIrql");
PKTHREAD nt_current_thread(void) __asm__("KeGetCurrentThread");
#else
#define nt_current_irql KeGetCurrentIrql
#define nt_current_thread KeGetCurrentThread
#endif
#else
#define nt_process_type PsProcessType
#define nt_thread_type PsThreadType
#define nt_device_type IoDeviceObjectType
#define nt_user_probe_address ((ULONG_PTR *)MmUserProbeAddress)
#define nt_current_irql KeGetCurrentIrql
#define nt_current_thread() ((PKTHREAD)PsGetCurrentThread())
#endif

/* Exported since NT 5.2 or earlier, undeclared in mingw-w64 (spec 08 section 5.3). */
#ifdef __GNUC__
NTSYSAPI NTSTATUS NTAPI ZwQuerySystemInformation(ULONG Class, PVOID Buffer, ULONG Length, PULONG ReturnLength);
NTSYSAPI NTSTATUS NTAPI ZwQueryInformationThread(HANDLE Thread, ULONG Class, PVOID Buffer, ULONG Length, PULONG ReturnLength);
NTSYSAPI PVOID NTAPI PsGetCurrentThreadTeb(VOID);
NTSYSAPI PVOID NTAPI PsGetCurrentProcessWow64Process(VOID);
#endif

/* Information classes by number: the headers disagree about names (spec 08 section 4.1). */
#define NT_PROCESS_BASIC 0
#define NT_PROCESS_TIMES 4
#define NT_PROCESS_SESSION 24
#define NT_PROCESS_WOW64 26
#define NT_PROCESS_IMAGE_NAME 27
#define NT_THREAD_START_ADDRESS 9
#define NT_SYSTEM_TIME_OF_DAY 3
#define NT_SYSTEM_PROCESSES 5
#define NT_SYSTEM_MODULES 11
#define NT_TOKEN_USER 1
#define NT_TOKEN_STATISTICS 10
#define NT_TOKEN_INTEGRITY 25
#define NT_TOKEN_IS_APP_CONTAINER 29
#define NT_MEMORY_BASIC 0
#define NT_MEMORY_MAPPED_NAME 2

struct nt_process_basic {
    NTSTATUS exit_status;
    PVOID peb;
    ULONG_PTR affinity;
    LONG base_priority;
    ULONG_PTR process_id, parent_id;
};

struct nt_time_of_day {
    LARGE_INTEGER boot, current, bias;
    ULONG zone;
};

/* One element of NT_SYSTEM_MODULES; the array starts at the first pointer-aligned offset behind a ULONG count. */
struct nt_module {
    PVOID section, mapped_base, base;
    ULONG size, flags;
    USHORT load_order, init_order, load_count, file_name_offset;
    CHAR path[256];
};
struct nt_modules {
    ULONG count;
    struct nt_module module[1];
};

C_ASSERT(sizeof(struct nt_module) == (sizeof(PVOID) == 8 ? 296 : 284));

/* Parameters of a process (spec 08 section 4.3): the native layout from NT 5.1 to Windows 11. */
struct nt_parameters {
    ULONG maximum_length, length;
    ULONG flags; /* bit 0: normalised. Clear: Buffer members are offsets from the block */
    ULONG debug_flags;
    HANDLE console;
    ULONG console_flags;
    HANDLE input, output, error;
    UNICODE_STRING directory; /* CurrentDirectory.DosPath */
    HANDLE directory_handle;
    UNICODE_STRING dll_path, image_path, command_line;
};

C_ASSERT(FIELD_OFFSET(struct nt_parameters, directory) == (sizeof(PVOID) == 8 ? 56 : 36));
C_ASSERT(FIELD_OFFSET(struct nt_parameters, command_line) == (sizeof(PVOID) == 8 ? 112 : 64));

/* PEB members by offset */
#define NT_PEB_IMAGE_BASE (sizeof(PVOID) == 8 ? 16 : 8)
#define NT_PEB_PARAMETERS (sizeof(PVOID) == 8 ? 32 : 16)
