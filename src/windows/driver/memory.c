/* SPDX-License-Identifier: MIT */
/* The one mem* routine that GCC may call and an x86 kernel before NT 6.2 does not export (spec 08 section 5.2). */
#include <stddef.h>

int memcmp(const void *left, const void *right, size_t size);

int memcmp(const void *left, const void *right, size_t size)
{
    const unsigned char *a = left, *b = right;

    for (; size; size--, a++, b++)
        if (*a != *b)
            return *a < *b ? -1 : 1;
    return 0;
}
