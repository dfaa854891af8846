/* SPDX-License-Identifier: MIT */
#include "linux/container.h"

#include <string.h>

#define ID_SIZE 64

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* 64 hexadecimal digits, bounded by the component's ends, `-` or `.`. */
static struct match_text find_digits(const char *data, uint32_t size)
{
    uint32_t run = 0;

    for (uint32_t i = 0; i <= size; i++) {
        if (i < size && is_hex(data[i])) {
            run++;
            continue;
        }
        if (run == ID_SIZE && (i == size || data[i] == '.') && (i == run || data[i - run - 1] == '-'))
            return (struct match_text){ data + i - run, run };
        run = 0;
    }
    return (struct match_text){ NULL, 0 };
}

/* What follows `prefix`, without `suffix`. */
static struct match_text between(const char *data, uint32_t size, const char *prefix, const char *suffix)
{
    uint32_t first = (uint32_t)strlen(prefix), last = (uint32_t)strlen(suffix);

    if (size <= first + last || memcmp(data, prefix, first) || memcmp(data + size - last, suffix, last))
        return (struct match_text){ NULL, 0 };
    return (struct match_text){ data + first, size - first - last };
}

static struct match_text of_component(const char *data, uint32_t size)
{
    struct match_text id = find_digits(data, size);

    if (!id.size)
        id = between(data, size, "lxc.payload.", "");
    if (!id.size)
        id = between(data, size, "machine-", ".scope");
    return id;
}

struct match_text container_id(struct match_text path)
{
    uint32_t start = 0;

    for (uint32_t i = 0; i <= path.size; i++) {
        struct match_text id;

        if (i < path.size && path.data[i] && path.data[i] != '/' && path.data[i] != '\n')
            continue;
        id = of_component(path.data + start, i - start);
        if (id.size)
            return id;
        start = i + 1;
    }
    return (struct match_text){ "", 0 };
}
