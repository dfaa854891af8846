/* SPDX-License-Identifier: MIT */
#include "console.h"

#include <fcntl.h>
#include <io.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

#define CONSOLE_BLOCK 4096

struct stream {
    FILE *file;
    DWORD handle_id;
    HANDLE screen, pipe, thread;
};

static struct stream streams[2];

/* Bytes at the end of `text` that begin a character whose rest has not arrived yet. */
static unsigned unfinished(const unsigned char *text, unsigned size)
{
    for (unsigned back = 1; back <= 3 && back <= size; back++) {
        unsigned char c = text[size - back];

        if (c < 0x80)
            return 0;
        if (c >= 0xC0)
            return back < (c >= 0xF0 ? 4u : c >= 0xE0 ? 3u : 2u) ? back : 0;
    }
    return 0;
}

static void show(HANDLE screen, const char *text, unsigned size)
{
    wchar_t wide[CONSOLE_BLOCK];
    int units = size ? MultiByteToWideChar(CP_UTF8, 0, text, (int)size, wide, CONSOLE_BLOCK) : 0;
    DWORD written;

    if (units > 0)
        WriteConsoleW(screen, wide, (DWORD)units, &written, NULL);
}

static DWORD WINAPI pump(void *context)
{
    struct stream *stream = context;
    char buffer[CONSOLE_BLOCK];
    unsigned held = 0;
    DWORD got;

    while (ReadFile(stream->pipe, buffer + held, CONSOLE_BLOCK - held, &got, NULL) && got) {
        unsigned size = held + got;

        held = unfinished((unsigned char *)buffer, size);
        show(stream->screen, buffer, size - held);
        memmove(buffer, buffer + size - held, held);
    }
    show(stream->screen, buffer, held);
    return 0;
}

/* Puts the write end of a new pipe under the stream's descriptor. */
static bool redirect(struct stream *stream)
{
    HANDLE write_end;
    int descriptor;

    if (!CreatePipe(&stream->pipe, &write_end, NULL, 0))
        return false;
    descriptor = _open_osfhandle((intptr_t)write_end, _O_BINARY);
    if (descriptor < 0 || _dup2(descriptor, _fileno(stream->file))) {
        CloseHandle(stream->pipe);
        return false;
    }
    _close(descriptor);
    setvbuf(stream->file, NULL, stream->file == stderr ? _IONBF : _IOFBF, CONSOLE_BLOCK);
    return true;
}

static void open_stream(struct stream *stream, FILE *file, DWORD handle_id)
{
    DWORD mode;

    stream->file = file;
    stream->screen = GetStdHandle(handle_id);
    if (!GetConsoleMode(stream->screen, &mode))
        return; /* a file, a pipe, or nothing */
    if (!DuplicateHandle(GetCurrentProcess(), stream->screen, GetCurrentProcess(), &stream->screen, 0, FALSE, DUPLICATE_SAME_ACCESS))
        return;
    if (redirect(stream))
        stream->thread = CreateThread(NULL, 0, pump, stream, 0, NULL);
}

void console_open(void)
{
    open_stream(&streams[0], stdout, STD_OUTPUT_HANDLE);
    open_stream(&streams[1], stderr, STD_ERROR_HANDLE);
}

void console_close(void)
{
    for (unsigned i = 0; i < 2; i++) {
        struct stream *stream = &streams[i];

        fflush(stream->file);
        if (!stream->thread)
            continue;
        _close(_fileno(stream->file)); /* the only write end: the thread reads to the end and leaves */
        WaitForSingleObject(stream->thread, INFINITE);
        CloseHandle(stream->thread);
        CloseHandle(stream->pipe);
        CloseHandle(stream->screen);
        stream->thread = NULL;
    }
}
