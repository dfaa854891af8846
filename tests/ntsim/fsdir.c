/* SPDX-License-Identifier: MIT */
/* Listing a directory. The file object's byte offset, which directories do not use, counts the entries given out. */
#include <string.h>

#include "export.h"
#include "fs.h"
#include "ob.h"

static struct fs_node *child(struct fs_node *directory, uint64_t index)
{
    struct fs_node *node = directory->children;

    while (node && index--)
        node = node->next;
    return node;
}

static size_t entry_size(const struct fs_node *node)
{
    return (FIELD_OFFSET(FILE_DIRECTORY_INFORMATION, FileName) + wcslen(node->name) * sizeof(WCHAR) + 7) & ~(size_t)7;
}

static void entry_fill(FILE_DIRECTORY_INFORMATION *entry, struct fs_node *node)
{
    struct fs_stream *stream = fs_stream(node, L"", 0);

    memset(entry, 0, FIELD_OFFSET(FILE_DIRECTORY_INFORMATION, FileName));
    entry->CreationTime.QuadPart = node->created;
    entry->FileAttributes = node->attributes;
    if (stream)
        entry->EndOfFile.QuadPart = entry->AllocationSize.QuadPart = (LONGLONG)stream->size;
    entry->FileNameLength = (ULONG)(wcslen(node->name) * sizeof(WCHAR));
    memcpy(entry->FileName, node->name, entry->FileNameLength);
}

static NTSTATUS list(PFILE_OBJECT file, struct fs_node *directory, uint8_t *buffer, ULONG room, ULONG *used)
{
    FILE_DIRECTORY_INFORMATION *previous = NULL;
    struct fs_node *node;
    ULONG at = 0;

    while ((node = child(directory, (uint64_t)file->CurrentByteOffset.QuadPart)) != NULL && entry_size(node) <= room - at) {
        if (previous)
            previous->NextEntryOffset = (ULONG)(buffer + at - (uint8_t *)previous);
        previous = (FILE_DIRECTORY_INFORMATION *)(buffer + at);
        entry_fill(previous, node);
        at += (ULONG)entry_size(node);
        file->CurrentByteOffset.QuadPart++;
    }
    *used = at;
    return at ? STATUS_SUCCESS : node ? STATUS_BUFFER_OVERFLOW : STATUS_NO_MORE_FILES;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwQueryDirectoryFile, (HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc, PVOID context,
                                                        PIO_STATUS_BLOCK iosb, PVOID buffer, ULONG length, FILE_INFORMATION_CLASS class,
                                                        BOOLEAN single, PUNICODE_STRING pattern, BOOLEAN restart))
{
    PFILE_OBJECT file = ob_handle_body(handle);
    struct fs_stream *stream;
    ULONG used = 0;

    if (event || apc || context || class != FileDirectoryInformation || single || pattern)
        return STATUS_NOT_IMPLEMENTED;
    stream = file ? fs_stream_of(file) : NULL;
    if (!stream || !stream->node->directory)
        return STATUS_INVALID_PARAMETER;
    if (restart)
        file->CurrentByteOffset.QuadPart = 0;
    iosb->Status = list(file, stream->node, buffer, length, &used);
    iosb->Information = used;
    return iosb->Status;
}
