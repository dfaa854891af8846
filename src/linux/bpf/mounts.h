/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * From a dentry to a path: a dentry knows its file system, not the mount it was reached through. Most file systems are
 * mounted once in a namespace, and then there is nothing to guess.
 */
#pragma once

#include "path.h"

#define MOUNTS_LOOKED_AT 24

static __always_inline struct mount *first_mount(struct super_block *sb, struct list_head **end)
{
    struct list_head *first;

    *end = NULL;
    if (bpf_core_field_exists(((struct mount *)0)->mnt_next_for_sb))
        return READ(sb, s_mounts);
    *end = &((struct super_block___old *)sb)->s_mounts;
    first = READ((struct super_block___old *)sb, s_mounts.next);
    return first == *end ? NULL : (void *)first - bpf_core_field_offset(((struct mount___old *)0)->mnt_instance);
}

static __always_inline struct mount *next_mount(struct mount *mount, struct list_head *end)
{
    struct list_head *next;

    if (bpf_core_field_exists(mount->mnt_next_for_sb))
        return READ(mount, mnt_next_for_sb);
    next = READ((struct mount___old *)mount, mnt_instance.next);
    return next == end ? NULL : (void *)next - bpf_core_field_offset(((struct mount___old *)0)->mnt_instance);
}

/*
 * The mount of `sb` in the task's namespace: `preferred` when it is one, else the first found. Another one besides makes
 * it ambiguous. NULL: none (a file system that is only mounted elsewhere, or inside another).
 */
static __noinline struct vfsmount *mount_of(struct super_block *sb, struct vfsmount *preferred, struct mnt_namespace *namespace,
                                            __u16 *flags)
{
    struct vfsmount *found = preferred && READ(preferred, mnt_sb) == sb ? preferred : NULL;
    struct list_head *end;
    struct mount *mount = first_mount(sb, &end);
    int i;

    for (i = 0; i < MOUNTS_LOOKED_AT && mount; i++, mount = next_mount(mount, end)) {
        if (READ(mount, mnt_ns) != namespace || &mount->mnt == found)
            continue;
        if (found) {
            *flags |= WIRE_PATH_AMBIGUOUS;
            return found;
        }
        found = &mount->mnt;
    }
    if (mount)
        *flags |= WIRE_PATH_AMBIGUOUS;
    return found;
}
