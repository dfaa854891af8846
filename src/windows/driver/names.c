/* SPDX-License-Identifier: MIT */
/* Names of objects and addresses. */
#include "driver.h"

#define NAME_FIRST 512u
#define NAME_MOST (0x10000u + sizeof(OBJECT_NAME_INFORMATION))

UNICODE_STRING *name_of_object(PVOID object)
{
    ULONG size = NAME_FIRST;

    IRQL_AT_MOST(APC_LEVEL);
    while (size <= NAME_MOST) {
        OBJECT_NAME_INFORMATION *name = pool_allocate_paged(size);
        ULONG needed = 0;
        NTSTATUS status;

        if (!name)
            return NULL;
        status = ObQueryNameString(object, name, size, &needed);
        if (NT_SUCCESS(status) && name->Name.Length)
            return &name->Name;
        pool_free(name);
        if (status != STATUS_INFO_LENGTH_MISMATCH && status != STATUS_BUFFER_OVERFLOW && status != STATUS_BUFFER_TOO_SMALL)
            return NULL;
        size = needed > size ? needed : size * 2;
    }
    return NULL;
}

/* The structure starts with its name: one pointer frees both. */
C_ASSERT(FIELD_OFFSET(OBJECT_NAME_INFORMATION, Name) == 0);

NTSTATUS name_query_mapping(HANDLE process, PVOID address, UNICODE_STRING **out)
{
    const SIZE_T size = sizeof(UNICODE_STRING) + (WIRE_IMAGE_PATH_LIMIT + 1) * sizeof(WCHAR) * 2;
    UNICODE_STRING *name;
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!compat.ZwQueryVirtualMemory)
        return STATUS_NOT_SUPPORTED;
    name = pool_allocate_paged(size);
    if (!name)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = compat.ZwQueryVirtualMemory(process, address, NT_MEMORY_MAPPED_NAME, name, size, NULL);
    if (NT_SUCCESS(status))
        *out = name;
    else
        pool_free(name);
    return status;
}

UNICODE_STRING *name_of_mapping(HANDLE process, PVOID address)
{
    UNICODE_STRING *name = NULL;

    return NT_SUCCESS(name_query_mapping(process, address, &name)) ? name : NULL;
}

void name_copy(WCHAR *to, ULONG capacity, const UNICODE_STRING *name)
{
    ULONG length = name ? name->Length / sizeof(WCHAR) : 0;

    if (length >= capacity)
        length = capacity - 1;
    if (length)
        memcpy(to, name->Buffer, length * sizeof(WCHAR));
    to[length] = 0;
}
