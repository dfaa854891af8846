/* SPDX-License-Identifier: MIT */
#include "clipboard_process.h"
#include "random.h"
#include "system.h"
#include "wide.h"

#include <sddl.h>
#include <stdlib.h>
#include <string.h>

#define PIPE_BUFFER 65536
#define CONNECT_LIMIT 10000 /* milliseconds */
#define END_LIMIT 3000
#define REJECT_REMOTE_CLIENTS 8 /* Vista */

/* Full access for the account of this process, which is SYSTEM in the service, and for nobody else. Freed with LocalFree. */
static PSECURITY_DESCRIPTOR own_descriptor(void)
{
    struct {
        TOKEN_USER user;
        BYTE sid[SECURITY_MAX_SID_SIZE];
    } info;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    wchar_t *sid = NULL, *text = NULL;
    HANDLE token;
    DWORD size;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return NULL;
    if (GetTokenInformation(token, TokenUser, &info, sizeof(info), &size) && ConvertSidToStringSidW(info.user.User.Sid, &sid))
        text = wide_format(L"D:P(A;;FA;;;%ls)", sid);
    if (text)
        ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, &descriptor, NULL);
    free(text);
    if (sid)
        LocalFree(sid);
    CloseHandle(token);
    return descriptor;
}

/* A name that nobody can guess, so that nobody can be there first. */
static DWORD make_pipe(HANDLE *out, wchar_t name[33])
{
    SECURITY_ATTRIBUTES security = { sizeof(security), own_descriptor(), FALSE };
    DWORD mode = PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | (system_version() >= 0x0600 ? REJECT_REMOTE_CLIENTS : 0);
    BYTE random[16];
    wchar_t path[48];

    if (!security.lpSecurityDescriptor)
        return GetLastError() ? GetLastError() : ERROR_INVALID_SECURITY_DESCR;
    if (!random_bytes(random, sizeof(random))) {
        LocalFree(security.lpSecurityDescriptor);
        return ERROR_NOT_SUPPORTED;
    }
    for (unsigned i = 0; i < 16; i++)
        _snwprintf(name + 2 * i, 3, L"%02x", random[i]);
    _snwprintf(path, 48, L"\\\\.\\pipe\\%ls", name);
    *out = CreateNamedPipeW(path, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE, mode, 1, 0, PIPE_BUFFER,
                            CONNECT_LIMIT, &security);
    LocalFree(security.lpSecurityDescriptor);
    return *out == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
}

/*
 * The own token, without its privileges, in the other session: users there cannot reach into the helper, and it could do little if they
 * could.
 */
static DWORD make_token(HANDLE *out, DWORD session)
{
    HANDLE own, copy = NULL;
    DWORD here = 0, error = ERROR_SUCCESS;

    if (!OpenProcessToken(GetCurrentProcess(), MAXIMUM_ALLOWED, &own))
        return GetLastError();
    if (!CreateRestrictedToken(own, DISABLE_MAX_PRIVILEGE, 0, NULL, 0, NULL, 0, NULL, &copy))
        error = GetLastError();
    CloseHandle(own);
    if (error)
        return error;
    if ((!ProcessIdToSessionId(GetCurrentProcessId(), &here) || here != session) &&
        !SetTokenInformation(copy, TokenSessionId, &session, sizeof(session)))
        error = GetLastError();
    if (error)
        CloseHandle(copy);
    else
        *out = copy;
    return error;
}

static DWORD start_process(struct clipboard_process *p, HANDLE token, const wchar_t *pipe)
{
    wchar_t desktop[] = L"winsta0\\default", *program = system_program_path(), *line = NULL, *folder = system_windows_directory();
    STARTUPINFOW startup = { .cb = sizeof(startup), .lpDesktop = desktop };
    PROCESS_INFORMATION started;
    DWORD error = ERROR_OUTOFMEMORY;

    if (program && folder)
        line = wide_format(L"\"%ls\" -z %ls", program, pipe);
    if (line) {
        error = CreateProcessAsUserW(token, program, line, NULL, NULL, FALSE, CREATE_NO_WINDOW, NULL, folder, &startup, &started)
                    ? ERROR_SUCCESS : GetLastError();
    }
    if (!error) {
        CloseHandle(started.hThread);
        p->process = started.hProcess;
        p->pid = started.dwProcessId;
    }
    free(line);
    free(folder);
    free(program);
    return error;
}

/* Waits for an operation on the pipe; the helper's end and `stop` end the wait. */
static DWORD finish(struct clipboard_process *p, OVERLAPPED *operation, DWORD *got, DWORD limit, HANDLE stop)
{
    const HANDLE waits[3] = { operation->hEvent, stop, p->process };
    DWORD woken = WaitForMultipleObjects(3, waits, FALSE, limit);

    if (woken == WAIT_OBJECT_0 + 2 && WaitForSingleObject(operation->hEvent, 0) == WAIT_OBJECT_0)
        woken = WAIT_OBJECT_0; /* its last words */
    if (woken != WAIT_OBJECT_0)
        CancelIo(p->pipe);
    if (!GetOverlappedResult(p->pipe, operation, got, TRUE) && woken == WAIT_OBJECT_0)
        return GetLastError();
    return woken == WAIT_OBJECT_0       ? ERROR_SUCCESS
           : woken == WAIT_OBJECT_0 + 1 ? ERROR_CANCELLED
           : woken == WAIT_TIMEOUT      ? ERROR_TIMEOUT
                                        : ERROR_BROKEN_PIPE;
}

/* Only the process that we started may speak. Where the system cannot tell (before Vista), the pipe's access list alone decides. */
static DWORD authenticate(const struct clipboard_process *p)
{
    BOOL(WINAPI *client)(HANDLE, ULONG *) = system_function("kernel32.dll", "GetNamedPipeClientProcessId");
    ULONG pid = 0;

    if (!client)
        return ERROR_SUCCESS;
    if (!client(p->pipe, &pid))
        return GetLastError();
    return pid == p->pid ? ERROR_SUCCESS : ERROR_ACCESS_DENIED;
}

static DWORD accept_helper(struct clipboard_process *p, HANDLE stop)
{
    OVERLAPPED operation = { .hEvent = CreateEventW(NULL, TRUE, FALSE, NULL) };
    DWORD error = ERROR_SUCCESS, got;

    if (!operation.hEvent)
        return GetLastError();
    if (!ConnectNamedPipe(p->pipe, &operation)) {
        error = GetLastError();
        if (error == ERROR_IO_PENDING)
            error = finish(p, &operation, &got, CONNECT_LIMIT, stop);
        else if (error == ERROR_PIPE_CONNECTED)
            error = ERROR_SUCCESS;
    }
    CloseHandle(operation.hEvent);
    return error ? error : authenticate(p);
}

DWORD clipboard_process_start(struct clipboard_process *out, DWORD session, HANDLE stop)
{
    struct clipboard_process p = { 0 };
    HANDLE token = NULL;
    wchar_t name[33];
    DWORD error = make_pipe(&p.pipe, name);

    if (error)
        return error;
    error = make_token(&token, session);
    if (!error)
        error = start_process(&p, token, name);
    if (!error)
        error = accept_helper(&p, stop);
    if (token)
        CloseHandle(token);
    if (error)
        clipboard_process_stop(&p);
    else
        *out = p;
    return error;
}

DWORD clipboard_process_read(struct clipboard_process *p, void *data, DWORD size, DWORD *got, HANDLE stop)
{
    OVERLAPPED operation = { .hEvent = CreateEventW(NULL, TRUE, FALSE, NULL) };
    DWORD error = ERROR_SUCCESS;

    if (!operation.hEvent)
        return GetLastError();
    *got = 0;
    if (!ReadFile(p->pipe, data, size, NULL, &operation) && GetLastError() != ERROR_IO_PENDING)
        error = GetLastError();
    else
        error = finish(p, &operation, got, INFINITE, stop);
    CloseHandle(operation.hEvent);
    return error;
}

void clipboard_process_stop(struct clipboard_process *p)
{
    if (p->pipe)
        CloseHandle(p->pipe);
    if (p->process) {
        if (WaitForSingleObject(p->process, 0) == WAIT_TIMEOUT)
            TerminateProcess(p->process, 0); /* it holds nothing that could be damaged */
        WaitForSingleObject(p->process, END_LIMIT);
        CloseHandle(p->process);
    }
    memset(p, 0, sizeof(*p));
}
