/* SPDX-License-Identifier: MIT */
/* What a user's program does with files, in one line each. Paths are DOS paths. */
#ifndef NTSIM_SCENARIOS_USER_H
#define NTSIM_SCENARIOS_USER_H

#include "../fs.h"
#include "../io.h"

enum { READ_ACCESS = FILE_READ_DATA | FILE_READ_ATTRIBUTES, WRITE_ACCESS = FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES | FILE_READ_ATTRIBUTES,
       SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE };

/* An open file; `status` says whether it is one. */
struct user_file {
    NTSTATUS status;
    ULONG_PTR information;
    PFILE_OBJECT file;
    HANDLE handle;
};
struct user_file user_open(const WCHAR *path, ACCESS_MASK access, ULONG disposition, ULONG options);
struct user_file user_open_at(PFILE_OBJECT root, const WCHAR *name, ACCESS_MASK access, ULONG disposition, ULONG options);
struct user_file user_open_nt(const WCHAR *path, ACCESS_MASK access, ULONG disposition, ULONG options, bool pipe);
void user_close(struct user_file *file);
/* Make (or overwrite) a file with these contents and close it. */
NTSTATUS user_write_file(const WCHAR *path, const void *data, size_t size);
NTSTATUS user_delete(const WCHAR *path);         /* open, disposition, close */
NTSTATUS user_dispose(struct user_file *file, bool on);
NTSTATUS user_dispose_ex(struct user_file *file, ULONG flags);
NTSTATUS user_rename(const WCHAR *from, const WCHAR *to, bool replace, bool ex);
NTSTATUS user_set_creation_time(struct user_file *file, int64_t time);
bool user_exists(const WCHAR *path);

#endif
