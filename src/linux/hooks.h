/* SPDX-License-Identifier: MIT */
/*
 * Attaching programs to the kernel's hooks. Nothing is mounted for it where anybody could see it: the file systems that
 * name tracepoints and the root control group are opened detached when they are not mounted.
 */
#pragma once

#include <stdbool.h>

struct bpf_link;
struct bpf_program;
struct btf;

struct hooks {
    int tracefs, cgroup; /* directories; -1: not opened yet, -2: not to be had */
    struct btf *kernel;  /* its types: some 10 MB, see hooks_forget_types() */
};

void hooks_open(struct hooks *hooks);
void hooks_close(struct hooks *hooks);

/* `name` as in `syscalls/sys_exit_openat`. NULL: not there, or refused; errno tells. */
struct bpf_link *hooks_tracepoint(struct hooks *hooks, const struct bpf_program *program, const char *name);
/* To the root of the version 2 hierarchy. */
struct bpf_link *hooks_cgroup(struct hooks *hooks, const struct bpf_program *program);
/* Does the running kernel have this raw tracepoint? */
bool hooks_have_raw(struct hooks *hooks, const char *name);
/* Does it have this function for programs to call? */
bool hooks_have_function(struct hooks *hooks, const char *name);
/* When nothing more will be asked of them. */
void hooks_forget_types(struct hooks *hooks);
