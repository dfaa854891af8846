/* SPDX-License-Identifier: MIT */
/* Where the public test data lies: SYSMON_CORPUS, else ../shared/corpus beside the source. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

static inline void corpus_path(char *path, size_t size, const char *name)
{
    const char *corpus = getenv("SYSMON_CORPUS"), *source = getenv("SYSMON_SOURCE");

    if (corpus && *corpus)
        snprintf(path, size, "%s/%s", corpus, name);
    else
        snprintf(path, size, "%s/../shared/corpus/%s", source ? source : ".", name);
}
