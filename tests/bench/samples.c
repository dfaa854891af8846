/* SPDX-License-Identifier: MIT */
#include "samples.h"

#include "cli/lines.h"
#include "cli/recorded.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int grow(struct samples *s)
{
    unsigned capacity = s->capacity ? 2 * s->capacity : 1024;
    struct sample *event = realloc(s->event, capacity * sizeof(*event));

    if (!event)
        return -ENOMEM;
    s->event = event;
    s->capacity = capacity;
    return 0;
}

/* One piece of memory for the field table and all texts of an event. */
static int add(struct samples *s, const struct event *event)
{
    uint32_t count = event->type->field_count;
    size_t size = count * sizeof(struct match_text);
    struct match_text *fields;
    char *text;

    if (s->count == s->capacity && grow(s))
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        size += event->text[i].size;
    fields = malloc(size);
    if (!fields)
        return -ENOMEM;
    text = (char *)(fields + count);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(text, event->text[i].data, event->text[i].size);
        fields[i] = (struct match_text){ text, event->text[i].size };
        text += event->text[i].size;
    }
    s->event[s->count++] = (struct sample){ event->type, fields };
    return 0;
}

int samples_read(struct samples *s, const char *path, unsigned stride)
{
    struct recorded recorded = { .strings = NULL };
    struct lines *lines;
    const char *line;
    size_t size;
    unsigned number = 0;
    int rc = lines_open(&lines, path);

    if (rc)
        return rc;
    while ((rc = lines_next(lines, &line, &size)) > 0)
        if (number++ % stride == 0 && recorded_read(&recorded, line, size, (enum catalogue_system)0) == RECORDED_EVENT &&
            recorded.event.type->tag && (rc = add(s, &recorded.event)))
            break;
    recorded_free(&recorded);
    lines_close(lines);
    return rc;
}

int samples_read_folder(struct samples *s, const char *folder, unsigned stride)
{
    char pattern[4096];
    glob_t found;
    int rc = 0;

    snprintf(pattern, sizeof(pattern), "%s/*.jsonl.gz", folder);
    if (glob(pattern, 0, NULL, &found))
        return -ENOENT;
    for (size_t i = 0; i < found.gl_pathc && !rc; i++)
        rc = samples_read(s, found.gl_pathv[i], stride);
    globfree(&found);
    return rc;
}

void samples_free(struct samples *s)
{
    for (unsigned i = 0; i < s->count; i++)
        free(s->event[i].fields);
    free(s->event);
    *s = (struct samples){ .event = NULL };
}
