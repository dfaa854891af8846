/* SPDX-License-Identifier: MIT */
/*
 * Destinations that can make a writer wait: pipes, terminals, sockets. Every wait ends when the waker is woken (on Windows:
 * after at most STREAM_TIMEOUT). Functions return 0 or a negative errno; -ECANCELED: woken.
 */
#pragma once

#include "port/log_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_TIMEOUT 10000 /* milliseconds to connect, or for a peer to take anything */

struct port_waker; /* once woken it stays so until it is reset */

int waker_open(struct port_waker **out);
void waker_close(struct port_waker *waker);
void waker_wake(struct port_waker *waker);
void waker_reset(struct port_waker *waker);

struct port_stream;

enum stream_kind { STREAM_UDP, STREAM_TCP, STREAM_UNIX, STREAM_UNIX_DATAGRAM };

/*
 * UDP and TCP: host name or address, and port. UNIX kinds: `host` is the path, `port` is NULL. Name resolution cannot be
 * interrupted.
 */
int stream_connect(struct port_stream **out, enum stream_kind kind, const char *host, const char *port, struct port_waker *waker);
/* Standard output if it is not an ordinary file; -ENOTTY when it is. */
int stream_standard_output(struct port_stream **out);
void stream_close(struct port_stream *stream);

/* Sends the slices whole and in order; `*written` also counts on failure. */
int stream_send(struct port_stream *stream, const struct file_slice *slices, unsigned count, struct port_waker *waker, size_t *written);
/* The slices as one datagram. -EMSGSIZE: too long for this socket. */
int stream_send_datagram(struct port_stream *stream, const struct file_slice *slices, unsigned count, struct port_waker *waker);
/* The same over a UNIX datagram socket for what is too long for it: as a sealed memory file, passed as a descriptor. */
int stream_send_memory(struct port_stream *stream, const struct file_slice *slices, unsigned count, struct port_waker *waker);
/* Has the peer closed its end? What is sent then would be lost without an error. */
bool stream_peer_closed(struct port_stream *stream);
/* User id of the process at the other end of a UNIX socket when it began to listen. -ENOTSUP elsewhere. */
int stream_peer_user(struct port_stream *stream, uint32_t *user);
