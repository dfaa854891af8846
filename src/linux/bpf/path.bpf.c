/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
#include "path.h"

__noinline __u32 append_path(__u64 of, __u64 in, __u64 root_dentry, __u64 root_vfs)
{
    struct dentry *dentry = (struct dentry *)of, *mount_root;
    struct vfsmount *vfs = (struct vfsmount *)in;
    struct record *record = scratch_record();
    __u32 first, at;

    if (!record)
        return 0;
    record->path_flags = 0;
    first = at = record->at;
    mount_root = READ(vfs, mnt_root);
    for (int i = 0; i < WIRE_PATH_COMPONENTS; i++) {
        struct dentry *parent;
        long size;

        if ((__u64)dentry == root_dentry && (__u64)vfs == root_vfs)
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
        at &= RECORD_MASK;
        if (at > RECORD_LIMIT)
            break;
        size = bpf_probe_read_kernel_str(record->bytes + at, 256, READ(dentry, d_name.name));
        if (size <= 0)
            break;
        at += size;
        parent = READ(dentry, d_parent);
        if (parent == dentry) {
            record->path_flags = WIRE_PATH_DETACHED;
            goto done;
        }
        dentry = parent;
    }
    record->path_flags = WIRE_PATH_CUT;
done:
    record->at = at;
    return at - first;
}
