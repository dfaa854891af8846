/* SPDX-License-Identifier: MIT */
#include "linux/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL_FILE 4096
#define PF_KTHREAD 0x00200000u

/* A whole file of at most `limit` bytes, terminated behind its end. Empty when it cannot be read. */
static struct match_text read_file(int directory, const char *name, size_t limit, struct text_arena *arena)
{
    struct match_text text = { "", 0 };
    size_t capacity = SMALL_FILE < limit ? SMALL_FILE : limit, used = 0;
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    char *data = NULL;
    ssize_t count;

    if (fd < 0)
        return text;
    for (;;) {
        char *larger = text_take(arena, capacity + 1);

        if (!larger)
            break;
        if (used)
            memcpy(larger, data, used);
        data = larger;
        while (used < capacity && (count = read(fd, data + used, capacity - used)) > 0)
            used += (size_t)count;
        if (used < capacity || capacity >= limit)
            break;
        capacity = capacity * 4 < limit ? capacity * 4 : limit;
    }
    close(fd);
    if (!data)
        return text;
    data[used] = 0;
    return (struct match_text){ data, (uint32_t)used };
}

static struct match_text read_link(int directory, const char *name, struct text_arena *arena)
{
    char *data = text_take(arena, PATH_MAX);
    ssize_t size = data ? readlinkat(directory, name, data, PATH_MAX - 1) : -1;

    if (size <= 0)
        return (struct match_text){ "", 0 };
    data[size] = 0;
    return (struct match_text){ data, (uint32_t)size };
}

/* The kernel's mark on the name of a file that has no name any more. */
static struct match_text without_deleted(struct match_text path)
{
    static const char mark[] = " (deleted)";
    uint32_t size = sizeof mark - 1;

    if (path.size > size && !memcmp(path.data + path.size - size, mark, size))
        path.size -= size;
    return path;
}

static uint32_t read_number(int directory, const char *name, struct text_arena *arena)
{
    struct match_text text = read_file(directory, name, 32, arena);

    return text.size ? (uint32_t)strtoul(text.data, NULL, 10) : UINT32_MAX;
}

/* The inode number in `mnt:[4026531840]`. */
static uint32_t read_namespace(int directory, const char *name, struct text_arena *arena)
{
    struct match_text text = read_link(directory, name, arena);
    const char *bracket = text.size ? strchr(text.data, '[') : NULL;

    return bracket ? (uint32_t)strtoul(bracket + 1, NULL, 10) : 0;
}

static bool parse_stat(struct proc_details *out, struct match_text stat, struct text_arena *arena)
{
    const char *open = memchr(stat.data, '(', stat.size), *close = strrchr(stat.data, ')');
    unsigned parent, session, flags;
    unsigned long long start;

    if (!open || !close || sscanf(close + 1, " %*c %u %*d %u %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                                  &parent, &session, &flags, &start) != 4)
        return false;
    out->parent_pid = parent;
    out->session = session;
    out->start_ticks = start;
    out->kernel_thread = flags & PF_KTHREAD;
    if (out->kernel_thread) {
        uint32_t size = (uint32_t)(close - open) + 1;
        char *name = text_take(arena, size + 1u);

        if (name) {
            memcpy(name, open, size);
            name[0] = '[';
            name[size - 1] = ']';
            out->image = (struct match_text){ name, size };
        }
    }
    return true;
}

static void parse_status(struct proc_details *out, struct match_text status)
{
    const char *line = status.size ? strstr(status.data, "\nUid:") : NULL;

    if (!line || sscanf(line, "\nUid: %u %u", &out->uid, &out->euid) != 2)
        out->uid = out->euid = UINT32_MAX;
}

int proc_read(struct proc_details *out, uint32_t pid, struct text_arena *arena)
{
    struct proc_details details = { 0 };
    struct match_text stat;
    char path[32];
    int directory;

    snprintf(path, sizeof path, "/proc/%u", pid);
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return -ESRCH;
    stat = read_file(directory, "stat", SMALL_FILE, arena);
    if (!stat.size || !parse_stat(&details, stat, arena)) {
        close(directory);
        return -ESRCH;
    }
    parse_status(&details, read_file(directory, "status", SMALL_FILE, arena));
    details.login_uid = read_number(directory, "loginuid", arena);
    details.audit_session = read_number(directory, "sessionid", arena);
    details.pid_namespace = read_namespace(directory, "ns/pid", arena);
    details.mount_namespace = read_namespace(directory, "ns/mnt", arena);
    if (!details.kernel_thread) {
        details.image = without_deleted(read_link(directory, "exe", arena));
        details.directory = without_deleted(read_link(directory, "cwd", arena));
        details.arguments = read_file(directory, "cmdline", PROC_ARGUMENTS_MAX, arena);
        details.cgroup = read_file(directory, "cgroup", SMALL_FILE, arena);
    }
    close(directory);
    *out = details;
    return 0;
}

struct match_text proc_arguments(uint32_t pid, struct text_arena *arena)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/%u/cmdline", pid);
    return read_file(AT_FDCWD, path, PROC_ARGUMENTS_MAX, arena);
}

uint32_t proc_thread_group(uint32_t tid, struct text_arena *arena)
{
    struct match_text status;
    unsigned group = 0;
    char path[32];
    const char *line;

    snprintf(path, sizeof path, "/proc/%u/status", tid);
    status = read_file(AT_FDCWD, path, SMALL_FILE, arena);
    line = status.size ? strstr(status.data, "\nTgid:") : NULL;
    if (!line || sscanf(line, "\nTgid: %u", &group) != 1)
        return 0;
    return group;
}
