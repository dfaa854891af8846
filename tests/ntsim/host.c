/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

static bool (*fault_handler)(struct host_fault *);
static void (*unhandled_handler)(struct host_fault *);

/* --- memory ------------------------------------------------------------------------------------------------------- */

static const DWORD protections[] = {PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE};

static void memory_died(const char *what, void *at, size_t size)
{
    fprintf(stderr, "ntsim: %s of %zu bytes at %p failed: error %lu\n", what, size, at, GetLastError());
    ExitProcess(99);
}

void *host_reserve(uintptr_t at, size_t size)
{
    void *memory = VirtualAlloc((void *)at, size, MEM_RESERVE, PAGE_NOACCESS);

    if (!memory)
        memory_died("reservation", (void *)at, size);
    return memory;
}

void host_commit(void *at, size_t size, enum host_protection protection)
{
    if (!VirtualAlloc(at, size, MEM_COMMIT, protections[protection]))
        memory_died("commitment", at, size);
}

void host_protect(void *at, size_t size, enum host_protection protection)
{
    DWORD old;

    if (!VirtualProtect(at, size, protections[protection], &old))
        memory_died("protection", at, size);
}

void host_decommit(void *at, size_t size)
{
    if (!VirtualFree(at, size, MEM_DECOMMIT))
        memory_died("release", at, size);
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

struct start {
    void *stack;
    size_t size;
    void (*entry)(void *);
    void *argument;
};

extern void host_on_stack(void *top, void (*entry)(void *), void *argument);

/* ntdll refuses to dispatch an exception when the stack pointer lies outside what the TEB says; tell it the new place. */
static void claim_stack(struct start *start)
{
    NT_TIB *tib = (NT_TIB *)NtCurrentTeb();

    tib->StackBase = (char *)start->stack + start->size;
    tib->StackLimit = start->stack;
#ifdef _WIN64
    *(void **)((char *)tib + 0x1478) = start->stack; /* DeallocationStack */
#else
    *(void **)((char *)tib + 0xe0c) = start->stack;
#endif
}

static DWORD WINAPI thread_start(void *argument)
{
    struct start start = *(struct start *)argument;

    free(argument);
    claim_stack(&start);
    host_on_stack((char *)start.stack + start.size, start.entry, start.argument);
    ExitThread(0);
}

void host_thread(void *stack, size_t size, void (*entry)(void *), void *argument)
{
    struct start *start = malloc(sizeof *start);
    HANDLE thread;

    *start = (struct start){stack, size, entry, argument};
    thread = CreateThread(NULL, 0x10000, thread_start, start, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!thread)
        memory_died("thread", stack, size);
    CloseHandle(thread);
}

bool host_park(volatile int32_t *flag, int64_t timeout)
{
    ULONGLONG end = timeout < 0 ? 0 : GetTickCount64() + (ULONGLONG)(timeout + 9999) / 10000;
    LONG zero = 0;

    while (!InterlockedExchange((volatile LONG *)flag, 0)) {
        ULONGLONG now = timeout < 0 ? 0 : GetTickCount64();

        if (timeout >= 0 && now >= end)
            return false;
        WaitOnAddress(flag, &zero, sizeof zero, timeout < 0 ? INFINITE : (DWORD)(end - now));
    }
    return true;
}

void host_unpark(volatile int32_t *flag)
{
    InterlockedExchange((volatile LONG *)flag, 1);
    WakeByAddressAll((void *)flag);
}

void host_relax(void) { SwitchToThread(); }
void host_sleep(unsigned milliseconds) { Sleep(milliseconds); }

#ifdef _WIN64
void *host_slot(int slot) { return (void *)(slot ? __readgsqword(0x188) : __readgsqword(0x180)); }
void host_slot_set(int slot, void *value)
{
    if (slot)
        __writegsqword(0x188, (uintptr_t)value);
    else
        __writegsqword(0x180, (uintptr_t)value);
}
#else
void *host_slot(int slot) { return (void *)(slot ? __readfsdword(0x124) : __readfsdword(0x120)); }
void host_slot_set(int slot, void *value)
{
    if (slot)
        __writefsdword(0x124, (uintptr_t)value);
    else
        __writefsdword(0x120, (uintptr_t)value);
}
#endif

/* --- time --------------------------------------------------------------------------------------------------------- */

uint64_t host_system_time(void)
{
    FILETIME time;

    GetSystemTimeAsFileTime(&time);
    return (uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
}

uint64_t host_nanoseconds(void)
{
    static LARGE_INTEGER frequency;
    LARGE_INTEGER now;

    if (!frequency.QuadPart)
        QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    return (uint64_t)((double)now.QuadPart * 1e9 / (double)frequency.QuadPart);
}

uint64_t host_cycles(void) { return __builtin_ia32_rdtsc(); }

/* --- faults ------------------------------------------------------------------------------------------------------- */

static void describe(struct host_fault *fault, EXCEPTION_POINTERS *exception)
{
    EXCEPTION_RECORD *record = exception->ExceptionRecord;

    *fault = (struct host_fault){.kind = HOST_FAULT_OTHER, .code = record->ExceptionCode, .context = exception->ContextRecord};
#ifdef _WIN64
    fault->pc = exception->ContextRecord->Rip;
#else
    fault->pc = exception->ContextRecord->Eip;
#endif
    if (record->ExceptionCode == (DWORD)STATUS_ACCESS_VIOLATION && record->NumberParameters >= 2) {
        fault->kind = HOST_FAULT_ACCESS;
        fault->access = (int)record->ExceptionInformation[0];
        fault->address = record->ExceptionInformation[1];
    } else if (record->ExceptionCode == (DWORD)STATUS_PRIVILEGED_INSTRUCTION) {
        fault->kind = HOST_FAULT_PRIVILEGED;
    } else if (record->ExceptionCode == (DWORD)STATUS_SINGLE_STEP) {
        fault->kind = HOST_FAULT_STEP;
    }
}

static LONG CALLBACK first_chance(EXCEPTION_POINTERS *exception)
{
    struct host_fault fault;

    describe(&fault, exception);
    return fault_handler && fault_handler(&fault) ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

void host_on_fault(bool (*handler)(struct host_fault *))
{
    if (!fault_handler)
        AddVectoredExceptionHandler(1, first_chance);
    fault_handler = handler;
}

void host_on_unhandled(void (*handler)(struct host_fault *)) { unhandled_handler = handler; }

/* Called by host_on_stack's frame. */
void host_unhandled(EXCEPTION_RECORD *record, CONTEXT *context);
void host_unhandled(EXCEPTION_RECORD *record, CONTEXT *context)
{
    EXCEPTION_POINTERS pointers = {record, context};
    struct host_fault fault;

    describe(&fault, &pointers);
    if (unhandled_handler)
        unhandled_handler(&fault);
    fprintf(stderr, "ntsim: unhandled exception %08x at %p\n", fault.code, (void *)fault.pc);
    ExitProcess(99);
}

#ifdef _WIN64
static DWORD64 *slot_of(CONTEXT *context, int number) { return &context->Rax + number; } /* rax rcx rdx rbx rsp rbp rsi rdi r8… */
#else
static DWORD *slot_of(CONTEXT *context, int number)
{
    DWORD *slots[] = {&context->Eax, &context->Ecx, &context->Edx, &context->Ebx,
                      &context->Esp, &context->Ebp, &context->Esi, &context->Edi};
    return slots[number & 7];
}
#endif

uintptr_t host_register(void *context, int number) { return (uintptr_t)*slot_of(context, number); }
void host_register_set(void *context, int number, uintptr_t value) { *slot_of(context, number) = value; }

void host_pc_set(void *context, uintptr_t pc)
{
#ifdef _WIN64
    ((CONTEXT *)context)->Rip = pc;
#else
    ((CONTEXT *)context)->Eip = pc;
#endif
}

void host_single_step(void *context, bool on)
{
    if (on)
        ((CONTEXT *)context)->EFlags |= 0x100;
    else
        ((CONTEXT *)context)->EFlags &= ~0x100u;
}

#ifdef _WIN64
/* Over the simulator's and the driver's unwind tables; a function without one is a leaf. */
size_t host_backtrace(void *from, uintptr_t *pcs, size_t count)
{
    NT_TIB *tib = (NT_TIB *)NtCurrentTeb();
    CONTEXT context;
    size_t n = 0;

    if (from)
        context = *(CONTEXT *)from;
    else
        RtlCaptureContext(&context);
    while (n < count && context.Rip && context.Rsp >= (DWORD64)tib->StackLimit && context.Rsp < (DWORD64)tib->StackBase) {
        DWORD64 base, frame;
        void *data;
        RUNTIME_FUNCTION *function = RtlLookupFunctionEntry(context.Rip, &base, NULL);

        pcs[n++] = context.Rip;
        if (function) {
            RtlVirtualUnwind(0, base, context.Rip, function, &context, &data, &frame, NULL);
        } else {
            context.Rip = *(DWORD64 *)context.Rsp;
            context.Rsp += 8;
        }
    }
    return n;
}
#else
size_t host_backtrace(void *from, uintptr_t *pcs, size_t count)
{
    NT_TIB *tib = (NT_TIB *)NtCurrentTeb();
    uintptr_t *frame = from ? (uintptr_t *)((CONTEXT *)from)->Ebp : __builtin_frame_address(0);
    size_t n = 0;

    if (from && n < count)
        pcs[n++] = ((CONTEXT *)from)->Eip;
    while (n < count && (void *)frame >= tib->StackLimit && (void *)(frame + 1) < tib->StackBase) {
        pcs[n++] = frame[1];
        if (frame[0] <= (uintptr_t)frame)
            break;
        frame = (uintptr_t *)frame[0];
    }
    return n;
}
#endif

void host_raise(uint32_t status) { RaiseException(status, 0, 0, NULL); }

/* --- the rest ----------------------------------------------------------------------------------------------------- */

void host_functions_add(void *base, void *table, uint32_t count)
{
#ifdef _WIN64
    if (count)
        RtlAddFunctionTable(table, count, (DWORD64)base);
#endif
}

void host_functions_remove(void *table)
{
#ifdef _WIN64
    if (table)
        RtlDeleteFunctionTable(table);
#endif
}

void *host_c_specific_handler(void)
{
    return (void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "__C_specific_handler");
}

void *host_read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *data = NULL;
    long length;

    if (!file)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && (length = ftell(file)) >= 0 && (data = malloc((size_t)length + 1))) {
        rewind(file);
        *size = fread(data, 1, (size_t)length, file);
        data[*size] = 0;
    }
    fclose(file);
    return data;
}

void host_exit(int code)
{
    fflush(stdout);
    fflush(stderr);
    TerminateProcess(GetCurrentProcess(), (UINT)code);
}
