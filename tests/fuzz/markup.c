/* SPDX-License-Identifier: MIT */
/* The scanner that accompanies XmlLite on Windows against expat: what expat reads, it must split into the same elements. */
#include "port/windows/markup.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_ELEMENTS 4096

struct seen {
    size_t start[MAX_ELEMENTS];
    size_t starts, ends;
};

static int on_start(void *context, const char *name, const struct xml_attribute *attributes, size_t offset)
{
    struct seen *seen = context;

    (void)name, (void)attributes;
    if (seen->starts == MAX_ELEMENTS)
        return -1;
    seen->start[seen->starts++] = offset;
    return 0;
}

static int on_end(void *context)
{
    struct seen *seen = context;

    seen->ends++;
    return 0;
}

static int on_text(void *context, const char *text, size_t size, size_t offset)
{
    (void)context, (void)text, (void)size, (void)offset;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct seen seen;
    const struct xml_handler handler = { on_start, on_end, on_text, &seen };
    struct xml_failure failure;
    struct markup markup;
    size_t found = 0;
    bool sound;
    int rc;

    seen.starts = seen.ends = 0;
    sound = xml_parse((const char *)data, size, &handler, &failure) == 0;
    markup_init(&markup, (const char *)data, size);
    while ((rc = markup_next(&markup, &failure)) == 0 && markup.kind != MARKUP_DONE) {
        if (markup.end <= markup.start || markup.end > size)
            abort();
        if (markup.kind != MARKUP_START)
            continue;
        if (sound && (found >= seen.starts || seen.start[found] != markup.start))
            abort();
        found++;
    }
    if (sound && (rc || found != seen.starts || seen.starts != seen.ends))
        abort();
    return 0;
}
