/* SPDX-License-Identifier: MIT */
/* Looking into files. */
#include "file.h"

#define PAGE 4096u /* also a multiple of any sector: uncached files can be read in such pieces */
#define NT_HEADER_FARTHEST 0x10000000u

static bool has_pe_signature(const struct file_op *op, UCHAR *page, ULONG at)
{
    ULONG base = at & ~(PAGE - 1), read = 0;

    if (at % PAGE > PAGE - 4)
        return false; /* signature across two pages: no linker aligns so badly */
    if (base && !NT_SUCCESS(file_read(op, base, page, PAGE, &read)))
        return false;
    if (base && read < at % PAGE + 4)
        return false;
    return memcmp(page + at % PAGE, "PE\0\0", 4) == 0;
}

bool file_is_executable(const struct file_op *op)
{
    UCHAR *page = pool_allocate(PAGE);
    ULONG read = 0, at;
    bool is = false;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!page)
        return false;
    if (NT_SUCCESS(file_read(op, 0, page, PAGE, &read)) && read >= 64 && page[0] == 'M' && page[1] == 'Z') {
        memcpy(&at, page + 0x3C, sizeof at);
        is = at <= NT_HEADER_FARTHEST && (at >= PAGE || at + 4 <= read) && has_pe_signature(op, page, at);
    }
    pool_free(page);
    return is;
}

ULONGLONG file_creation_time(const struct file_op *op)
{
    FILE_BASIC_INFORMATION basic;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!NT_SUCCESS(file_query(op, FileBasicInformation, &basic, sizeof basic)))
        return 0;
    return (ULONGLONG)basic.CreationTime.QuadPart;
}

/*
 * NTFS and its like answer STATUS_FILE_DELETED. Others (FAT) only ever say that the deletion is pending: at the cleanup of a handle
 * this is as good as done there.
 */
bool file_is_gone(const struct file_op *op, bool if_pending)
{
    FILE_STANDARD_INFORMATION standard;
    NTSTATUS status = file_query(op, FileStandardInformation, &standard, sizeof standard);

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (status == STATUS_FILE_DELETED || status == STATUS_OBJECT_NAME_NOT_FOUND)
        return true;
    return NT_SUCCESS(status) && standard.DeletePending && (if_pending || !op->volume->tells_deletion);
}
