/* SPDX-License-Identifier: MIT */
/* Which program goes where, for which events. The only list of them. */
#pragma once

#include "linux/sensor.h"

struct sensor_bpf;
struct bpf_program;

enum attachment_kind {
    ATTACH_RAW,        /* BTF tracepoint; the target is its name */
    ATTACH_TRACEPOINT, /* classic tracepoint; several rows may share a program */
    ATTACH_CGROUP,     /* of the root control group */
    ATTACH_ITERATOR,   /* run by the reader */
};

enum attachment_flag {
    ATTACH_REQUIRED = 1, /* without it the monitor does not start */
};

#define SENSOR_MAX_ATTACHMENTS 64
#define ALWAYS UINT32_MAX

struct attachment {
    struct bpf_program *(*program)(const struct sensor_bpf *programs);
    const char *target;
    enum attachment_kind kind;
    unsigned flags;
    uint32_t features; /* enum sensor_feature: needed for any of them */
    uint32_t type;     /* enum wire_type of its records; 0 = it makes none */
};

extern const struct attachment attachments[];
extern const unsigned attachment_count;
