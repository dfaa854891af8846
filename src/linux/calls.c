/* SPDX-License-Identifier: MIT */
#include "linux/calls.h"

#include "sysmon/wire_linux.h"

#include <sys/syscall.h>

#define NONE (-1)

static const struct {
    unsigned number;
    struct call_shape shape;
} calls[] = {
#ifdef SYS_unlink /* newer architectures have only the *at forms */
    { SYS_unlink, { CALL_UNLINK, WIRE_BY_UNLINK, NONE, 0, NONE, NONE } },
    { SYS_rename, { CALL_RENAME, WIRE_BY_RENAME, NONE, 1, 0, NONE } },
    { SYS_link, { CALL_LINK, WIRE_BY_LINK, NONE, 1, NONE, NONE } },
    { SYS_symlink, { CALL_MAKE, WIRE_BY_SYMLINK, NONE, 1, NONE, NONE } },
    { SYS_mknod, { CALL_MAKE, WIRE_BY_MKNOD, NONE, 0, NONE, NONE } },
    { SYS_open, { CALL_OPEN, WIRE_BY_OPEN, NONE, 0, NONE, NONE } },
    { SYS_creat, { CALL_CREAT, WIRE_BY_OPEN, NONE, 0, NONE, NONE } },
#endif
#ifdef SYS_utime
    { SYS_utime, { CALL_TIMES, WIRE_BY_SETTING, NONE, 0, NONE, NONE } },
    { SYS_utimes, { CALL_TIMES, WIRE_BY_SETTING, NONE, 0, NONE, NONE } },
    { SYS_futimesat, { CALL_TIMES, WIRE_BY_SETTING, 0, 1, NONE, NONE } },
#endif
    { SYS_utimensat, { CALL_TIMES, WIRE_BY_SETTING, 0, 1, NONE, NONE } },
    { SYS_setxattr, { CALL_ATTRIBUTE, WIRE_BY_SETTING, NONE, 0, NONE, 1 } },
    { SYS_lsetxattr, { CALL_ATTRIBUTE, WIRE_BY_SETTING, NONE, 0, NONE, 1 } },
    { SYS_fsetxattr, { CALL_ATTRIBUTE, WIRE_BY_SETTING, NONE, NONE, NONE, 1 } },
#ifdef SYS_renameat
    { SYS_renameat, { CALL_RENAME, WIRE_BY_RENAME, 2, 3, 1, NONE } },
#endif
    { SYS_unlinkat, { CALL_UNLINK, WIRE_BY_UNLINK, 0, 1, NONE, NONE } },
    { SYS_renameat2, { CALL_RENAME, WIRE_BY_RENAME, 2, 3, 1, NONE } },
    { SYS_linkat, { CALL_LINK, WIRE_BY_LINK, 2, 3, NONE, NONE } },
    { SYS_symlinkat, { CALL_MAKE, WIRE_BY_SYMLINK, 1, 2, NONE, NONE } },
    { SYS_mknodat, { CALL_MAKE, WIRE_BY_MKNOD, 0, 1, NONE, NONE } },
    { SYS_openat, { CALL_OPENAT, WIRE_BY_OPEN, 0, 1, NONE, NONE } },
    { SYS_openat2, { CALL_OPENAT2, WIRE_BY_OPEN, 0, 1, NONE, NONE } },
};

void describe_calls(struct call_shape *shapes, unsigned count)
{
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (calls[i].number < count)
            shapes[calls[i].number] = calls[i].shape;
}
