/* SPDX-License-Identifier: MIT */
/*
 * DNS over TCP: segments of both directions of a socket, put in order and cut into messages (two bytes of length before
 * each). Segments may come again, overlap and overtake each other; bounded in streams and bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_STREAMS 256        /* the least recently used gives way */
#define DNS_STREAM_WINDOW 16384 /* of a longer message the beginning is taken */

struct dns_streams;

/* `size`: of the message, as much of it as there is. */
typedef void dns_message_function(void *context, const uint8_t *message, size_t size);

int dns_streams_create(struct dns_streams **out);
void dns_streams_destroy(struct dns_streams *streams);
/*
 * `sequence` is that of the first byte. Calls `message` for every message that is complete. -ENOMEM: the segment is lost.
 */
int dns_streams_add(struct dns_streams *streams, uint64_t socket, bool outgoing, uint32_t sequence, const uint8_t *data,
                    size_t size, dns_message_function *message, void *context);
