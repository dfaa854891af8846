/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Shared with the loader beside the records: what can be asked for, and what it fills in. */
#pragma once

/* What to observe beside processes. Only programs that one of the wanted features needs are attached. */
enum sensor_feature {
    SENSOR_TCP = 1,
    SENSOR_CREATE = 2,
    SENSOR_DELETE = 4,
    SENSOR_UDP = 8,
    SENSOR_DNS = 16,
    SENSOR_RAW = 32,
    SENSOR_PIPE = 64,
    SENSOR_TIMES = 128,
    SENSOR_ATTRIBUTE = 256,
    SENSOR_ACCESS = 512,
    SENSOR_PROGRAM = 1024,
    SENSOR_MODULE = 2048,
    SENSOR_TAMPER = 4096,
};

enum call_kind { CALL_NONE, CALL_UNLINK, CALL_RENAME, CALL_LINK, CALL_MAKE, CALL_TIMES, CALL_ATTRIBUTE,
                 /* those from here on do not care about change times */
                 CALL_OPEN, CALL_OPENAT, CALL_OPENAT2, CALL_CREAT };

/* Of a system call that changes names: indexes of its arguments. */
struct call_shape {
    unsigned char kind; /* enum call_kind */
    unsigned char how;  /* enum wire_how */
    signed char directory; /* -1: none, the working directory */
    signed char path;      /* the name that comes or goes */
    signed char old;       /* of a renaming, the name that was; -1: none */
    signed char attribute; /* its name; its value and the value's size follow; -1: none */
};
