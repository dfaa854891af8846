/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* A file as the kernel knows it, across the renamings of its times. */
#pragma once

#include "record.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFLNK 0120000
#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFIFO 0010000

static __always_inline void read_times(struct wire_file *out, struct inode *inode)
{
    if (bpf_core_field_exists(inode->i_ctime_sec)) {
        out->mtime_seconds = READ(inode, i_mtime_sec);
        out->mtime_nanoseconds = READ(inode, i_mtime_nsec);
        out->ctime_seconds = READ(inode, i_ctime_sec);
        out->ctime_nanoseconds = READ(inode, i_ctime_nsec);
        return;
    }
    struct inode___middle *middle = (void *)inode;
    struct inode___old *old = (void *)inode;
    struct timespec64 mtime = {}, ctime = {};

    if (bpf_core_field_exists(middle->__i_mtime))
        BPF_CORE_READ_INTO(&mtime, middle, __i_mtime);
    else
        BPF_CORE_READ_INTO(&mtime, old, i_mtime);
    if (bpf_core_field_exists(middle->__i_ctime))
        BPF_CORE_READ_INTO(&ctime, middle, __i_ctime);
    else
        BPF_CORE_READ_INTO(&ctime, old, i_ctime);
    out->mtime_seconds = mtime.tv_sec;
    out->mtime_nanoseconds = mtime.tv_nsec;
    out->ctime_seconds = ctime.tv_sec;
    out->ctime_nanoseconds = ctime.tv_nsec;
}

static __always_inline void read_file(struct wire_file *out, struct inode *inode)
{
    out->inode = READ(inode, i_ino);
    out->size = READ(inode, i_size);
    out->device = READ(inode, i_sb, s_dev);
    out->generation = READ(inode, i_generation);
    out->links = READ(inode, i_nlink);
    out->mode = READ(inode, i_mode);
    /* I_CTIME_QUERIED, the top bit of the nanoseconds since 6.13, is not part of the time. */
    read_times(out, inode);
    out->ctime_nanoseconds &= 0x7fffffff;
}
