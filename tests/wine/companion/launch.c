/* SPDX-License-Identifier: MIT */
/* launch.exe PROGRAM [ARGUMENT…]: runs a program with hook.dll, which lies beside this file, in it. Exit code: the program's. */
#include <windows.h>

#include <stdio.h>
#include <wchar.h>

int wmain(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
    STARTUPINFOW startup = { sizeof(startup) };
    PROCESS_INFORMATION process;
    wchar_t path[MAX_PATH], *command = GetCommandLineW(), *slash;
    DWORD code = 0;

    (void)argv;
    GetModuleFileNameW(NULL, path, MAX_PATH);
    slash = wcsrchr(path, L'\\');
    wcscpy(slash ? slash + 1 : path, L"hook.dll");
    if (argc < 2 || !LoadLibraryW(path)) /* from now on our children are hooked */
        return 1;
    if (*command == L'"') /* skip our own name */
        command = wcschr(command + 1, L'"') + 1;
    else
        command += wcscspn(command, L" ");
    command += wcsspn(command, L" ");
    if (!CreateProcessW(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process)) {
        fprintf(stderr, "launch: error %lu\n", GetLastError());
        return 1;
    }
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    return (int)code;
}
