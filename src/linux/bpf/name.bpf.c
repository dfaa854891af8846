/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
#include "mounts.h"
#include "name.h"

static __always_inline __u32 append_user_string(struct record *record, const char *text)
{
    __u32 at = record->at;
    long size;

    if (at > RECORD_LIMIT - WIRE_PATH_SIZE)
        return 0;
    size = bpf_probe_read_user_str(record->bytes + (at & RECORD_MASK), WIRE_PATH_SIZE, text);
    if (size <= 1)
        return 0;
    record->at = at + size - 1;
    return size - 1;
}

static __always_inline void append_argument(struct record *record, struct wire_name *name, struct naming *naming,
                                            struct path *base, struct fs_struct *fs)
{
    char first = 0;

    if (naming->argument)
        bpf_probe_read_user(&first, 1, naming->argument);
    if (base && first != '/')
        name->base_size = record_append_path(record, READ(base, dentry), READ(base, mnt), fs);
    if (naming->argument)
        name->argument_size = append_user_string(record, naming->argument);
}

static __always_inline __u32 append_kernel_bytes(struct record *record, const void *bytes, __u32 size)
{
    __u32 at = record->at & RECORD_MASK;

    if (at > RECORD_LIMIT || bpf_probe_read_kernel(record->bytes + at, size & 127, bytes))
        return 0;
    record->at = at + (size & 127);
    return size & 127;
}

/* The attribute's name, and as much of its value as one chunk takes. */
static __always_inline void append_attribute(struct record *record, struct wire_name *name, struct naming *naming)
{
    __u32 at, size = naming->value_total;

    name->attribute_size = append_user_string(record, naming->attribute);
    at = record->at & RECORD_MASK;
    if (at > RECORD_LIMIT - WIRE_ARGUMENTS_CHUNK)
        return;
    if (size > WIRE_ARGUMENTS_CHUNK)
        size = WIRE_ARGUMENTS_CHUNK;
    barrier_var(size);
    size &= 0x7fff;
    if (!size || bpf_probe_read_user(record->bytes + at, size, naming->value))
        return;
    name->value_size = size;
    record->at = at + size;
}

__noinline int send_name(void)
{
    struct task_struct *task = current_task();
    struct fs_struct *fs = READ(task, fs);
    struct record *record = scratch_record();
    struct naming *naming;
    struct vfsmount *mount;
    struct dentry *dentry;
    struct file *directory;
    struct wire_name *name;
    struct path *base;

    if (!record)
        return 0;
    naming = &record->naming;
    mount = naming->mount;
    dentry = naming->dentry;
    directory = naming->fd == AT_FDCWD ? NULL : file_of(task, naming->fd);
    base = directory ? &directory->f_path : &fs->pwd;
    if (!record_begin(naming->type))
        return 0;
    name = (struct wire_name *)record->bytes;
    record_header(record, naming->type, task);
    name->how = naming->how;
    name->path_size = name->base_size = name->argument_size = name->attribute_size = name->value_size = 0;
    name->previous_seconds = naming->previous_seconds;
    name->previous_nanoseconds = naming->previous_nanoseconds;
    name->value_total = naming->value_total;
    if (naming->file.inode)
        name->file = naming->file;
    else if (dentry)
        read_file(&name->file, READ(dentry, d_inode));
    else
        __builtin_memset(&name->file, 0, sizeof name->file);
    record_fixed(record, sizeof *name);
    if (dentry && !mount)
        mount = mount_of(READ(dentry, d_sb), READ(base, mnt), READ(task, nsproxy, mnt_ns), &name->header.flags);
    if (dentry && mount)
        name->path_size = record_append_path(record, dentry, mount, fs);
    else
        name->header.flags |= WIRE_PATH_NONE;
    if (naming->is_kernel)
        name->argument_size = append_kernel_bytes(record, naming->argument, naming->kernel_size);
    else if (name->header.flags & (WIRE_PATH_NONE | WIRE_PATH_AMBIGUOUS | WIRE_PATH_DETACHED))
        append_argument(record, name, naming, base, fs);
    if (naming->attribute)
        append_attribute(record, name, naming);
    record_send(record);
    return 0;
}
