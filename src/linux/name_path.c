/* SPDX-License-Identifier: MIT */
#include "linux/name_path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void add_component(char *out, size_t *size, const char *text, size_t length)
{
    if (length == 0 || (length == 1 && text[0] == '.'))
        return;
    if (length == 2 && text[0] == '.' && text[1] == '.') {
        while (*size && out[--*size] != '/')
            ;
        return;
    }
    out[(*size)++] = '/';
    memcpy(out + *size, text, length);
    *size += length;
}

static void add_path(char *out, size_t *size, struct match_text path)
{
    uint32_t start = 0;

    for (uint32_t i = 0; i <= path.size; i++)
        if (i == path.size || path.data[i] == '/') {
            add_component(out, size, path.data + start, i - start);
            start = i + 1;
        }
}

size_t path_tidy(char *out, struct match_text base, struct match_text argument)
{
    size_t size = 0;

    if (!argument.size || argument.data[0] != '/')
        add_path(out, &size, base);
    add_path(out, &size, argument);
    if (!size)
        out[size++] = '/';
    out[size] = 0;
    return size;
}

/* Where the last component begins; `..` at the end is a directory's business, and no file is called so. */
static uint32_t leaf_of(struct match_text path)
{
    uint32_t end = path.size;

    while (end && path.data[end - 1] == '/')
        end--;
    while (end && path.data[end - 1] != '/')
        end--;
    return end;
}

/* The directory `path` as the process with this pid would name it, links followed. 0 = not to be had. */
static ssize_t resolve(char *out, size_t size, uint32_t pid, const char *path)
{
    struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
    char link[64];
    ssize_t result = 0, root_size;
    int root, fd;

    snprintf(link, sizeof link, "/proc/%u/root", pid);
    root = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return 0;
    root_size = readlink(link, out, size);
    fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    close(root);
    if (fd < 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    result = readlink(link, out, size);
    close(fd);
    /* what we see of a process in another root begins with that root */
    if (root_size > 1 && result >= root_size) {
        memmove(out, out + root_size, (size_t)(result - root_size));
        result -= root_size;
    }
    return result > 0 && (size_t)result < size ? result : 0;
}

static struct match_text from_argument(const struct decoded_name *name, struct match_text base, struct text_arena *arena)
{
    struct match_text argument = name->argument;
    uint32_t leaf = leaf_of(argument);
    char *path = text_take(arena, (size_t)base.size + argument.size + 3);
    char *resolved = text_take(arena, WIRE_PATH_SIZE + (size_t)argument.size - leaf + 2);
    ssize_t size;

    if (!path || !resolved)
        return (struct match_text){ "", 0 };
    /* base/directory, not tidied: `..` behind a link is where the link leads */
    snprintf(path, (size_t)base.size + argument.size + 3, "%.*s/%.*s",
             argument.size && *argument.data == '/' ? 0 : (int)base.size, base.data, (int)leaf, argument.data);
    size = resolve(resolved, WIRE_PATH_SIZE, name->name->header.pid, path);
    if (!size)
        return (struct match_text){ path, (uint32_t)path_tidy(path, base, argument) };
    if (size == 1 && *resolved == '/')
        size = 0;
    resolved[size++] = '/';
    while (leaf < argument.size && argument.data[leaf] != '/')
        resolved[size++] = argument.data[leaf++];
    return (struct match_text){ resolved, (uint32_t)size };
}

struct match_text name_path(const struct decoded_name *name, struct text_arena *arena)
{
    char *path = text_take(arena, name->path.size + 2u), *base = text_take(arena, name->base.size + 2u);
    uint16_t flags = name->name->header.flags;
    struct match_text kernel;

    if (!path || !base)
        return (struct match_text){ "", 0 };
    kernel = (struct match_text){ path, (uint32_t)decode_path(path, name->path) };
    if (!(flags & (WIRE_PATH_NONE | WIRE_PATH_AMBIGUOUS | WIRE_PATH_DETACHED)) || !name->argument.size)
        return kernel;
    return from_argument(name, (struct match_text){ base, (uint32_t)decode_path(base, name->base) }, arena);
}
