/* SPDX-License-Identifier: MIT */
/* Spec 09 section 8.8. What an older system lacks is left out silently: none of it is needed to work. */
#include "harden.h"
#include "system.h"

#include <windows.h>

/* Policy numbers and flags of SetProcessMitigationPolicy that the service can keep: see the table of spec 09 section 8.8. */
static const struct {
    DWORD policy, flags;
} mitigations[] = {
    { 3, 3 },  /* strict handle checks */
    { 6, 1 },  /* no extension points */
    { 9, 1 },  /* no fonts but the system's */
    { 10, 7 }, /* no remote images, none with a low label, System32 first */
    { 16, 1 }, /* no following of reparse points made by others */
};

void process_harden(void)
{
    BOOL(WINAPI *directories)(DWORD) = system_function("kernel32.dll", "SetDefaultDllDirectories");
    BOOL(WINAPI *search)(LPCWSTR) = system_function("kernel32.dll", "SetDllDirectoryW");
    BOOL(WINAPI *mitigate)(int, void *, SIZE_T) = system_function("kernel32.dll", "SetProcessMitigationPolicy");
    BOOL(WINAPI *heap)(HANDLE, int, void *, SIZE_T) = system_function("kernel32.dll", "HeapSetInformation");

    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    if (heap)
        heap(NULL, 1 /* HeapEnableTerminationOnCorruption */, NULL, 0);
    if (search)
        search(L"");
    if (directories)
        directories(0x800 /* LOAD_LIBRARY_SEARCH_SYSTEM32 */);
    for (unsigned i = 0; mitigate && i < sizeof(mitigations) / sizeof(mitigations[0]); i++) {
        DWORD flags = mitigations[i].flags;

        mitigate((int)mitigations[i].policy, &flags, sizeof(flags));
    }
}
