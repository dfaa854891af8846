/* SPDX-License-Identifier: MIT */
/* Composing short texts without a formatting library. */
#include "driver.h"

void text_start(struct text *text, WCHAR *buffer, ULONG capacity)
{
    text->buffer = buffer;
    text->capacity = capacity;
    text->length = 0;
}

void text_append(struct text *text, const WCHAR *characters, ULONG count)
{
    ULONG room = text->capacity - text->length;

    if (count > room)
        count = room;
    if (count)
        memcpy(text->buffer + text->length, characters, count * sizeof(WCHAR));
    text->length += count;
}

void text_append_string(struct text *text, const WCHAR *terminated)
{
    text_append(text, terminated, (ULONG)wcslen(terminated));
}

void text_append_name(struct text *text, const UNICODE_STRING *name)
{
    text_append(text, name->Buffer, name->Length / sizeof(WCHAR));
}

void text_append_hex(struct text *text, ULONG number, bool upper)
{
    WCHAR digits[8];

    for (unsigned i = 0; i < COUNT(digits); i++)
        digits[i] = (upper ? L"0123456789ABCDEF" : L"0123456789abcdef")[(number >> (28 - 4 * i)) & 15];
    text_append(text, digits, COUNT(digits));
}

NTSTATUS text_reserve(UNICODE_STRING *out, struct text *text, SIZE_T capacity)
{
    WCHAR *buffer;

    IRQL_AT_MOST(APC_LEVEL);
    if (capacity > TEXT_MOST)
        capacity = TEXT_MOST;
    buffer = pool_allocate_paged((capacity ? capacity : 1) * sizeof(WCHAR));
    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    out->Buffer = buffer;
    out->Length = 0;
    out->MaximumLength = (USHORT)(capacity * sizeof(WCHAR));
    text_start(text, buffer, (ULONG)capacity);
    return STATUS_SUCCESS;
}

void text_finish(UNICODE_STRING *out, const struct text *text)
{
    out->Length = (USHORT)(text->length * sizeof(WCHAR));
}
