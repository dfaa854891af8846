/* SPDX-License-Identifier: MIT */
/*
 * Reads complete in the order in which they were sent, because the driver hands its oldest records to its oldest request: so waiting
 * for the oldest read keeps the records in order however many are outstanding.
 */
#include "driver_client.h"
#include "system.h"
#include "wide.h"

#include <stdlib.h>
#include <string.h>

#define READS 4

struct read {
    OVERLAPPED overlapped;
    uint8_t *buffer; /* WIRE_MAX_EVENT_SIZE bytes */
    DWORD error;     /* it failed at once with this */
    bool sent;
};

struct driver_client {
    HANDLE device;
    struct read reads[READS];
    unsigned oldest;
    bool holding; /* the oldest read's buffer is with the caller */
};

/* One request that is answered soon; each call has its own event. */
static DWORD request(HANDLE device, DWORD code, const void *in, DWORD in_size, void *out, DWORD out_size, DWORD *got)
{
    OVERLAPPED overlapped = { .hEvent = CreateEventW(NULL, TRUE, FALSE, NULL) };
    DWORD error = ERROR_SUCCESS;

    if (!overlapped.hEvent)
        return GetLastError();
    if (!DeviceIoControl(device, code, (void *)in, in_size, out, out_size, NULL, &overlapped))
        error = GetLastError();
    if (error == ERROR_SUCCESS || error == ERROR_IO_PENDING)
        error = GetOverlappedResult(device, &overlapped, got, TRUE) ? ERROR_SUCCESS : GetLastError();
    CloseHandle(overlapped.hEvent);
    return error;
}

static DWORD open_device(const wchar_t *name, HANDLE *out)
{
    wchar_t *path = wide_format(L"\\\\.\\%ls", name);
    DWORD error = ERROR_OUTOFMEMORY;

    if (!path)
        return error;
    *out = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                       FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
    error = *out == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    free(path);
    return error;
}

static DWORD handshake(HANDLE device, uint32_t *version)
{
    uint32_t answer = 0;
    DWORD got = 0, error = request(device, WIRE_IOCTL_GET_VERSION, NULL, 0, &answer, sizeof(answer), &got);

    if (error)
        return error;
    if (version)
        *version = answer;
    return got == sizeof(answer) && answer == WIRE_VERSION ? ERROR_SUCCESS : ERROR_REVISION_MISMATCH;
}

static DWORD make_reads(struct driver_client *client)
{
    for (unsigned i = 0; i < READS; i++) {
        client->reads[i].overlapped.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
        client->reads[i].buffer = malloc(WIRE_MAX_EVENT_SIZE);
        if (!client->reads[i].overlapped.hEvent || !client->reads[i].buffer)
            return ERROR_OUTOFMEMORY;
    }
    return ERROR_SUCCESS;
}

static void send_read(struct driver_client *client, struct read *read)
{
    HANDLE event = read->overlapped.hEvent;

    memset(&read->overlapped, 0, sizeof(read->overlapped));
    read->overlapped.hEvent = event;
    read->error = ERROR_SUCCESS;
    read->sent = true;
    if (!DeviceIoControl(client->device, WIRE_IOCTL_READ_EVENT, NULL, 0, read->buffer, WIRE_MAX_EVENT_SIZE, NULL,
                         &read->overlapped))
        read->error = GetLastError();
    if (read->error == ERROR_IO_PENDING)
        read->error = ERROR_SUCCESS;
}

DWORD driver_client_open(struct driver_client **out, const wchar_t *name, uint32_t *version)
{
    struct driver_client *client = calloc(1, sizeof(*client));
    DWORD error = ERROR_OUTOFMEMORY;

    if (!client)
        return error;
    client->device = INVALID_HANDLE_VALUE;
    error = open_device(name, &client->device);
    if (!error)
        error = make_reads(client);
    if (!error)
        error = handshake(client->device, version);
    if (error) {
        driver_client_close(client);
        return error;
    }
    for (unsigned i = 0; i < READS; i++)
        send_read(client, &client->reads[i]);
    *out = client;
    return ERROR_SUCCESS;
}

void driver_client_close(struct driver_client *client)
{
    BOOL(WINAPI *cancel)(HANDLE, OVERLAPPED *) = system_function("kernel32.dll", "CancelIoEx");
    DWORD got;

    if (!client)
        return;
    /* CancelIo reaches this thread's requests only; the newer call, where it exists, reaches all */
    if (client->device != INVALID_HANDLE_VALUE) {
        if (cancel)
            cancel(client->device, NULL);
        else
            CancelIo(client->device);
    }
    for (unsigned i = 0; i < READS; i++) {
        struct read *read = &client->reads[i];

        if (read->sent && !read->error)
            GetOverlappedResult(client->device, &read->overlapped, &got, TRUE); /* the kernel still writes there until now */
        if (read->overlapped.hEvent)
            CloseHandle(read->overlapped.hEvent);
        free(read->buffer);
    }
    if (client->device != INVALID_HANDLE_VALUE)
        CloseHandle(client->device);
    free(client);
}

DWORD driver_client_read(struct driver_client *client, HANDLE stop, const void **data, DWORD *size)
{
    struct read *read = &client->reads[client->oldest];
    HANDLE waits[2] = { stop, read->overlapped.hEvent };

    if (client->holding) {
        send_read(client, read);
        client->oldest = (client->oldest + 1) % READS;
        read = &client->reads[client->oldest];
        waits[1] = read->overlapped.hEvent;
        client->holding = false;
    }
    if (read->error)
        return read->error;
    if (WaitForMultipleObjects(2, waits, FALSE, INFINITE) != WAIT_OBJECT_0 + 1)
        return ERROR_OPERATION_ABORTED;
    read->sent = false;
    if (!GetOverlappedResult(client->device, &read->overlapped, size, FALSE))
        return GetLastError();
    client->holding = true;
    *data = read->buffer;
    return ERROR_SUCCESS;
}

DWORD driver_client_update(struct driver_client *client)
{
    DWORD got;

    return request(client->device, WIRE_IOCTL_UPDATE_CONFIG, NULL, 0, NULL, 0, &got);
}

DWORD driver_client_query(struct driver_client *client, uint32_t pid, void *buffer, DWORD capacity, DWORD *size)
{
    const struct wire_update_cache in = { pid, 1 };

    return request(client->device, WIRE_IOCTL_PROCESS_CACHE, &in, sizeof(in), buffer, capacity, size);
}

DWORD driver_client_verdict(struct driver_client *client, uint32_t tracker, enum wire_verdict_result result)
{
    const struct wire_verdict in = { tracker, result };
    DWORD got;

    return request(client->device, WIRE_IOCTL_FILE_DELETE_FILTER_RESULT, &in, sizeof(in), NULL, 0, &got);
}

DWORD driver_notify(const wchar_t *name)
{
    HANDLE device;
    DWORD got, error = open_device(name, &device);

    if (error)
        return error;
    error = request(device, WIRE_IOCTL_UPDATE_CONFIG, NULL, 0, NULL, 0, &got);
    CloseHandle(device);
    return error;
}
