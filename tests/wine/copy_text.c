/* SPDX-License-Identifier: MIT */
/* copy_text FORMAT TEXT: a program that puts a text on the clipboard (1 CF_TEXT, 7 CF_OEMTEXT, 13 CF_UNICODETEXT), and waits a little. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

int wmain(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
    UINT format = argc == 3 ? (UINT)wcstoul(argv[1], NULL, 10) : 0;
    size_t size = format == CF_UNICODETEXT ? (wcslen(argv[2]) + 1) * sizeof(wchar_t) : format ? wcslen(argv[2]) + 1 : 0;
    HWND window = CreateWindowExW(0, L"STATIC", L"", 0, 0, 0, 0, 0, HWND_MESSAGE, NULL, GetModuleHandleW(NULL), NULL);
    HGLOBAL block = size ? GlobalAlloc(GMEM_MOVEABLE, size) : NULL;
    ULONGLONG until = GetTickCount64() + 3000;
    void *data = block ? GlobalLock(block) : NULL;
    MSG message;

    if (!data || !window)
        return 2;
    if (format == CF_UNICODETEXT)
        memcpy(data, argv[2], size);
    else
        snprintf(data, size, "%ls", argv[2]);
    GlobalUnlock(block);
    if (!OpenClipboard(window) || !EmptyClipboard() || !SetClipboardData(format, block) || !CloseClipboard())
        return 1;
    printf("%lu\n", GetCurrentProcessId());
    /* the owner answers when its text is asked for */
    while (GetTickCount64() < until) {
        MsgWaitForMultipleObjects(0, NULL, FALSE, 100, QS_ALLINPUT);
        while (PeekMessageW(&message, NULL, 0, 0, PM_REMOVE))
            DispatchMessageW(&message);
    }
    return 0;
}
