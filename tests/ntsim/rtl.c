/* SPDX-License-Identifier: MIT */
/* The run-time library. What the C library has too is passed on; user memory is only touched by the copying functions. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "export.h"
#include "host.h"
#include "loader.h"
#include "mm.h"
#include "pool.h"
#include "profile.h"
#include "rtl.h"
#include "sched.h"
#include "verify.h"

/* --- memory: plain instructions, so that a fault in them belongs to the caller's handler --------------------------------- */

EXPORT_C(void *, memcpy, (void *to, const void *from, size_t size))
{
    void *result = to;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return result;
}

EXPORT_C(void *, memmove, (void *to, const void *from, size_t size))
{
    if ((uintptr_t)to - (uintptr_t)from >= size)
        return nt_memcpy(to, from, size);
    for (size_t i = size; i-- > 0;)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}

EXPORT_C(void *, memset, (void *at, int value, size_t size))
{
    void *result = at;

    __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(value) : "memory");
    return result;
}

EXPORT_C(int, memcmp, (const void *a, const void *b, size_t size))
{
    const uint8_t *x = a, *y = b;

    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}
EXPORT(SIZE_T, RtlCompareMemory, (const VOID *a, const VOID *b, SIZE_T size))
{
    const uint8_t *x = a, *y = b;
    SIZE_T n = 0;

    while (n < size && x[n] == y[n])
        n++;
    return n;
}
EXPORT_C(void *, memchr, (const void *at, int value, size_t size)) { return memchr(at, value, size); }
EXPORT(VOID, RtlCopyMemory, (PVOID to, const VOID *from, SIZE_T size)) { nt_memcpy(to, from, size); }
EXPORT(VOID, RtlMoveMemory, (PVOID to, const VOID *from, SIZE_T size)) { nt_memmove(to, from, size); }
EXPORT(VOID, RtlZeroMemory, (PVOID at, SIZE_T size)) { nt_memset(at, 0, size); }
EXPORT(VOID, RtlFillMemory, (PVOID at, SIZE_T size, UCHAR value)) { nt_memset(at, value, size); }

/* --- C strings --------------------------------------------------------------------------------------------------------------- */

EXPORT_C(size_t, wcslen, (const WCHAR *s))
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}
EXPORT_C(WCHAR *, wcscpy, (WCHAR *to, const WCHAR *from)) { return wcscpy(to, from); }
EXPORT_C(WCHAR *, wcsncpy, (WCHAR *to, const WCHAR *from, size_t n)) { return wcsncpy(to, from, n); }
EXPORT_C(WCHAR *, wcscat, (WCHAR *to, const WCHAR *from)) { return wcscat(to, from); }
EXPORT_C(WCHAR *, wcsncat, (WCHAR *to, const WCHAR *from, size_t n)) { return wcsncat(to, from, n); }
EXPORT_C(int, wcscmp, (const WCHAR *a, const WCHAR *b)) { return wcscmp(a, b); }
EXPORT_C(int, wcsncmp, (const WCHAR *a, const WCHAR *b, size_t n)) { return wcsncmp(a, b, n); }
EXPORT_C(int, _wcsicmp, (const WCHAR *a, const WCHAR *b)) { return _wcsicmp(a, b); }
EXPORT_C(int, _wcsnicmp, (const WCHAR *a, const WCHAR *b, size_t n)) { return _wcsnicmp(a, b, n); }
EXPORT_C(WCHAR *, wcschr, (const WCHAR *s, WCHAR c)) { return wcschr(s, c); }
EXPORT_C(WCHAR *, wcsrchr, (const WCHAR *s, WCHAR c)) { return wcsrchr(s, c); }
EXPORT_C(WCHAR *, wcsstr, (const WCHAR *s, const WCHAR *t)) { return wcsstr(s, t); }
EXPORT_C(size_t, strlen, (const char *s)) { return strlen(s); }
EXPORT_C(int, strcmp, (const char *a, const char *b)) { return strcmp(a, b); }
EXPORT_C(int, strncmp, (const char *a, const char *b, size_t n)) { return strncmp(a, b, n); }
EXPORT_C(int, _stricmp, (const char *a, const char *b)) { return _stricmp(a, b); }
EXPORT_C(int, _strnicmp, (const char *a, const char *b, size_t n)) { return _strnicmp(a, b, n); }
EXPORT_C(char *, strcpy, (char *to, const char *from)) { return memcpy(to, from, strlen(from) + 1); }
EXPORT_C(char *, strncpy, (char *to, const char *from, size_t n)) { return strncpy(to, from, n); }
EXPORT_C(char *, strchr, (const char *s, int c)) { return strchr(s, c); }
EXPORT_C(char *, strrchr, (const char *s, int c)) { return strrchr(s, c); }
EXPORT_C(char *, strstr, (const char *s, const char *t)) { return strstr(s, t); }
EXPORT_C(int, atoi, (const char *s)) { return atoi(s); }
EXPORT_C(long, atol, (const char *s)) { return atol(s); }
EXPORT_C(wint_t, towupper, (wint_t c)) { return towupper(c); }
EXPORT_C(wint_t, towlower, (wint_t c)) { return towlower(c); }
EXPORT_C(int, toupper, (int c)) { return c >= 'a' && c <= 'z' ? c - 32 : c; }
EXPORT_C(int, tolower, (int c)) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }
EXPORT_C(void, qsort, (void *base, size_t n, size_t size, int (*compare)(const void *, const void *))) { qsort(base, n, size, compare); }

/* As the C run-time of the kernel: -1 and no terminator when it does not fit. */
EXPORT_C(int, _vsnwprintf, (WCHAR *to, size_t room, const WCHAR *format, va_list arguments))
{
    WCHAR text[4096];
    int n = vswprintf(text, 4096, format, arguments);

    if (n < 0 || (size_t)n > room) {
        memcpy(to, text, room * sizeof(WCHAR));
        return -1;
    }
    memcpy(to, text, ((size_t)n + ((size_t)n < room)) * sizeof(WCHAR));
    return n;
}
EXPORT_C(int, _snwprintf, (WCHAR *to, size_t room, const WCHAR *format, ...))
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = nt__vsnwprintf(to, room, format, arguments);
    va_end(arguments);
    return n;
}
EXPORT_C(int, swprintf, (WCHAR *to, const WCHAR *format, ...))
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = nt__vsnwprintf(to, 4096, format, arguments);
    va_end(arguments);
    return n;
}
EXPORT_C(int, _vsnprintf, (char *to, size_t room, const char *format, va_list arguments)) { return vsnprintf(to, room, format, arguments); }
EXPORT_C(int, _snprintf, (char *to, size_t room, const char *format, ...))
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(to, room, format, arguments);
    va_end(arguments);
    return n;
}

/* --- debug output -------------------------------------------------------------------------------------------------------------- */

bool debug_output;

static ULONG print(const char *format, va_list arguments)
{
    if (debug_output) {
        printf("# driver: ");
        vprintf(format, arguments);
    }
    return 0;
}
EXPORT_C(ULONG, DbgPrint, (const char *format, ...))
{
    va_list arguments;

    va_start(arguments, format);
    print(format, arguments);
    va_end(arguments);
    return 0;
}
EXPORT_C(ULONG, DbgPrintEx, (ULONG component, ULONG level, const char *format, ...))
{
    va_list arguments;

    (void)component, (void)level;
    va_start(arguments, format);
    print(format, arguments);
    va_end(arguments);
    return 0;
}
EXPORT(VOID, RtlAssert, (PVOID assertion, PVOID file, ULONG line, PCHAR message))
{
    bugcheck("assertion", "%s at %s:%u %s", (char *)assertion, (char *)file, (unsigned)line, message ? message : "");
}
EXPORT(VOID, DbgBreakPoint, (void)) { bugcheck("breakpoint", "the driver runs into a breakpoint"); }

/* --- counted strings ---------------------------------------------------------------------------------------------------------------- */

EXPORT(VOID, RtlInitUnicodeString, (PUNICODE_STRING to, PCWSTR from))
{
    size_t bytes = from ? nt_wcslen(from) * sizeof(WCHAR) : 0;

    if (bytes > 0xfffc)
        bytes = 0xfffc;
    to->Length = (USHORT)bytes;
    to->MaximumLength = from ? (USHORT)(bytes + sizeof(WCHAR)) : 0;
    to->Buffer = (PWSTR)from;
}
EXPORT(VOID, RtlInitAnsiString, (PANSI_STRING to, PCSTR from))
{
    to->Length = from ? (USHORT)strlen(from) : 0;
    to->MaximumLength = from ? (USHORT)(to->Length + 1) : 0;
    to->Buffer = (PCHAR)from;
}
EXPORT(VOID, RtlCopyUnicodeString, (PUNICODE_STRING to, PCUNICODE_STRING from))
{
    USHORT bytes = from ? from->Length : 0;

    if (bytes > to->MaximumLength)
        bytes = to->MaximumLength;
    to->Length = bytes;
    if (bytes)
        nt_memcpy(to->Buffer, from->Buffer, bytes);
    if (to->Length + sizeof(WCHAR) <= to->MaximumLength)
        to->Buffer[to->Length / sizeof(WCHAR)] = 0;
}
EXPORT(NTSTATUS, RtlAppendUnicodeStringToString, (PUNICODE_STRING to, PCUNICODE_STRING from))
{
    if (to->Length + from->Length > to->MaximumLength)
        return STATUS_BUFFER_TOO_SMALL;
    nt_memmove((uint8_t *)to->Buffer + to->Length, from->Buffer, from->Length);
    to->Length = (USHORT)(to->Length + from->Length);
    if (to->Length + sizeof(WCHAR) <= to->MaximumLength)
        to->Buffer[to->Length / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}
EXPORT(NTSTATUS, RtlAppendUnicodeToString, (PUNICODE_STRING to, PCWSTR from))
{
    UNICODE_STRING string;

    nt_RtlInitUnicodeString(&string, from);
    return nt_RtlAppendUnicodeStringToString(to, &string);
}

static WCHAR up(WCHAR c) { return (WCHAR)towupper(c); }
EXPORT(WCHAR, RtlUpcaseUnicodeChar, (WCHAR c)) { return up(c); }
EXPORT(WCHAR, RtlDowncaseUnicodeChar, (WCHAR c)) { return (WCHAR)towlower(c); }

EXPORT(LONG, RtlCompareUnicodeString, (PCUNICODE_STRING a, PCUNICODE_STRING b, BOOLEAN insensitive))
{
    USHORT shorter = a->Length < b->Length ? a->Length : b->Length;

    for (USHORT i = 0; i < shorter / sizeof(WCHAR); i++) {
        WCHAR x = insensitive ? up(a->Buffer[i]) : a->Buffer[i], y = insensitive ? up(b->Buffer[i]) : b->Buffer[i];

        if (x != y)
            return x - y;
    }
    return a->Length - b->Length;
}
EXPORT(BOOLEAN, RtlEqualUnicodeString, (PCUNICODE_STRING a, PCUNICODE_STRING b, BOOLEAN insensitive))
{
    return a->Length == b->Length && nt_RtlCompareUnicodeString(a, b, insensitive) == 0;
}
EXPORT(BOOLEAN, RtlPrefixUnicodeString, (PCUNICODE_STRING prefix, PCUNICODE_STRING s, BOOLEAN insensitive))
{
    UNICODE_STRING head = *s;

    if (prefix->Length > s->Length)
        return FALSE;
    head.Length = prefix->Length;
    return nt_RtlEqualUnicodeString(prefix, &head, insensitive);
}
EXPORT(NTSTATUS, RtlUpcaseUnicodeString, (PUNICODE_STRING to, PCUNICODE_STRING from, BOOLEAN allocate))
{
    if (allocate) {
        to->Buffer = pool_for_driver(BLOCK_PAGED, from->Length, 'rtSU');
        to->MaximumLength = from->Length;
    } else if (to->MaximumLength < from->Length) {
        return STATUS_BUFFER_OVERFLOW;
    }
    to->Length = from->Length;
    for (USHORT i = 0; i < from->Length / sizeof(WCHAR); i++)
        to->Buffer[i] = up(from->Buffer[i]);
    return STATUS_SUCCESS;
}
EXPORT(VOID, RtlFreeUnicodeString, (PUNICODE_STRING s))
{
    if (s->Buffer)
        pool_give(s->Buffer, 0);
    memset(s, 0, sizeof *s);
}
EXPORT(BOOLEAN, RtlCreateUnicodeString, (PUNICODE_STRING to, PCWSTR from))
{
    nt_RtlInitUnicodeString(to, from);
    to->Buffer = pool_for_driver(BLOCK_PAGED, to->MaximumLength, 'rtSU');
    memcpy(to->Buffer, from, to->MaximumLength);
    return TRUE;
}
EXPORT(NTSTATUS, RtlIntegerToUnicodeString, (ULONG value, ULONG base, PUNICODE_STRING to))
{
    WCHAR text[40];
    int n = swprintf(text, 40, base == 16 ? L"%X" : L"%u", (unsigned)value);

    if ((size_t)n * sizeof(WCHAR) > to->MaximumLength)
        return STATUS_BUFFER_OVERFLOW;
    memcpy(to->Buffer, text, (size_t)n * sizeof(WCHAR));
    to->Length = (USHORT)((size_t)n * sizeof(WCHAR));
    return STATUS_SUCCESS;
}
EXPORT(NTSTATUS, RtlHashUnicodeString, (PCUNICODE_STRING s, BOOLEAN insensitive, ULONG algorithm, PULONG hash))
{
    ULONG h = 0;

    (void)algorithm;
    for (USHORT i = 0; i < s->Length / sizeof(WCHAR); i++)
        h = h * 65599 + (insensitive ? up(s->Buffer[i]) : s->Buffer[i]);
    *hash = h;
    return STATUS_SUCCESS;
}

static NTSTATUS convert_sid(PUNICODE_STRING to, PSID sid, BOOLEAN allocate)
{
    const uint8_t *s = sid;
    WCHAR text[200];
    int n = swprintf(text, 200, L"S-1-%u", s[7]);

    for (unsigned i = 0; i < s[1]; i++) {
        uint32_t sub;

        memcpy(&sub, s + 8 + 4 * i, 4);
        n += swprintf(text + n, (size_t)(200 - n), L"-%u", sub);
    }
    if (allocate) {
        to->MaximumLength = (USHORT)((n + 1) * 2);
        to->Buffer = pool_for_driver(BLOCK_PAGED, to->MaximumLength, 'diSU');
    } else if (to->MaximumLength < n * 2) {
        return STATUS_BUFFER_OVERFLOW;
    }
    to->Length = (USHORT)(n * 2);
    memcpy(to->Buffer, text, to->Length);
    return STATUS_SUCCESS;
}
EXPORT(NTSTATUS, RtlConvertSidToUnicodeString, (PUNICODE_STRING to, PSID sid, BOOLEAN allocate)) { return convert_sid(to, sid, allocate); }

EXPORT(NTSTATUS, RtlUnicodeToMultiByteN, (PCHAR to, ULONG room, PULONG written, PCWCH from, ULONG bytes))
{
    ULONG n = bytes / sizeof(WCHAR) < room ? bytes / (ULONG)sizeof(WCHAR) : room;

    for (ULONG i = 0; i < n; i++)
        to[i] = from[i] < 256 ? (CHAR)from[i] : '?';
    if (written)
        *written = n;
    return STATUS_SUCCESS;
}
EXPORT(NTSTATUS, RtlMultiByteToUnicodeN, (PWCH to, ULONG room, PULONG written, const CHAR *from, ULONG bytes))
{
    ULONG n = bytes < room / sizeof(WCHAR) ? bytes : room / (ULONG)sizeof(WCHAR);

    for (ULONG i = 0; i < n; i++)
        to[i] = (UCHAR)from[i];
    if (written)
        *written = n * (ULONG)sizeof(WCHAR);
    return STATUS_SUCCESS;
}
FALLIBLE(FAILS_STATUS, NTSTATUS, RtlAnsiStringToUnicodeString, (PUNICODE_STRING to, PCANSI_STRING from, BOOLEAN allocate))
{
    ULONG bytes = from->Length * (ULONG)sizeof(WCHAR), written;

    if (allocate) {
        to->MaximumLength = (USHORT)(bytes + sizeof(WCHAR));
        to->Buffer = pool_for_driver(BLOCK_PAGED, to->MaximumLength, 'rtSU');
    } else if (to->MaximumLength < bytes) {
        return STATUS_BUFFER_OVERFLOW;
    }
    to->Length = (USHORT)bytes;
    nt_RtlMultiByteToUnicodeN(to->Buffer, to->MaximumLength, &written, from->Buffer, from->Length);
    if (to->MaximumLength > to->Length)
        to->Buffer[from->Length] = 0;
    return STATUS_SUCCESS;
}
EXPORT(PVOID, RtlImageNtHeader, (PVOID base)) { return (uint8_t *)base + ((IMAGE_DOS_HEADER *)base)->e_lfanew; }
EXPORT(PVOID, RtlImageDirectoryEntryToData, (PVOID base, BOOLEAN mapped, USHORT entry, PULONG size))
{
    IMAGE_NT_HEADERS *nt = nt_RtlImageNtHeader(base);

    (void)mapped;
    *size = nt->OptionalHeader.DataDirectory[entry].Size;
    return *size ? (uint8_t *)base + nt->OptionalHeader.DataDirectory[entry].VirtualAddress : NULL;
}

/* --- structured exceptions ------------------------------------------------------------------------------------------------------------- */

#ifdef _WIN64
/* ntdll's own; the driver's unwind tables name it through our export. */
EXPORT(int, __C_specific_handler, (void *record, void *frame, void *context, void *dispatch))
{
    int (*handler)(void *, void *, void *, void *) = (int (*)(void *, void *, void *, void *))host_c_specific_handler();

    return handler(record, frame, context, dispatch);
}
#endif

/* --- addresses -------------------------------------------------------------------------------------------------------------------------- */

EXPORT_DATA(ULONG_PTR, MmUserProbeAddress)
EXPORT_DATA(PVOID, MmHighestUserAddress)
EXPORT_DATA(PVOID, MmSystemRangeStart)

void rtl_export_variables(void)
{
    nt_MmUserProbeAddress = mm_user_probe();
    nt_MmHighestUserAddress = (PVOID)(mm_user_probe() - 1);
    nt_MmSystemRangeStart = (PVOID)mm_user_probe();
}

EXPORT(BOOLEAN, MmIsAddressValid, (PVOID address))
{
    struct block *block = mm_block(address);

    return block && block->live;
}
EXPORT(BOOLEAN, MmIsDriverVerifying, (PDRIVER_OBJECT driver))
{
    (void)driver;
    return FALSE;
}
EXPORT(BOOLEAN, MmDoesFileHaveUserWritableReferences, (PVOID pointers))
{
    (void)pointers;
    return FALSE;
}
EXPORT(BOOLEAN, MmFlushImageSection, (PVOID pointers, ULONG type))
{
    (void)pointers, (void)type;
    return TRUE;
}
EXPORT(PVOID, MmLockPagableDataSection, (PVOID address)) { return address; }
EXPORT(VOID, MmUnlockPagableImageSection, (PVOID section)) { (void)section; }

/* --- events by handle --------------------------------------------------------------------------------------------------------------------- */

#include "ke.h"
#include "ob.h"

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwCreateEvent, (PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, EVENT_TYPE type, BOOLEAN state))
{
    PKEVENT event = ob_create(&ob_event_type, sizeof *event);
    NTSTATUS status;

    event->Header.Type = (UCHAR)type;
    event->Header.SignalState = state;
    status = ob_handle(event, access, attributes && attributes->Attributes & OBJ_KERNEL_HANDLE, true, handle);
    ob_dereference(event);
    return status;
}
FALLIBLE(FAILS_STATUS, NTSTATUS, ZwSetEvent, (HANDLE handle, PLONG previous))
{
    PKEVENT event = ob_handle_body(handle);

    if (!event)
        return STATUS_INVALID_HANDLE;
    if (previous)
        *previous = event->Header.SignalState;
    ke_event_set(event);
    return STATUS_SUCCESS;
}
FALLIBLE(FAILS_STATUS, NTSTATUS, ZwWaitForSingleObject, (HANDLE handle, BOOLEAN alertable, PLARGE_INTEGER timeout))
{
    void *body = ob_handle_body(handle);

    (void)alertable;
    if (!body)
        return STATUS_INVALID_HANDLE;
    return ke_wait(body, timeout ? -timeout->QuadPart : NEVER);
}
