/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Paths: from a dentry up to the process's root, across mounts. bpf_d_path() is not offered to tracepoint programs. */
#pragma once

#include "record.h"

/*
 * Appends to the processor's record the path of `dentry` in mount `vfs` as the process with the root `root_dentry`,
 * `root_vfs` sees it. Returns the bytes appended; WIRE_PATH_… flags go to record->path_flags. Names may change while we walk
 * (rename takes no lock against us): the result is then old or new, component by component.
 *
 * A global function, so that the verifier walks it once a program and not once a call; it may only be passed numbers.
 */
__u32 append_path(__u64 dentry, __u64 vfs, __u64 root_dentry, __u64 root_vfs);

/* The same with the root of `fs`, and the flags moved into the record's header. */
static __always_inline __u32 record_append_path(struct record *record, struct dentry *dentry, struct vfsmount *vfs,
                                                struct fs_struct *fs)
{
    __u32 size = append_path((__u64)dentry, (__u64)vfs, (__u64)READ(fs, root.dentry), (__u64)READ(fs, root.mnt));

    ((struct wire_header *)record->bytes)->flags |= record->path_flags;
    return size;
}
