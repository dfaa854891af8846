/* SPDX-License-Identifier: MIT */
#include "clipboard_helper.h"
#include "clipboard_message.h"
#include "system.h"
#include "wide.h"

#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define MESSAGE_UPDATE 0x031D /* WM_CLIPBOARDUPDATE */
#define QUIET 80              /* milliseconds: programs set several formats one after the other */
#define OPEN_ATTEMPTS 10      /* while another program has the clipboard open */
#define PING 5000             /* milliseconds between looks whether the service is still there */
#define TIMER_READ 1
#define TIMER_PING 2

/* user32 is not needed by the service itself. */
static struct {
    HWND(WINAPI *viewer)(HWND);
    BOOL(WINAPI *leave)(HWND, HWND);
    BOOL(WINAPI *listen)(HWND); /* Vista */
    BOOL(WINAPI *unlisten)(HWND);
    HWND(WINAPI *owner)(void);
    DWORD(WINAPI *window_process)(HWND, DWORD *);
    BOOL(WINAPI *open)(HWND);
    BOOL(WINAPI *close)(void);
    HANDLE(WINAPI *data)(UINT);
    BOOL(WINAPI *available)(UINT);
    LRESULT(WINAPI *send)(HWND, UINT, WPARAM, LPARAM);
    LRESULT(WINAPI *proc)(HWND, UINT, WPARAM, LPARAM);
    UINT_PTR(WINAPI *set_timer)(HWND, UINT_PTR, UINT, TIMERPROC);
    BOOL(WINAPI *kill_timer)(HWND, UINT_PTR);
    void(WINAPI *quit)(int);
    ATOM(WINAPI *register_class)(const WNDCLASSW *);
    HWND(WINAPI *create)(DWORD, LPCWSTR, LPCWSTR, DWORD, int, int, int, int, HWND, HMENU, HINSTANCE, void *);
    BOOL(WINAPI *destroy)(HWND);
    BOOL(WINAPI *message)(MSG *, HWND, UINT, UINT);
    LRESULT(WINAPI *dispatch)(const MSG *);
} user;

static HANDLE pipe;
static HWND next_viewer;
static bool in_chain;
static DWORD owner_pid;

static bool load_user(void)
{
    static const struct {
        const char *name;
        void *where;
    } functions[] = {
        { "SetClipboardViewer", &user.viewer }, { "ChangeClipboardChain", &user.leave }, { "GetClipboardOwner", &user.owner },
        { "GetWindowThreadProcessId", &user.window_process }, { "OpenClipboard", &user.open }, { "CloseClipboard", &user.close },
        { "GetClipboardData", &user.data }, { "IsClipboardFormatAvailable", &user.available }, { "SendMessageW", &user.send },
        { "DefWindowProcW", &user.proc }, { "SetTimer", &user.set_timer }, { "KillTimer", &user.kill_timer },
        { "PostQuitMessage", &user.quit }, { "RegisterClassW", &user.register_class }, { "CreateWindowExW", &user.create },
        { "DestroyWindow", &user.destroy }, { "GetMessageW", &user.message }, { "DispatchMessageW", &user.dispatch },
    };

    for (unsigned i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *function = system_function("user32.dll", functions[i].name);

        if (!function)
            return false;
        memcpy(functions[i].where, &function, sizeof(function));
    }
    user.listen = system_function("user32.dll", "AddClipboardFormatListener");
    user.unlisten = system_function("user32.dll", "RemoveClipboardFormatListener");
    return true;
}

static bool write_all(const void *data, DWORD size)
{
    DWORD written;

    for (const BYTE *at = data; size; at += written, size -= written)
        if (!WriteFile(pipe, at, size, &written, NULL) || !written)
            return false;
    return true;
}

/* A service that is gone ends the helper. */
static void send_text(const uint8_t *text, uint32_t size)
{
    const struct clipboard_header header = { CLIPBOARD_MAGIC, owner_pid, size, 0 };

    if (size && (!write_all(&header, sizeof(header)) || !write_all(text, size)))
        user.quit(0);
}

/* CF_TEXT and CF_OEMTEXT as UTF-16, to be freed; for systems that do not convert them by themselves. */
static wchar_t *widen(UINT format, const char *block, size_t size, uint32_t *bytes)
{
    UINT page = format == CF_OEMTEXT ? CP_OEMCP : CP_ACP;
    int length = (int)strnlen(block, size < CLIPBOARD_TEXT_LIMIT / 2 ? size : CLIPBOARD_TEXT_LIMIT / 2);
    int units = length ? MultiByteToWideChar(page, 0, block, length, NULL, 0) : 0;
    wchar_t *wide = units > 0 ? malloc((size_t)units * sizeof(*wide)) : NULL;

    if (wide)
        *bytes = (uint32_t)MultiByteToWideChar(page, 0, block, length, wide, units) * 2;
    return wide;
}

/* The clipboard is held for the copy only. */
static void *copy_text(UINT format, uint32_t *size)
{
    HANDLE handle = user.data(format);
    const void *block = handle ? GlobalLock(handle) : NULL;
    void *copy = NULL;

    *size = 0;
    if (!block)
        return NULL;
    if (format != CF_UNICODETEXT) {
        copy = widen(format, block, GlobalSize(handle), size);
    } else {
        *size = clipboard_text_size(block, GlobalSize(handle));
        copy = *size ? malloc(*size) : NULL;
        if (copy)
            memcpy(copy, block, *size);
    }
    GlobalUnlock(handle);
    return copy;
}

static void read_clipboard(HWND window)
{
    static const UINT formats[] = { CF_UNICODETEXT, CF_TEXT, CF_OEMTEXT };
    void *text = NULL;
    uint32_t size = 0;
    unsigned i = 0;

    while (i < 3 && !user.available(formats[i]))
        i++;
    if (i == 3)
        return;
    for (unsigned attempt = 0; !user.open(window); attempt++) {
        if (attempt == OPEN_ATTEMPTS)
            return;
        Sleep(20 + 10 * attempt);
    }
    text = copy_text(formats[i], &size);
    user.close();
    if (text)
        send_text(text, size);
    free(text);
}

/* Whose text it is must be asked at once: the window may be gone when it is read. */
static void changed(HWND window)
{
    HWND owner = user.owner();

    owner_pid = 0;
    if (owner)
        user.window_process(owner, &owner_pid);
    user.set_timer(window, TIMER_READ, QUIET, NULL);
}

static void change_chain(HWND gone, HWND after, WPARAM wparam, LPARAM lparam)
{
    if (gone == next_viewer)
        next_viewer = after;
    else if (next_viewer)
        user.send(next_viewer, WM_CHANGECBCHAIN, wparam, lparam);
}

static void on_timer(HWND window, WPARAM timer)
{
    DWORD available;

    if (timer == TIMER_READ) {
        user.kill_timer(window, TIMER_READ);
        read_clipboard(window);
    } else if (!PeekNamedPipe(pipe, NULL, 0, NULL, &available, NULL)) {
        user.quit(0);
    }
}

static LRESULT CALLBACK procedure(HWND window, UINT message, WPARAM wparam, LPARAM lparam)
{
    switch (message) {
    case WM_DRAWCLIPBOARD:
        changed(window);
        if (next_viewer)
            user.send(next_viewer, message, wparam, lparam);
        return 0;
    case WM_CHANGECBCHAIN:
        change_chain((HWND)wparam, (HWND)lparam, wparam, lparam);
        return 0;
    case MESSAGE_UPDATE:
        changed(window);
        return 0;
    case WM_TIMER:
        on_timer(window, wparam);
        return 0;
    case WM_ENDSESSION:
        user.quit(0);
        return 0;
    }
    return user.proc(window, message, wparam, lparam);
}

static HWND make_window(void)
{
    const WNDCLASSW class = { .lpfnWndProc = procedure, .hInstance = GetModuleHandleW(NULL), .lpszClassName = L"SysmonClipboard" };

    if (!user.register_class(&class))
        return NULL;
    return user.create(0, class.lpszClassName, L"", 0, 0, 0, 0, 0, HWND_MESSAGE, NULL, class.hInstance, NULL);
}

/* A listener where there are any: one hung program breaks the chain of viewers for all behind it. */
static void join(HWND window)
{
    if (user.listen && user.listen(window))
        return;
    in_chain = true;
    next_viewer = user.viewer(window);
}

static HANDLE connect_pipe(const char *name)
{
    wchar_t *utf16 = wide_from_utf8(name), *path = utf16 ? wide_format(L"\\\\.\\pipe\\%ls", utf16) : NULL;
    HANDLE handle = INVALID_HANDLE_VALUE;

    /* whoever listens may learn who we are, but not act in our name */
    if (path)
        handle = CreateFileW(path, GENERIC_READ | FILE_WRITE_DATA | SYNCHRONIZE, 0, NULL, OPEN_EXISTING, SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
    free(path);
    free(utf16);
    return handle;
}

int clipboard_helper(const char *name)
{
    HWND window;
    MSG message;

    pipe = connect_pipe(name);
    if (pipe == INVALID_HANDLE_VALUE || !load_user())
        return 1;
    window = make_window();
    if (!window)
        return 2;
    join(window);
    user.set_timer(window, TIMER_PING, PING, NULL);
    while (user.message(&message, NULL, 0, 0) > 0)
        user.dispatch(&message);
    if (in_chain)
        user.leave(window, next_viewer);
    else
        user.unlisten(window);
    user.destroy(window);
    CloseHandle(pipe);
    return 0;
}
