/* SPDX-License-Identifier: MIT */
#include "linux/decode.h"

#include <errno.h>
#include <string.h>

/* Takes `size` bytes off the rest of a record. */
static bool take(struct match_text *rest, uint32_t size, struct match_text *out)
{
    if (size > rest->size)
        return false;
    out->data = rest->data;
    out->size = size;
    rest->data += size;
    rest->size -= size;
    return true;
}

static bool fixed(const void *record, size_t size, size_t need, struct match_text *rest)
{
    const struct wire_header *header = record;

    if (size < need || size > UINT32_MAX || header->size != size)
        return false;
    rest->data = (const char *)record + need;
    rest->size = (uint32_t)(size - need);
    return true;
}

int decode_header(const struct wire_header **out, const void *record, size_t size)
{
    struct match_text rest;

    if (!fixed(record, size, sizeof **out, &rest))
        return -EBADMSG;
    *out = record;
    return 0;
}

int decode_exec(struct decoded_exec *out, const void *record, size_t size)
{
    const struct wire_exec *exec = record;
    struct decoded_exec view = { exec };
    struct match_text rest;

    if (!fixed(record, size, sizeof *exec, &rest) || !take(&rest, exec->image_size, &view.image) ||
        !take(&rest, exec->directory_size, &view.directory) || !take(&rest, exec->cgroup_size, &view.cgroup) ||
        !take(&rest, exec->tty_size, &view.tty) || !take(&rest, exec->arguments_size, &view.arguments))
        return -EBADMSG;
    *out = view;
    return 0;
}

int decode_arguments(const struct wire_arguments **out, struct match_text *text, const void *record, size_t size)
{
    const struct wire_arguments *more = record;
    struct match_text rest;

    if (!fixed(record, size, sizeof *more, &rest) || !take(&rest, more->arguments_size, text))
        return -EBADMSG;
    *out = more;
    return 0;
}

/* A record that is nothing but its fixed part. */
#define DECODE_FIXED(name)                                                                    \
    int decode_##name(const struct wire_##name **out, const void *record, size_t size)        \
    {                                                                                         \
        struct match_text rest;                                                               \
                                                                                              \
        if (!fixed(record, size, sizeof **out, &rest))                                        \
            return -EBADMSG;                                                                  \
        *out = record;                                                                        \
        return 0;                                                                             \
    }

DECODE_FIXED(exit)
DECODE_FIXED(fork)
DECODE_FIXED(connection)
DECODE_FIXED(program)
DECODE_FIXED(access)

int decode_dns(const struct wire_dns **out, struct match_text *payload, const void *record, size_t size)
{
    const struct wire_dns *dns = record;
    struct match_text rest;

    if (!fixed(record, size, sizeof *dns, &rest) || !take(&rest, dns->payload_size, payload))
        return -EBADMSG;
    *out = dns;
    return 0;
}

int decode_name(struct decoded_name *out, const void *record, size_t size)
{
    const struct wire_name *name = record;
    struct decoded_name view = { name };
    struct match_text rest;

    if (!fixed(record, size, sizeof *name, &rest) || !take(&rest, name->path_size, &view.path) ||
        !take(&rest, name->base_size, &view.base) || !take(&rest, name->argument_size, &view.argument) ||
        !take(&rest, name->attribute_size, &view.attribute) || !take(&rest, name->value_size, &view.value))
        return -EBADMSG;
    *out = view;
    return 0;
}

size_t decode_path(char *out, struct match_text text)
{
    const char *end = text.data + text.size;
    size_t size = 0;

    /* the last component of the text is the first of the path */
    while (end > text.data) {
        const char *start = end;

        while (start > text.data && start[-1])
            start--;
        if (end > start || start == text.data) {
            out[size++] = '/';
            memcpy(out + size, start, (size_t)(end - start));
            size += (size_t)(end - start);
        }
        end = start > text.data ? start - 1 : start;
    }
    if (!size)
        out[size++] = '/';
    out[size] = 0;
    return size;
}

static bool plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (strchr(" \t\n\v\f\r'\"\\", text[i]))
            return false;
    return size > 0;
}

static size_t quote(char *out, size_t at, const char *text, size_t size)
{
#define PUT(c) (out ? (void)(out[at] = (c)) : (void)0, at++)
    PUT('\'');
    for (size_t i = 0; i < size; i++) {
        PUT(text[i]);
        if (text[i] == '\'') {
            PUT('\\');
            PUT('\'');
            PUT('\'');
        }
    }
    PUT('\'');
#undef PUT
    return at;
}

size_t decode_command_line(char *out, struct match_text arguments)
{
    const char *text = arguments.data, *end = text + arguments.size;
    size_t at = 0;

    while (text < end) {
        const char *stop = memchr(text, 0, (size_t)(end - text));
        size_t size = (size_t)((stop ? stop : end) - text);

        if (at) {
            if (out)
                out[at] = ' ';
            at++;
        }
        if (plain(text, size)) {
            if (out)
                memcpy(out + at, text, size);
            at += size;
        } else {
            at = quote(out, at, text, size);
        }
        text += size + 1;
    }
    return at;
}
