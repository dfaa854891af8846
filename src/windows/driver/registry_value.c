/* SPDX-License-Identifier: MIT */
/* Value data as the text of event 13's Details (spec 02 section 3.17). */
#include "driver.h"
#include "guard.h"
#include "registry.h"

#define SHOWN_MOST 31839u /* characters of any text of an event (spec 02 section 3.20) */

static NTSTATUS show_literal(UNICODE_STRING *out, const WCHAR *literal)
{
    struct text text;
    NTSTATUS status = text_reserve(out, &text, wcslen(literal));

    if (!NT_SUCCESS(status))
        return status;
    text_append_string(&text, literal);
    text_finish(out, &text);
    return STATUS_SUCCESS;
}

static NTSTATUS show_dword(UNICODE_STRING *out, const void *data)
{
    struct text text;
    ULONG number;
    NTSTATUS status = guard_read_any(&number, data, sizeof number);

    if (NT_SUCCESS(status))
        status = text_reserve(out, &text, 20);
    if (!NT_SUCCESS(status))
        return status;
    text_append_string(&text, L"DWORD (0x");
    text_append_hex(&text, number, false);
    text_append_string(&text, L")");
    text_finish(out, &text);
    return STATUS_SUCCESS;
}

static NTSTATUS show_qword(UNICODE_STRING *out, const void *data)
{
    struct text text;
    ULONG number[2];
    NTSTATUS status = guard_read_any(number, data, sizeof number);

    if (NT_SUCCESS(status))
        status = text_reserve(out, &text, 40);
    if (!NT_SUCCESS(status))
        return status;
    text_append_string(&text, L"QWORD (0x");
    text_append_hex(&text, number[1], false);
    text_append_string(&text, L"-0x");
    text_append_hex(&text, number[0], false);
    text_append_string(&text, L")");
    text_finish(out, &text);
    return STATUS_SUCCESS;
}

/* Without the terminators at the end; those between the strings of a MULTI_SZ become blanks. */
static void tidy(UNICODE_STRING *text)
{
    USHORT length = text->Length / sizeof(WCHAR);

    while (length && !text->Buffer[length - 1])
        length--;
    for (USHORT i = 0; i < length; i++)
        if (!text->Buffer[i])
            text->Buffer[i] = L' ';
    text->Length = length * sizeof(WCHAR);
}

static NTSTATUS show_string(UNICODE_STRING *out, const void *data, ULONG size)
{
    struct text text;
    ULONG characters = size / sizeof(WCHAR);
    NTSTATUS status;

    if (characters > SHOWN_MOST)
        characters = SHOWN_MOST;
    status = text_reserve(out, &text, characters);
    if (!NT_SUCCESS(status))
        return status;
    status = guard_read_any(out->Buffer, data, characters * sizeof(WCHAR));
    if (NT_SUCCESS(status)) {
        out->Length = (USHORT)(characters * sizeof(WCHAR));
        tidy(out);
        if (out->Length)
            return STATUS_SUCCESS;
    }
    pool_free(out->Buffer);
    out->Buffer = NULL;
    out->Length = 0;
    return NT_SUCCESS(status) ? show_literal(out, L"(Empty)") : status;
}

NTSTATUS registry_value_show(UNICODE_STRING *out, ULONG type, const void *data, ULONG size)
{
    IRQL_AT_MOST(APC_LEVEL);
    if (!data || !size)
        return show_literal(out, L"(Empty)");
    if (type == REG_DWORD && size == sizeof(ULONG))
        return show_dword(out, data);
    if (type == REG_QWORD && size == sizeof(ULONGLONG))
        return show_qword(out, data);
    if ((type == REG_SZ || type == REG_EXPAND_SZ || type == REG_MULTI_SZ || type == REG_LINK) && size >= sizeof(WCHAR))
        return show_string(out, data, size);
    return show_literal(out, L"Binary Data");
}
