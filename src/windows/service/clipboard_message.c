/* SPDX-License-Identifier: MIT */
#include "clipboard_message.h"
#include "utf16.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t move(void *to, uint32_t filled, uint32_t whole, const uint8_t **data, size_t *size)
{
    uint32_t count = *size < whole - filled ? (uint32_t)*size : whole - filled;

    memcpy((uint8_t *)to + filled, *data, count);
    *data += count;
    *size -= count;
    return filled + count;
}

static bool is_sound(const struct clipboard_header *header)
{
    return header->magic == CLIPBOARD_MAGIC && !header->reserved && header->size && header->size % 2 == 0 && header->size <= CLIPBOARD_TEXT_LIMIT;
}

int clipboard_stream_take(struct clipboard_stream *stream, const uint8_t **data, size_t *size)
{
    if (stream->header_filled < sizeof(stream->header)) {
        stream->header_filled = move(&stream->header, stream->header_filled, sizeof(stream->header), data, size);
        if (stream->header_filled < sizeof(stream->header))
            return 0;
        if (!is_sound(&stream->header))
            return -EBADMSG;
    }
    if (!stream->text)
        stream->text = malloc(stream->header.size);
    if (!stream->text)
        return -ENOMEM;
    stream->text_filled = move(stream->text, stream->text_filled, stream->header.size, data, size);
    return stream->text_filled == stream->header.size;
}

void clipboard_stream_next(struct clipboard_stream *stream)
{
    free(stream->text);
    memset(stream, 0, sizeof(*stream));
}

uint32_t clipboard_text_size(const void *block, size_t size)
{
    size_t units = size / 2;

    if (units > CLIPBOARD_TEXT_LIMIT / 2)
        units = CLIPBOARD_TEXT_LIMIT / 2;
    return (uint32_t)(2 * utf16_length(block, units));
}

/* 0 characters: no address. Little-endian family in front; IPv4 two bytes further in than IPv6. */
static int address_text(char out[48], const uint8_t *data, size_t size)
{
    const uint8_t *a = data + 4;

    if (size < 24)
        return 0;
    if (data[0] == 2 && !data[1] && !data[2] && !data[3])
        return snprintf(out, 48, "%u.%u.%u.%u", a[2], a[3], a[4], a[5]);
    if (data[0] == 23 && !data[1] && !data[2] && !data[3])
        return snprintf(out, 48, "%02X%02X:%02X%02X:%02X%02X:%02X%02X:%02X%02X:%02X%02X:%02X%02X:%02X%02X", a[0], a[1], a[2], a[3], a[4],
                        a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15]);
    return 0;
}

struct match_text clipboard_client_info(struct pool *pool, struct match_text user, const uint8_t *address, size_t address_size,
                                        struct match_text host)
{
    size_t capacity = (size_t)user.size + host.size + 96;
    char *out = pool_take(pool, capacity), ip[48] = "";
    size_t size = 0;

    if (!out)
        return (struct match_text){ NULL, 0 };
    if (user.size)
        size += (size_t)snprintf(out, capacity, "user: %.*s", (int)user.size, user.data);
    if (address_text(ip, address, address_size))
        size += (size_t)snprintf(out + size, capacity - size, "%sip: %s", size ? " " : "", ip);
    if (host.size)
        size += (size_t)snprintf(out + size, capacity - size, "%shostname: %.*s", size ? " " : "", (int)host.size, host.data);
    return (struct match_text){ out, (uint32_t)size };
}
