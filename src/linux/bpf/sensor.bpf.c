/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * All programs as one object: one file per concern, compiled together (the linker of older bpftool versions cannot join
 * objects that call the same kernel function).
 */
#include "path.bpf.c"
#include "name.bpf.c"
#include "process.bpf.c"
#include "network.bpf.c"
#include "dns.bpf.c"
#include "flow.bpf.c"
#include "file.bpf.c"
#include "program.bpf.c"
#include "module.bpf.c"
#include "tamper.bpf.c"
#include "access.bpf.c"
#include "pipe.bpf.c"
