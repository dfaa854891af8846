/* SPDX-License-Identifier: MIT */
/* Sockets block here, for at most STREAM_TIMEOUT: Winsock cannot wait for a socket and an event without a thread more. */
#include "port/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <winsock2.h>
#include <ws2tcpip.h>

struct port_waker {
    volatile LONG woken;
};

struct port_stream {
    SOCKET socket;
};

int waker_open(struct port_waker **out)
{
    struct port_waker *waker = calloc(1, sizeof(*waker));

    if (!waker)
        return -ENOMEM;
    *out = waker;
    return 0;
}

void waker_close(struct port_waker *waker)
{
    free(waker);
}

void waker_wake(struct port_waker *waker)
{
    InterlockedExchange(&waker->woken, 1);
}

void waker_reset(struct port_waker *waker)
{
    InterlockedExchange(&waker->woken, 0);
}

static int socket_error(void)
{
    switch (WSAGetLastError()) {
    case WSAECONNREFUSED: return -ECONNREFUSED;
    case WSAECONNRESET:
    case WSAECONNABORTED: return -ECONNRESET;
    case WSAETIMEDOUT: return -ETIMEDOUT;
    case WSAEMSGSIZE: return -EMSGSIZE;
    case WSAENOBUFS: return -ENOBUFS;
    case WSAEHOSTUNREACH:
    case WSAENETUNREACH:
    case WSAHOST_NOT_FOUND: return -EHOSTUNREACH;
    default: return -EIO;
    }
}

static int connect_any(SOCKET *out, int type, const struct addrinfo *list)
{
    static const DWORD timeout = STREAM_TIMEOUT;
    int error = -EHOSTUNREACH;

    for (const struct addrinfo *one = list; one; one = one->ai_next) {
        SOCKET new_socket = socket(one->ai_family, type, 0);
        if (new_socket == INVALID_SOCKET)
            continue;
        setsockopt(new_socket, SOL_SOCKET, SO_SNDTIMEO, (const char *)&timeout, sizeof(timeout));
        if (!connect(new_socket, one->ai_addr, (int)one->ai_addrlen)) {
            *out = new_socket;
            return 0;
        }
        error = socket_error();
        closesocket(new_socket);
    }
    return error;
}

int stream_connect(struct port_stream **out, enum stream_kind kind, const char *host, const char *port, struct port_waker *waker)
{
    int type = kind == STREAM_TCP ? SOCK_STREAM : SOCK_DGRAM, error;
    struct addrinfo hints = { .ai_socktype = type }, *list;
    struct port_stream *stream;
    WSADATA data;

    if (kind != STREAM_TCP && kind != STREAM_UDP)
        return -ENOTSUP;
    if (waker->woken)
        return -ECANCELED;
    if (WSAStartup(MAKEWORD(2, 2), &data) || getaddrinfo(host, port, &hints, &list))
        return -EHOSTUNREACH;
    stream = malloc(sizeof(*stream));
    error = stream ? connect_any(&stream->socket, type, list) : -ENOMEM;
    freeaddrinfo(list);
    if (error) {
        free(stream);
        return error;
    }
    *out = stream;
    return 0;
}

int stream_standard_output(struct port_stream **out)
{
    return -ENOTTY; /* written as a file */
}

void stream_close(struct port_stream *stream)
{
    if (!stream)
        return;
    closesocket(stream->socket);
    free(stream);
}

int stream_send(struct port_stream *stream, const struct file_slice *slices, unsigned count, struct port_waker *waker, size_t *written)
{
    *written = 0;
    for (unsigned i = 0; i < count; i++)
        for (size_t done = 0; done < slices[i].size;) {
            int result;
            if (waker->woken)
                return -ECANCELED;
            result = send(stream->socket, slices[i].data + done, (int)(slices[i].size - done), 0);
            if (result < 0)
                return socket_error();
            done += (size_t)result;
            *written += (size_t)result;
        }
    return 0;
}

int stream_send_datagram(struct port_stream *stream, const struct file_slice *slices, unsigned count, struct port_waker *waker)
{
    WSABUF buffers[8];
    DWORD sent;

    if (count > 8)
        return -EINVAL;
    for (unsigned i = 0; i < count; i++) {
        buffers[i].buf = (char *)slices[i].data;
        buffers[i].len = (ULONG)slices[i].size;
    }
    return WSASend(stream->socket, buffers, count, &sent, 0, NULL, NULL) ? socket_error() : 0;
}

int stream_send_memory(struct port_stream *stream, const struct file_slice *slices, unsigned count, struct port_waker *waker)
{
    return -ENOTSUP;
}

bool stream_peer_closed(struct port_stream *stream)
{
    u_long ready = 0;
    char byte;
    fd_set readable;
    struct timeval none = { 0, 0 };

    FD_ZERO(&readable);
    FD_SET(stream->socket, &readable);
    if (select(0, &readable, NULL, NULL, &none) <= 0)
        return false;
    return ioctlsocket(stream->socket, FIONREAD, &ready) || (!ready && recv(stream->socket, &byte, 1, MSG_PEEK) <= 0);
}

int stream_peer_user(struct port_stream *stream, uint32_t *user)
{
    return -ENOTSUP;
}
