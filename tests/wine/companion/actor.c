/* SPDX-License-Identifier: MIT */
/* actor.exe WHAT: does what few small Windows programs do, so that it can be seen. Exit code 0: done. */
#include <windows.h>

#include <stdio.h>
#include <string.h>

static int fail(const char *what)
{
    fprintf(stderr, "actor: %s: error %lu\n", what, GetLastError());
    return 1;
}

/* Makes a pipe and connects to it. */
static int pipes(void)
{
    HANDLE server = CreateNamedPipeW(L"\\\\.\\pipe\\sysmon-actor", PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, 1, 512, 512, 0, NULL), client;

    if (server == INVALID_HANDLE_VALUE)
        return fail("pipe");
    client = CreateFileW(L"\\\\.\\pipe\\sysmon-actor", GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (client == INVALID_HANDLE_VALUE)
        return fail("connect");
    CloseHandle(client);
    CloseHandle(server);
    return 0;
}

/* Starts another program, opens it and makes a thread in it. */
static int intrude(void)
{
    wchar_t command[] = L"winecfg.exe /?"; /* stays suspended: what it is does not matter */
    STARTUPINFOW startup = { .cb = sizeof(startup) };
    PROCESS_INFORMATION process;
    HANDLE opened, thread;

    if (!CreateProcessW(NULL, command, NULL, NULL, FALSE, CREATE_SUSPENDED, NULL, NULL, &startup, &process))
        return fail("start");
    opened = OpenProcess(PROCESS_QUERY_INFORMATION | PROCESS_VM_READ | PROCESS_CREATE_THREAD | PROCESS_VM_OPERATION, FALSE,
                         process.dwProcessId);
    if (!opened)
        return fail("open");
    thread = CreateRemoteThread(opened, NULL, 0, (LPTHREAD_START_ROUTINE)(void *)GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "Sleep"),
                                NULL, 0, NULL);
    if (!thread)
        return fail("thread");
    WaitForSingleObject(thread, 5000);
    TerminateProcess(process.hProcess, 0);
    return 0;
}

static int file_time(void)
{
    FILETIME past = { 0, 0x01C00000 };
    HANDLE file = CreateFileW(L"C:\\made-old.txt", GENERIC_WRITE | FILE_WRITE_ATTRIBUTES, 0, NULL, CREATE_ALWAYS, 0, NULL);

    if (file == INVALID_HANDLE_VALUE || !SetFileTime(file, &past, NULL, NULL))
        return fail("time");
    CloseHandle(file);
    return 0;
}

static int rename_key(void)
{
    LONG(WINAPI *rename)(HKEY, LPCWSTR, LPCWSTR) = (void *)GetProcAddress(GetModuleHandleW(L"advapi32.dll"), "RegRenameKey");
    HKEY key;
    LONG error;

    if (!rename)
        return fail("no RegRenameKey");
    RegCreateKeyExW(HKEY_LOCAL_MACHINE, L"Software\\SysmonOld", 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL);
    error = rename(key, NULL, L"SysmonNew");
    SetLastError((DWORD)error);
    return error ? fail("rename") : 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "pipes"))
        return pipes();
    if (argc == 2 && !strcmp(argv[1], "intrude"))
        return intrude();
    if (argc == 2 && !strcmp(argv[1], "time"))
        return file_time();
    if (argc == 2 && !strcmp(argv[1], "rename"))
        return rename_key();
    return 87;
}
