/* SPDX-License-Identifier: MIT */
#include "random.h"
#include "system.h"

#include <string.h>
#include <windows.h>

bool random_bytes(void *out, size_t size)
{
    /* RtlGenRandom */
    BOOLEAN(WINAPI *generate)(void *, ULONG) = system_function("advapi32.dll", "SystemFunction036");
    LARGE_INTEGER count;

    if (generate && generate(out, (ULONG)size))
        return true;
    memset(out, 0, size);
    QueryPerformanceCounter(&count);
    memcpy(out, &count, size < sizeof(count) ? size : sizeof(count));
    return false;
}
