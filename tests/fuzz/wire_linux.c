/* SPDX-License-Identifier: MIT */
/* Any bytes as a record of the Linux sensor: every decoder, and everything that reads texts of records. */
#include "linux/container.h"
#include "linux/decode.h"
#include "linux/name_path.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool condition)
{
    if (!condition)
        abort();
}

static void read_path(struct match_text path)
{
    char *out = malloc(path.size + 2u);
    size_t size;

    if (!out)
        return;
    size = decode_path(out, path);
    need(size >= 1 && size <= path.size + 1u && out[0] == '/' && out[size] == 0);
    free(out);
}

static void read_command_line(struct match_text arguments)
{
    size_t measured = decode_command_line(NULL, arguments);
    char *out = malloc(measured + 1);

    if (!out)
        return;
    need(decode_command_line(out, arguments) == measured);
    free(out);
}

static void read_tidy(struct match_text base, struct match_text argument)
{
    char *out = malloc((size_t)base.size + argument.size + 3);
    size_t size;

    if (!out)
        return;
    size = path_tidy(out, base, argument);
    need(size >= 1 && size <= (size_t)base.size + argument.size + 2 && out[0] == '/');
    free(out);
}

static void read_exec(const void *record, size_t size)
{
    struct decoded_exec exec;

    if (decode_exec(&exec, record, size))
        return;
    read_path(exec.image);
    read_path(exec.directory);
    read_command_line(exec.arguments);
    need(container_id(exec.cgroup).size <= exec.cgroup.size);
}

static void read_name(const void *record, size_t size)
{
    struct decoded_name name;

    if (decode_name(&name, record, size))
        return;
    read_path(name.path);
    read_path(name.base);
    read_tidy(name.base, name.argument);
    need(name.value.data + name.value.size <= (const char *)record + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* a copy of exactly this size: what reads on is found; aligned as in the ring */
    void *record = aligned_alloc(8, (size + 8) & ~(size_t)7);
    const struct wire_connection *connection;
    const struct wire_arguments *arguments;
    const struct wire_header *header;
    const struct wire_access *access;
    const struct wire_exit *ended;
    const struct wire_fork *fork;
    const struct wire_dns *dns;
    struct match_text text;
    uint32_t claimed = (uint32_t)size;

    if (!record)
        return 0;
    memcpy(record, data, size);
    if (size >= sizeof claimed && size % 3) /* mostly past the first check */
        memcpy(record, &claimed, sizeof claimed);
    if (!decode_header(&header, record, size))
        need(header->size == size);
    read_exec(record, size);
    read_name(record, size);
    if (!decode_arguments(&arguments, &text, record, size))
        read_command_line(text);
    if (!decode_dns(&dns, &text, record, size))
        need(text.size == dns->payload_size);
    decode_connection(&connection, record, size);
    decode_access(&access, record, size);
    decode_exit(&ended, record, size);
    decode_fork(&fork, record, size);
    free(record);
    return 0;
}
