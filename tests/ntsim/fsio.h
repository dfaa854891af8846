/* SPDX-License-Identifier: MIT */
/* Between fs.c (tree and create) and fsio.c (everything else an IRP may ask). */
#ifndef NTSIM_FSIO_H
#define NTSIM_FSIO_H

#include "fs.h"

struct fs_ccb { /* FILE_OBJECT.FsContext2 */
    struct fs_stream *stream;
    ULONG options;
    bool delete_on_close, cleaned, posix;
    unsigned cursor;          /* entries of the directory already given */
};

NTSTATUS fs_create(struct fs_volume *volume, PIRP irp, PIO_STACK_LOCATION stack);
void fsio_header(struct fs_stream *stream);
void fsio_store(struct fs_stream *stream, size_t offset, const void *data, size_t size);
struct fs_ccb *fsio_ccb(struct fs_stream *stream, ULONG options);
NTSTATUS fsio_share(struct fs_stream *stream, PFILE_OBJECT file, ULONG access);
void fsio_note_access(PFILE_OBJECT file, ULONG access, ULONG share);
size_t fsio_flatten(PSECURITY_DESCRIPTOR descriptor, uint8_t *to, size_t room);
PDRIVER_OBJECT fsio_disk_driver(void);
void fsio_install(PDRIVER_OBJECT driver);

#endif
