/* SPDX-License-Identifier: MIT */
/*
 * What a Windows program does, told by the hook in it (hook.c) to the drivers of the test: the companion (companion.c) turns it into
 * process, thread, image, registry and object callbacks, the filter manager (fltmgr.c) into file operations. The program
 * waits until the callbacks have returned, as on Windows.
 */
#pragma once

#include <stdint.h>

#define ACTIVITY_FRAMES 24
#define ACTIVITY_TEXTS 3
#define ACTIVITY_MAX 0x20000u /* bytes of one message */

enum activity_kind {
    ACTIVITY_PROCESS_CREATE = 1, /* target_pid; texts: NT image path, command line, directory */
    ACTIVITY_PROCESS_EXIT,       /* target_pid */
    ACTIVITY_THREAD_CREATE,      /* target_pid, target_tid */
    ACTIVITY_IMAGE_LOAD,         /* address, size; text: path */
    ACTIVITY_PROCESS_OPEN,       /* target_pid, access */
    ACTIVITY_REGISTRY_PRE,       /* code: REG_NOTIFY_CLASS; texts: key path, value or new name, data; type */
    ACTIVITY_REGISTRY_POST,      /* code, status, disposition; follows its PRE on the same thread */
    ACTIVITY_FILE,               /* code: major function, and more: fltmgr.c */
};

struct activity {
    uint32_t kind, pid, tid;
    uint32_t target_pid, target_tid, access;
    uint32_t code, status, disposition, type;
    uint64_t address, size;
    uint32_t frame_count;
    uint32_t text_size[ACTIVITY_TEXTS]; /* bytes; the texts follow the structure one after the other */
    uint64_t frame[ACTIVITY_FRAMES];
};

/* CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS); out: uint32_t NTSTATUS */
#define ACTIVITY_IOCTL 0x222000u
#define ACTIVITY_NAME L"SysmonActivity"
