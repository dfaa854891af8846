/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Paths: from a dentry up to the process's root, across mounts. bpf_d_path() is not offered to tracepoint programs. */
#pragma once

#include "record.h"

/*
 * Appends to the processor's record the path of record->walk.dentry in the mount .vfs, as a process with the root .root_dentry,
 * .root_vfs sees it. Returns the bytes appended; WIRE_PATH_… flags go to record->path_flags. Names may change while we walk
 * (rename takes no lock against us): the result is then old or new, component by component.
 *
 * A global function, so that the verifier walks it once a program and not once a call.
 */
__u32 append_path(void);

/* The same with the root of `fs`, and the flags added to the record's header. */
static __always_inline __u32 record_append_path(struct record *record, struct dentry *dentry, struct vfsmount *vfs,
                                                struct fs_struct *fs)
{
    __u32 size;

    record->walk.dentry = dentry;
    record->walk.vfs = vfs;
    record->walk.root_dentry = READ(fs, root.dentry);
    record->walk.root_vfs = READ(fs, root.mnt);
    size = append_path();
    ((struct wire_header *)record->bytes)->flags |= record->path_flags;
    return size;
}
