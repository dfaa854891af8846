/* SPDX-License-Identifier: MIT */
#include "stats_pipe.h"
#include "monitor_core.h"
#include "wide.h"

#include "sysmon/stats.h"

#include <errno.h>
#include <sddl.h>
#include <stdlib.h>
#include <string.h>

#define PIPE_SDDL L"O:SYG:SYD:P(A;;FA;;;SY)(A;;FA;;;BA)"
#define REJECT_REMOTE 8 /* PIPE_REJECT_REMOTE_CLIENTS */
#define REQUEST_LIMIT 32
#define ANSWER_LIMIT (16u << 20)
#define WAIT_LIMIT 10000 /* milliseconds for a client, and for the worker's answer */

struct stats_pipe {
    struct monitor *monitor;
    HANDLE pipe, stop, io, answered, thread;
    char *text; /* of the worker */
    size_t size;
    enum stats_format format;
};

static wchar_t *pipe_name(const wchar_t *service)
{
    return wide_format(L"\\\\.\\pipe\\OpenSysmon-%ls-stats", service);
}

/* On the worker thread: no event, only the answer. */
static int make_answer(struct monitor *monitor, struct pool *pool, void *data, size_t size, struct event *out)
{
    struct stats_pipe *pipe = *(struct stats_pipe **)data;
    struct stats *stats = stats_create();

    if (stats) {
        monitor_add_stats(monitor, stats);
        stats_render(stats, pipe->format, &pipe->text, &pipe->size);
        stats_destroy(stats);
    }
    SetEvent(pipe->answered);
    return -ENOENT;
}

/* Finishes an overlapped request, unless the pipe is to be closed or the client is too slow. */
static bool finish(struct stats_pipe *pipe, BOOL done, OVERLAPPED *overlapped, DWORD limit, DWORD *size)
{
    const HANDLE waits[2] = { pipe->stop, pipe->io };

    if (!done && GetLastError() != ERROR_IO_PENDING)
        return GetLastError() == ERROR_PIPE_CONNECTED;
    if (WaitForMultipleObjects(2, waits, FALSE, limit) == WAIT_OBJECT_0 + 1)
        return GetOverlappedResult(pipe->pipe, overlapped, size, FALSE);
    CancelIo(pipe->pipe);
    GetOverlappedResult(pipe->pipe, overlapped, size, TRUE);
    return false;
}

static bool transfer(struct stats_pipe *pipe, bool write, void *data, DWORD *size)
{
    OVERLAPPED overlapped = { .hEvent = pipe->io };
    BOOL done = write ? WriteFile(pipe->pipe, data, *size, NULL, &overlapped) : ReadFile(pipe->pipe, data, *size, NULL, &overlapped);

    return finish(pipe, done, &overlapped, WAIT_LIMIT, size);
}

static void answer(struct stats_pipe *pipe)
{
    static char unknown[] = "ERROR unknown format", busy[] = "ERROR the monitor does not answer";
    char request[REQUEST_LIMIT + 1];
    DWORD size = REQUEST_LIMIT;

    if (!transfer(pipe, false, request, &size))
        return;
    request[size] = 0;
    if (stats_format_parse(request, &pipe->format)) {
        size = sizeof(unknown) - 1;
        transfer(pipe, true, unknown, &size);
        return;
    }
    ResetEvent(pipe->answered);
    if (!work_queue_push(&pipe->monitor->queue, make_answer, &pipe, sizeof(pipe), false) ||
        WaitForSingleObject(pipe->answered, INFINITE) || !pipe->text) {
        size = sizeof(busy) - 1;
        transfer(pipe, true, busy, &size);
        return;
    }
    size = (DWORD)pipe->size;
    if (transfer(pipe, true, pipe->text, &size))
        FlushFileBuffers(pipe->pipe);
    free(pipe->text);
    pipe->text = NULL;
}

static DWORD WINAPI serve(void *context)
{
    struct stats_pipe *pipe = context;

    while (WaitForSingleObject(pipe->stop, 0) != WAIT_OBJECT_0) {
        OVERLAPPED overlapped = { .hEvent = pipe->io };
        DWORD size;

        if (finish(pipe, ConnectNamedPipe(pipe->pipe, &overlapped), &overlapped, INFINITE, &size))
            answer(pipe);
        DisconnectNamedPipe(pipe->pipe);
    }
    return 0;
}

static HANDLE create(const wchar_t *service)
{
    SECURITY_ATTRIBUTES security = { sizeof(security), NULL, FALSE };
    wchar_t *name = pipe_name(service);
    HANDLE pipe = INVALID_HANDLE_VALUE;

    if (name && ConvertStringSecurityDescriptorToSecurityDescriptorW(PIPE_SDDL, SDDL_REVISION_1, &security.lpSecurityDescriptor, NULL)) {
        pipe = CreateNamedPipeW(name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                                PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | REJECT_REMOTE, 1, 65536, 4096, 0, &security);
        if (pipe == INVALID_HANDLE_VALUE && GetLastError() == ERROR_INVALID_PARAMETER) /* NT 5.x knows no REJECT_REMOTE */
            pipe = CreateNamedPipeW(name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                                    PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 1, 65536, 4096, 0, &security);
        LocalFree(security.lpSecurityDescriptor);
    }
    free(name);
    return pipe;
}

DWORD stats_pipe_open(struct stats_pipe **out, struct monitor *monitor, const wchar_t *name)
{
    struct stats_pipe *pipe = calloc(1, sizeof(*pipe));
    DWORD error = ERROR_SUCCESS;

    if (!pipe)
        return ERROR_OUTOFMEMORY;
    pipe->monitor = monitor;
    pipe->pipe = create(name);
    if (pipe->pipe == INVALID_HANDLE_VALUE) {
        error = GetLastError();
        free(pipe);
        return error;
    }
    pipe->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    pipe->io = CreateEventW(NULL, TRUE, FALSE, NULL);
    pipe->answered = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (pipe->stop && pipe->io && pipe->answered)
        pipe->thread = CreateThread(NULL, 0, serve, pipe, 0, NULL);
    if (!pipe->thread) {
        error = GetLastError();
        stats_pipe_close(pipe);
        return error;
    }
    *out = pipe;
    return ERROR_SUCCESS;
}

void stats_pipe_close(struct stats_pipe *pipe)
{
    if (!pipe)
        return;
    const HANDLE events[] = { pipe->stop, pipe->io, pipe->answered };

    if (pipe->thread) {
        SetEvent(pipe->stop);
        WaitForSingleObject(pipe->thread, INFINITE);
        CloseHandle(pipe->thread);
    }
    for (unsigned i = 0; i < 3; i++)
        if (events[i])
            CloseHandle(events[i]);
    CloseHandle(pipe->pipe);
    free(pipe->text);
    free(pipe);
}

DWORD stats_pipe_ask(const wchar_t *name, const char *format, char **text, size_t *size)
{
    wchar_t *path = pipe_name(name);
    HANDLE pipe = INVALID_HANDLE_VALUE;
    DWORD got = 0, error = ERROR_SUCCESS, mode = PIPE_READMODE_MESSAGE;
    char *out = NULL;

    if (path)
        pipe = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                           SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
    if (pipe == INVALID_HANDLE_VALUE)
        error = GetLastError();
    free(path);
    if (!error && !(out = malloc(ANSWER_LIMIT + 1)))
        error = ERROR_OUTOFMEMORY;
    if (!error && (!SetNamedPipeHandleState(pipe, &mode, NULL, NULL) || !WriteFile(pipe, format, (DWORD)strlen(format), &got, NULL) ||
                   !ReadFile(pipe, out, ANSWER_LIMIT, &got, NULL)))
        error = GetLastError();
    if (pipe != INVALID_HANDLE_VALUE)
        CloseHandle(pipe);
    if (error) {
        free(out);
        return error;
    }
    out[got] = 0;
    *text = out;
    *size = got;
    return ERROR_SUCCESS;
}
