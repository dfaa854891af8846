/* SPDX-License-Identifier: MIT */
#include "linux/hooks.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOT_YET (-1)
#define NOT_THERE (-2)

void hooks_open(struct hooks *hooks)
{
    hooks->tracefs = hooks->cgroup = NOT_YET;
    hooks->kernel = NULL;
}

void hooks_close(struct hooks *hooks)
{
    hooks_forget_types(hooks);
    if (hooks->tracefs >= 0)
        close(hooks->tracefs);
    if (hooks->cgroup >= 0)
        close(hooks->cgroup);
    hooks_open(hooks);
}

/* A mount of `type` that belongs to nobody's namespace. */
static int detached(const char *type)
{
    int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), mount = -1;

    if (context < 0)
        return -errno;
    if (!syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
        mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
    close(context);
    return mount;
}

static int mounted(const char *path, const char *probe)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (directory >= 0 && faccessat(directory, probe, F_OK, 0)) {
        close(directory);
        return -1;
    }
    return directory;
}

static int tracefs(struct hooks *hooks)
{
    if (hooks->tracefs == NOT_YET)
        hooks->tracefs = mounted("/sys/kernel/tracing", "events");
    if (hooks->tracefs == NOT_YET)
        hooks->tracefs = detached("tracefs");
    if (hooks->tracefs < 0)
        hooks->tracefs = NOT_THERE;
    return hooks->tracefs;
}

static int cgroup(struct hooks *hooks)
{
    static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

    for (unsigned i = 0; i < 2 && hooks->cgroup == NOT_YET; i++)
        hooks->cgroup = mounted(places[i], "cgroup.controllers");
    if (hooks->cgroup == NOT_YET)
        hooks->cgroup = detached("cgroup2");
    if (hooks->cgroup < 0)
        hooks->cgroup = NOT_THERE;
    return hooks->cgroup;
}

static long tracepoint_id(int directory, const char *name)
{
    char path[256], text[32];
    ssize_t size;
    int fd;

    snprintf(path, sizeof path, "events/%s/id", name);
    fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return -EIO;
    text[size] = 0;
    return strtol(text, NULL, 10);
}

struct bpf_link *hooks_tracepoint(struct hooks *hooks, const struct bpf_program *program, const char *name)
{
    struct perf_event_attr attributes = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof attributes };
    int directory = tracefs(hooks), event;
    struct bpf_link *link;
    long id;

    if (directory < 0) {
        errno = ENODEV;
        return NULL;
    }
    id = tracepoint_id(directory, name);
    if (id <= 0) {
        errno = (int)-id;
        return NULL;
    }
    attributes.config = (uint64_t)id;
    event = (int)syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    if (event < 0)
        return NULL;
    link = bpf_program__attach_perf_event(program, event); /* takes the descriptor */
    if (!link)
        close(event);
    return link;
}

struct bpf_link *hooks_cgroup(struct hooks *hooks, const struct bpf_program *program)
{
    int directory = cgroup(hooks);

    if (directory < 0) {
        errno = ENODEV;
        return NULL;
    }
    return bpf_program__attach_cgroup(program, directory);
}

/* Loading the programs fails without them, and says so. */
static const struct btf *types(struct hooks *hooks)
{
    if (!hooks->kernel)
        hooks->kernel = btf__load_vmlinux_btf();
    if (!hooks->kernel)
        hooks->kernel = btf__new_empty();
    return hooks->kernel;
}

bool hooks_have_raw(struct hooks *hooks, const char *name)
{
    char type[128];

    snprintf(type, sizeof type, "btf_trace_%s", name);
    return btf__find_by_name_kind(types(hooks), type, BTF_KIND_TYPEDEF) > 0;
}

bool hooks_have_function(struct hooks *hooks, const char *name)
{
    return btf__find_by_name_kind(types(hooks), name, BTF_KIND_FUNC) > 0;
}

void hooks_forget_types(struct hooks *hooks)
{
    btf__free(hooks->kernel);
    hooks->kernel = NULL;
}
