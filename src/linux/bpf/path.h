/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Paths: from a dentry up to the process's root, across mounts. bpf_d_path() is not offered to tracepoint programs. */
#pragma once

#include "record.h"

/*
 * Appends `path` as the process with `root` sees it. Returns the bytes appended and adds WIRE_PATH_… to `*flags`.
 * Names may change while we walk (rename takes no lock against us): the result is then old or new, component by component.
 */
static __noinline __u32 record_append_path(struct record *record, struct path *path, struct path *root, __u16 *flags)
{
    struct dentry *dentry = READ(path, dentry), *root_dentry = READ(root, dentry);
    struct vfsmount *vfs = READ(path, mnt), *root_vfs = READ(root, mnt);
    struct dentry *mount_root = READ(vfs, mnt_root);
    __u32 first = record->at, at = first;

    for (int i = 0; i < WIRE_PATH_COMPONENTS; i++) {
        struct dentry *parent;
        long size;

        if (dentry == root_dentry && vfs == root_vfs)
            goto done;
        if (dentry == mount_root) {
            struct mount *mount = container_of(vfs, struct mount, mnt);
            struct mount *up = READ(mount, mnt_parent);

            if (up == mount)
                goto done;
            dentry = READ(mount, mnt_mountpoint);
            vfs = &up->mnt;
            mount_root = READ(vfs, mnt_root);
            continue;
        }
        if (at > RECORD_LIMIT || at - first > WIRE_PATH_SIZE)
            break;
        size = bpf_probe_read_kernel_str(record->bytes + (at & RECORD_MASK), 256, READ(dentry, d_name.name));
        if (size <= 0)
            break;
        at += size;
        parent = READ(dentry, d_parent);
        if (parent == dentry) {
            *flags |= WIRE_PATH_DETACHED;
            goto done;
        }
        dentry = parent;
    }
    *flags |= WIRE_PATH_CUT;
done:
    record->at = at;
    return at - first;
}
