/* SPDX-License-Identifier: MIT */
#include "user.h"

#include <string.h>
#include <wchar.h>

#include "../mm.h"

struct user_file user_open_nt(const WCHAR *path, ACCESS_MASK access, ULONG disposition, ULONG options, bool pipe)
{
    struct opening o = {.path = path, .access = access, .disposition = disposition, .options = options, .share = SHARE_ALL, .pipe = pipe};
    struct user_file file = {.status = io_open(&o)};

    if (!NT_SUCCESS(file.status))
        return file;
    file.information = o.information;
    file.file = o.file;
    file.handle = o.handle;
    return file;
}

struct user_file user_open(const WCHAR *path, ACCESS_MASK access, ULONG disposition, ULONG options)
{
    WCHAR full[600];

    swprintf(full, 600, L"\\??\\%ls", path);
    return user_open_nt(full, access, disposition, options | FILE_SYNCHRONOUS_IO_NONALERT, false);
}

struct user_file user_open_at(PFILE_OBJECT root, const WCHAR *name, ACCESS_MASK access, ULONG disposition, ULONG options)
{
    struct opening o = {.path = name, .root = root, .access = access, .disposition = disposition, .options = options, .share = SHARE_ALL};
    struct user_file file = {.status = io_open(&o)};

    if (NT_SUCCESS(file.status)) {
        file.information = o.information;
        file.file = o.file;
        file.handle = o.handle;
    }
    return file;
}

void user_close(struct user_file *file)
{
    if (file->handle)
        io_close(file->handle);
    file->handle = NULL;
}

NTSTATUS user_write_file(const WCHAR *path, const void *data, size_t size)
{
    struct user_file file = user_open(path, WRITE_ACCESS, FILE_OVERWRITE_IF, FILE_NON_DIRECTORY_FILE);
    NTSTATUS status = file.status;

    if (NT_SUCCESS(status) && size)
        status = io_write(file.file, 0, data, size, 0);
    user_close(&file);
    return status;
}

NTSTATUS user_dispose(struct user_file *file, bool on)
{
    BOOLEAN disposition = on;

    return io_set_information(file->file, FileDispositionInformation, &disposition, 1, NULL, false);
}

NTSTATUS user_dispose_ex(struct user_file *file, ULONG flags)
{
    return io_set_information(file->file, FileDispositionInformationEx_, &flags, sizeof flags, NULL, false);
}

NTSTATUS user_delete(const WCHAR *path)
{
    struct user_file file = user_open(path, DELETE | FILE_READ_ATTRIBUTES, FILE_OPEN, 0);
    NTSTATUS status = file.status;

    if (NT_SUCCESS(status))
        status = user_dispose(&file, true);
    user_close(&file);
    return status;
}

/* The I/O manager opens the target's directory first. */
static struct user_file open_target_directory(const WCHAR *to)
{
    WCHAR full[600];
    struct opening o = {.path = full, .access = FILE_WRITE_DATA, .disposition = FILE_OPEN, .share = SHARE_ALL, .flags = SL_OPEN_TARGET_DIRECTORY};
    struct user_file file;

    swprintf(full, 600, L"\\??\\%ls", to);
    file.status = io_open(&o);
    file.file = NT_SUCCESS(file.status) ? o.file : NULL;
    file.handle = NT_SUCCESS(file.status) ? o.handle : NULL;
    return file;
}

NTSTATUS user_rename(const WCHAR *from, const WCHAR *to, bool replace, bool ex)
{
    struct user_file file = user_open(from, DELETE | FILE_READ_ATTRIBUTES, FILE_OPEN, 0), directory;
    uint8_t buffer[1400];
    FILE_RENAME_INFORMATION *info = (FILE_RENAME_INFORMATION *)buffer;
    NTSTATUS status = file.status;

    if (!NT_SUCCESS(status))
        return status;
    memset(buffer, 0, sizeof buffer);
    info->FileNameLength = (ULONG)(2 * swprintf(info->FileName, 600, L"\\??\\%ls", to));
    if (ex)
        *(ULONG *)buffer = replace;
    else
        info->ReplaceIfExists = replace;
    directory = open_target_directory(to);
    status = directory.status;
    if (NT_SUCCESS(status))
        status = io_set_information(file.file, ex ? (ULONG)FileRenameInformationEx_ : (ULONG)FileRenameInformation, buffer,
                                    offsetof(FILE_RENAME_INFORMATION, FileName) + info->FileNameLength, directory.file, replace);
    user_close(&directory);
    user_close(&file);
    return status;
}

NTSTATUS user_set_creation_time(struct user_file *file, int64_t time)
{
    FILE_BASIC_INFORMATION basic;

    memset(&basic, 0, sizeof basic);
    basic.CreationTime.QuadPart = time;
    return io_set_information(file->file, FileBasicInformation, &basic, sizeof basic, NULL, false);
}

bool user_exists(const WCHAR *path) { return fs_find(path) != NULL; }
