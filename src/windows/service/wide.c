/* SPDX-License-Identifier: MIT */
#include "wide.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

wchar_t *wide_from_utf8(const char *text)
{
    size_t size = strlen(text) + 1;
    wchar_t *out;

    if (size > INT_MAX)
        return NULL;
    out = malloc(size * sizeof(*out)); /* UTF-16 never has more units than UTF-8 has bytes */
    if (out && !MultiByteToWideChar(CP_UTF8, 0, text, (int)size, out, (int)size)) {
        free(out);
        return NULL;
    }
    return out;
}

char *wide_to_utf8_size(const wchar_t *text, size_t size)
{
    int need;
    char *out;

    if (size > INT_MAX / 4)
        return NULL;
    out = malloc(size * 3 + 1);
    if (!out)
        return NULL;
    need = size ? WideCharToMultiByte(CP_UTF8, 0, text, (int)size, out, (int)(size * 3), NULL, NULL) : 0;
    out[need] = 0;
    return out;
}

char *wide_to_utf8(const wchar_t *text)
{
    return wide_to_utf8_size(text, wcslen(text));
}

wchar_t *wide_format(const wchar_t *format, ...)
{
    for (size_t size = 256; size <= 1u << 20; size *= 2) {
        wchar_t *out = malloc(size * sizeof(*out));
        va_list list;
        int written;

        if (!out)
            return NULL;
        va_start(list, format);
        written = _vsnwprintf(out, size - 1, format, list);
        va_end(list);
        if (written >= 0) {
            out[written] = 0;
            return out;
        }
        free(out);
    }
    return NULL;
}

char **wide_arguments(int argc, wchar_t **arguments)
{
    char **argv = calloc((size_t)argc + 1, sizeof(*argv));

    for (int i = 0; argv && i < argc; i++) {
        argv[i] = wide_to_utf8(arguments[i]);
        if (!argv[i]) {
            wide_arguments_free(argv);
            return NULL;
        }
    }
    return argv;
}

void wide_arguments_free(char **argv)
{
    for (char **word = argv; word && *word; word++)
        free(*word);
    free(argv);
}
