/* SPDX-License-Identifier: MIT */
#include "nt_path.h"

#include <ctype.h>
#include <string.h>

/* `text` starts with `prefix`, ASCII letters without regard to case. */
static bool starts_with(struct match_text text, const char *prefix, size_t size)
{
    if (text.size < size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (tolower((unsigned char)text.data[i]) != tolower((unsigned char)prefix[i]))
            return false;
    return true;
}

/* The same, and the prefix ends with a whole component. */
static bool below(struct match_text text, const char *prefix, size_t size)
{
    return starts_with(text, prefix, size) && (text.size == size || text.data[size] == '\\');
}

static struct match_text rest_of(struct match_text text, size_t from)
{
    return (struct match_text){ text.data + from, text.size - (uint32_t)from };
}

static struct match_text join(struct pool *pool, const char *head, struct match_text tail)
{
    size_t size = strlen(head);
    char *out = pool_take(pool, size + tail.size + 1);

    if (!out)
        return (struct match_text){ "", 0 };
    memcpy(out, head, size);
    memcpy(out + size, tail.data, tail.size);
    out[size + tail.size] = 0;
    return (struct match_text){ out, (uint32_t)(size + tail.size) };
}

/* Longest device that is a whole prefix of the path, -1: none. */
static int find_volume(const struct nt_volumes *volumes, struct match_text path)
{
    int best = -1;
    size_t longest = 0;

    for (unsigned i = 0; i < volumes->count; i++) {
        size_t size = strlen(volumes->volume[i].device);

        if (size > longest && below(path, volumes->volume[i].device, size)) {
            best = (int)i;
            longest = size;
        }
    }
    return best;
}

#define LITERAL(text) text, sizeof(text) - 1

struct match_text nt_path_to_dos(const struct nt_volumes *volumes, struct pool *pool, struct match_text path)
{
    int volume;

    if (starts_with(path, LITERAL("\\??\\UNC\\")))
        return join(pool, "\\\\", rest_of(path, 8));
    if (starts_with(path, LITERAL("\\??\\")))
        return rest_of(path, 4);
    if (starts_with(path, LITERAL("\\SystemRoot\\")) && *volumes->windows)
        return join(pool, volumes->windows, rest_of(path, 11));
    if (starts_with(path, LITERAL("\\Device\\Mup\\")))
        return join(pool, "\\\\", rest_of(path, 12));
    volume = find_volume(volumes, path);
    if (volume < 0)
        return path;
    return join(pool, volumes->volume[volume].drive, rest_of(path, strlen(volumes->volume[volume].device)));
}

bool nt_path_is_unknown(const struct nt_volumes *volumes, struct match_text path)
{
    return starts_with(path, LITERAL("\\Device\\HarddiskVolume")) && find_volume(volumes, path) < 0;
}

/* Size of `ControlSetNNN` or `CurrentControlSet` at the front of `text` when it is the current one, else 0. */
static size_t control_set_size(struct match_text text, unsigned current)
{
    unsigned number = 0;

    if (below(text, LITERAL("CurrentControlSet")))
        return sizeof("CurrentControlSet") - 1;
    if (!starts_with(text, LITERAL("ControlSet")) || text.size < 13)
        return 0;
    for (unsigned i = 10; i < 13; i++) {
        if (!isdigit((unsigned char)text.data[i]))
            return 0;
        number = number * 10 + (unsigned)(text.data[i] - '0');
    }
    return number == current && current && (text.size == 13 || text.data[13] == '\\') ? 13 : 0;
}

static struct match_text machine_path(struct pool *pool, struct match_text rest, unsigned control_set)
{
    size_t size;

    if (below(rest, LITERAL("\\SOFTWARE\\Classes")))
        return join(pool, "HKCR", rest_of(rest, sizeof("\\SOFTWARE\\Classes") - 1));
    if (starts_with(rest, LITERAL("\\SYSTEM\\"))) {
        struct match_text set = rest_of(rest, 8);

        size = control_set_size(set, control_set);
        if (size) {
            set = rest_of(set, size);
            if (below(set, LITERAL("\\Hardware Profiles\\Current")))
                return join(pool, "HKCC", rest_of(set, sizeof("\\Hardware Profiles\\Current") - 1));
            return join(pool, "HKLM\\System\\CurrentControlSet", set);
        }
    }
    return join(pool, "HKLM", rest);
}

struct match_text registry_path_to_short(struct pool *pool, struct match_text path, unsigned control_set)
{
    if (below(path, LITERAL("\\REGISTRY\\MACHINE")))
        return machine_path(pool, rest_of(path, sizeof("\\REGISTRY\\MACHINE") - 1), control_set);
    if (below(path, LITERAL("\\REGISTRY\\USER")))
        return join(pool, "HKU", rest_of(path, sizeof("\\REGISTRY\\USER") - 1));
    return path;
}
