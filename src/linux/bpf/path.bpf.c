/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
#include "path.h"

/*
 * Where the walk stands is kept in memory, not in registers: to the verifier a pointer that comes from memory is a number
 * like any other, and one turn of the loop looks like the next.
 */
__noinline __u32 append_path(void)
{
    struct record *record = scratch_record();
    volatile struct walk *walk;
    __u32 first, at;

    if (!record)
        return 0;
    walk = &record->walk;
    record->path_flags = 0;
    first = at = record->at;
    walk->mount_root = READ(walk->vfs, mnt_root);
    for (int i = 0; i < WIRE_PATH_COMPONENTS; i++) {
        struct dentry *dentry = walk->dentry, *parent;
        long size;

        if (dentry == walk->root_dentry && walk->vfs == walk->root_vfs)
            goto done;
        if (dentry == walk->mount_root) {
            struct vfsmount *vfs = walk->vfs;
            struct mount *mount = container_of(vfs, struct mount, mnt);
            struct mount *up = READ(mount, mnt_parent);

            if (up == mount)
                goto done;
            walk->dentry = READ(mount, mnt_mountpoint);
            walk->vfs = &up->mnt;
            walk->mount_root = READ(&up->mnt, mnt_root);
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
        walk->dentry = parent;
    }
    record->path_flags = WIRE_PATH_CUT;
done:
    record->at = at;
    return at - first;
}
