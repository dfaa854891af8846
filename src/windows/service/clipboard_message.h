/* SPDX-License-Identifier: MIT */
/*
 * What the helper in a session sends to the service, and what the event makes of it. The helper reads what any program put on the
 * clipboard: its bytes are not trusted. Portable.
 */
#pragma once

#include "translate.h"

#define CLIPBOARD_TEXT_LIMIT (4u << 20) /* bytes; longer text is cut */
#define CLIPBOARD_MAGIC 0x50494C43u

/* In front of the text: UTF-16 little-endian without terminator. Both ends are the same program. */
struct clipboard_header {
    uint32_t magic, owner_pid, size; /* size of the text in bytes, even, not 0 */
    uint32_t reserved;
};

/* Reassembles messages from pieces of a pipe's bytes. Zero-initialised is empty. */
struct clipboard_stream {
    struct clipboard_header header;
    uint32_t header_filled, text_filled;
    uint8_t *text;
};

/*
 * Takes bytes from the front of `*data`. 1: a message is whole (`header`, `text`; call clipboard_stream_next before going on); 0: all
 * taken, more is needed; -EBADMSG: no such message, the stream is useless; -ENOMEM.
 */
int clipboard_stream_take(struct clipboard_stream *stream, const uint8_t **data, size_t *size);
/* Ready for the next message. Also frees. */
void clipboard_stream_next(struct clipboard_stream *stream);

/* Bytes of the text in a block of CF_UNICODETEXT: up to its terminator, which may be missing; at most CLIPBOARD_TEXT_LIMIT. */
uint32_t clipboard_text_size(const void *block, size_t size);

/*
 * Text of ClientInfo: `user: U ip: A hostname: H`, the last two for remote sessions (spec 09 section 8.1). `address` is a
 * WTS_CLIENT_ADDRESS, any size; what is missing is left out.
 */
struct match_text clipboard_client_info(struct pool *pool, struct match_text user, const uint8_t *address, size_t address_size,
                                        struct match_text host);
