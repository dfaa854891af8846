/* SPDX-License-Identifier: MIT */
#include "archive_name.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EXTENSION_MOST 12

static bool is_plain(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

static bool has_drive(struct match_text file)
{
    return file.size > 3 && isalpha((unsigned char)file.data[0]) && file.data[1] == ':' && file.data[2] == '\\';
}

/* `\NAME\`: one component, so that nothing above it is reached. */
static bool is_directory(const char *directory)
{
    size_t size = strlen(directory);

    return size > 2 && directory[0] == '\\' && directory[size - 1] == '\\' && !memchr(directory + 1, '\\', size - 2) &&
           !memchr(directory, ':', size) && strcmp(directory, "\\..\\") && strcmp(directory, "\\.\\");
}

int archive_path(char out[ARCHIVE_PATH_SIZE], const char *directory, struct match_text file, struct match_text name)
{
    int written;

    if (!has_drive(file) || !is_directory(directory) || !name.size || name.data[0] == '.')
        return -EINVAL;
    for (uint32_t i = 0; i < name.size; i++)
        if (!is_plain(name.data[i]))
            return -EINVAL;
    written = snprintf(out, ARCHIVE_PATH_SIZE, "%.2s%s%.*s", file.data, directory, (int)name.size, name.data);
    return written < 0 || written >= ARCHIVE_PATH_SIZE ? -EINVAL : 0;
}

/* With its dot; size 0: none that is short and plain. */
static struct match_text extension_of(struct match_text file)
{
    uint32_t at = file.size;

    while (at && file.data[at - 1] != '.' && file.data[at - 1] != '\\' && file.size - at <= EXTENSION_MOST && is_plain(file.data[at - 1]))
        at--;
    if (!at || file.data[at - 1] != '.' || at == file.size || file.size - at > EXTENSION_MOST)
        return (struct match_text){ "", 0 };
    return (struct match_text){ file.data + at - 1, file.size - at + 1 };
}

int archive_final_path(char out[ARCHIVE_PATH_SIZE], const char *directory, struct match_text file, struct match_text hashes)
{
    struct match_text extension = extension_of(file);
    char name[300];
    uint32_t used = 0;
    bool value = false;

    for (uint32_t i = 0; i < hashes.size && used < sizeof(name) - EXTENSION_MOST - 2; i++) {
        if (hashes.data[i] == '=' || hashes.data[i] == ',')
            value = hashes.data[i] == '=';
        else if (value)
            name[used++] = hashes.data[i];
    }
    if (!used)
        return -EINVAL;
    memcpy(name + used, extension.data, extension.size);
    return archive_path(out, directory, file, (struct match_text){ name, used + extension.size });
}
