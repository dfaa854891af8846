/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * READ(pointer, member, member, …): a value behind kernel pointers, like BPF_CORE_READ().
 *
 * Since Linux 6.2 the verifier can be told what a number points to (bpf_rdonly_cast), and a read is one guarded load instead
 * of a call: a record takes some sixty of them. Elsewhere it is the call.
 */
#pragma once

#include "kernel.h"

extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

/* Set by the loader when the running kernel has bpf_rdonly_cast(); the verifier drops the branch that is not taken. */
extern const volatile bool have_cast;

#define READ_CAST(pointer) ((typeof(pointer))bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(typeof(*(pointer)))))
#define READ_ONE(pointer, member)                                             \
    ({                                                                        \
        typeof(pointer) pointer_ = (pointer);                                 \
        typeof(pointer_->member) value_;                                       \
        if (have_cast)                                                        \
            value_ = READ_CAST(pointer_)->member;                             \
        else                                                                  \
            value_ = BPF_CORE_READ(pointer_, member);                         \
        value_;                                                               \
    })

#define READ_1(p, a) READ_ONE(p, a)
#define READ_2(p, a, b) READ_ONE(READ_ONE(p, a), b)
#define READ_3(p, a, b, c) READ_ONE(READ_2(p, a, b), c)
#define READ_4(p, a, b, c, d) READ_ONE(READ_3(p, a, b, c), d)
#define READ_PICK(_1, _2, _3, _4, name, ...) name
#define READ(p, ...) READ_PICK(__VA_ARGS__, READ_4, READ_3, READ_2, READ_1)(p, __VA_ARGS__)
