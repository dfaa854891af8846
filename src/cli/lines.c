/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_ZLIB
#include <unistd.h>
#include <zlib.h>
#else
#include "port/file.h"

#define WHOLE_FILE ((size_t)1 << 30)
#endif

#define CHUNK (256u << 10)

struct lines {
#ifdef HAVE_ZLIB
    gzFile file;
#endif
    char *buffer; /* [start, end) is read and not yet returned */
    size_t capacity, start, end;
    unsigned long number;
    bool ended;
};

#ifdef HAVE_ZLIB
static int open_file(struct lines *l, const char *path)
{
    errno = 0;
    l->file = strcmp(path, "-") ? gzopen(path, "rb") : gzdopen(dup(0), "rb");
    if (!l->file)
        return errno ? -errno : -ENOMEM;
    gzbuffer(l->file, CHUNK);
    return 0;
}

static void close_file(struct lines *l)
{
    gzclose(l->file);
}

/* Truncated and damaged archives are errors, not ends. */
static long read_file(struct lines *l, char *to, size_t size)
{
    int count = gzread(l->file, to, (unsigned)size), code;

    gzerror(l->file, &code);
    if (count < 0 || (code != Z_OK && code != Z_STREAM_END))
        return code == Z_ERRNO && errno ? -errno : -EIO;
    return count;
}
#else
/* Without zlib a file is read as a whole. */
static int open_file(struct lines *l, const char *path)
{
    void *data;
    int rc;

    if (!strcmp(path, "-"))
        return 0;
    rc = file_read(path, WHOLE_FILE, &data, &l->end);
    if (rc)
        return rc;
    l->buffer = data;
    l->capacity = l->end;
    l->ended = true;
    return 0;
}

static void close_file(struct lines *l)
{
}

static long read_file(struct lines *l, char *to, size_t size)
{
    size_t count = fread(to, 1, size, stdin);

    return ferror(stdin) ? -EIO : (long)count;
}
#endif

int lines_open(struct lines **out, const char *path)
{
    struct lines *l = calloc(1, sizeof(*l));
    int rc;

    if (!l)
        return -ENOMEM;
    rc = open_file(l, path);
    if (rc) {
        free(l);
        return rc;
    }
    *out = l;
    return 0;
}

void lines_close(struct lines *l)
{
    close_file(l);
    free(l->buffer);
    free(l);
}

unsigned long lines_number(const struct lines *l)
{
    return l->number;
}

/* Reads more behind what is there. 0 also at the end of the file. */
static int fill(struct lines *l)
{
    long count;

    if (l->start) {
        memmove(l->buffer, l->buffer + l->start, l->end - l->start);
        l->end -= l->start;
        l->start = 0;
    }
    if (l->capacity - l->end < CHUNK) {
        size_t capacity = l->capacity ? 2 * l->capacity : 2 * CHUNK;
        char *buffer = realloc(l->buffer, capacity);

        if (!buffer)
            return -ENOMEM;
        l->buffer = buffer;
        l->capacity = capacity;
    }
    count = read_file(l, l->buffer + l->end, CHUNK);
    if (count < 0)
        return (int)count;
    l->ended = count == 0;
    l->end += (size_t)count;
    return 0;
}

/* The end of the line that starts at `start`, reading on as needed; NULL in `*newline` when it is longer than allowed. */
static int find_end(struct lines *l, char **newline)
{
    size_t searched = 0;
    int rc;

    *newline = NULL;
    for (;;) {
        if (l->end > l->start + searched)
            *newline = memchr(l->buffer + l->start + searched, '\n', l->end - l->start - searched);
        searched = l->end - l->start;
        if (*newline || searched > LINES_MAX_SIZE || l->ended)
            return 0;
        rc = fill(l);
        if (rc)
            return rc;
    }
}

static int skip_line(struct lines *l)
{
    char *newline = NULL;
    int rc = 0;

    while (!rc && !newline && !l->ended) {
        l->start = l->end;
        rc = fill(l);
        if (!rc)
            newline = memchr(l->buffer, '\n', l->end);
    }
    l->start = newline ? (size_t)(newline + 1 - l->buffer) : l->end;
    return rc ? rc : -E2BIG;
}

int lines_next(struct lines *l, const char **text, size_t *size)
{
    char *newline;
    int rc = find_end(l, &newline);

    if (rc)
        return rc;
    if (!newline && l->start == l->end)
        return 0;
    l->number++;
    if ((newline ? (size_t)(newline - l->buffer) : l->end) - l->start > LINES_MAX_SIZE)
        return newline ? (l->start = (size_t)(newline + 1 - l->buffer), -E2BIG) : skip_line(l);
    *text = l->buffer + l->start;
    *size = (newline ? (size_t)(newline - l->buffer) : l->end) - l->start;
    l->start += *size + (newline != NULL);
    return 1;
}
