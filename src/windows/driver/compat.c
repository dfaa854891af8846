/* SPDX-License-Identifier: MIT */
#include "compat.h"

#include "driver.h"

#define POOL_TAG 'nmsS' /* shows as Ssmn */
#define NON_PAGED_NX ((POOL_TYPE)0x200)

struct compat compat;

static void *export_find(const WCHAR *name)
{
    UNICODE_STRING text;

    RtlInitUnicodeString(&text, name);
    return MmGetSystemRoutineAddress(&text);
}

static void version_find(void)
{
    RTL_OSVERSIONINFOW version = { .dwOSVersionInfoSize = sizeof version };

    if (compat.RtlGetVersion && NT_SUCCESS(compat.RtlGetVersion(&version))) {
        compat.major = version.dwMajorVersion;
        compat.minor = version.dwMinorVersion;
        compat.build = version.dwBuildNumber;
    } else {
        PsGetVersion(&compat.major, &compat.minor, &compat.build, NULL);
    }
}

/* Through memcpy: ISO C knows no conversion from an object pointer to a function pointer. */
#define COMPAT_FIND(result, name, arguments)                                                                                 \
    do {                                                                                                                     \
        void *address = export_find(L"" #name);                                                                              \
        memcpy(&compat.name, &address, sizeof address);                                                                      \
    } while (0);

void compat_start(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    COMPAT_ROUTINES(COMPAT_FIND)
    version_find();
    compat.non_paged = compat_at_least(6, 2) ? NON_PAGED_NX : NonPagedPool;
}

bool compat_at_least(ULONG major, ULONG minor)
{
    return compat.major > major || (compat.major == major && compat.minor >= minor);
}

ULONGLONG compat_time(void)
{
    LARGE_INTEGER now = { .QuadPart = 0 };

    if (compat.KeQuerySystemTimePrecise) {
        compat.KeQuerySystemTimePrecise(&now);
    } else {
#ifdef _WIN64
        /* KeQuerySystemTime is no export of 64-bit kernels, only inline code over the shared page. */
        struct nt_time_of_day time;

        if (NT_SUCCESS(ZwQuerySystemInformation(NT_SYSTEM_TIME_OF_DAY, &time, sizeof time, NULL)))
            now = time.current;
#else
        KeQuerySystemTime(&now);
#endif
    }
    return (ULONGLONG)now.QuadPart;
}

static void *allocate(POOL_TYPE type, SIZE_T size)
{
    void *memory = ExAllocatePoolWithTag(type, size, POOL_TAG);

    if (memory)
        memset(memory, 0, size);
    return memory;
}

void *pool_allocate(SIZE_T size)
{
    return allocate(compat.non_paged, size);
}

void *pool_allocate_paged(SIZE_T size)
{
    return allocate(PagedPool, size);
}

void pool_free(void *memory)
{
    if (memory)
        ExFreePoolWithTag(memory, POOL_TAG);
}
