/* SPDX-License-Identifier: MIT */
#include "port/host.h"

#include <stdio.h>
#include <windows.h>
#include <sddl.h>

void host_name(char *out, size_t size)
{
    WCHAR wide[256];
    DWORD length = sizeof(wide) / sizeof(wide[0]);

    if (!GetComputerNameExW(ComputerNameDnsFullyQualified, wide, &length) ||
        !WideCharToMultiByte(CP_UTF8, 0, wide, -1, out, (int)size, NULL, NULL))
        snprintf(out, size, "-");
}

void host_user(char *out, size_t size)
{
    union {
        TOKEN_USER user;
        char space[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } info;
    char *text = NULL;
    HANDLE token;
    DWORD length;

    snprintf(out, size, "S-1-0-0");
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return;
    if (GetTokenInformation(token, TokenUser, &info, sizeof(info), &length) && ConvertSidToStringSidA(info.user.User.Sid, &text)) {
        snprintf(out, size, "%s", text);
        LocalFree(text);
    }
    CloseHandle(token);
}

uint32_t host_process_id(void)
{
    return GetCurrentProcessId();
}

uint32_t host_thread_id(void)
{
    return GetCurrentThreadId();
}

int host_console_width(void)
{
    CONSOLE_SCREEN_BUFFER_INFO info;

    if (!GetConsoleScreenBufferInfo(GetStdHandle(STD_ERROR_HANDLE), &info) &&
        !GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &info))
        return 0;
    return info.srWindow.Right - info.srWindow.Left + 1;
}

bool host_is_root(void)
{
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof(sid);
    BOOL member = FALSE;

    return CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, sid, &size) && CheckTokenMembership(NULL, sid, &member) && member;
}
