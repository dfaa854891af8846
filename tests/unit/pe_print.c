/* SPDX-License-Identifier: MIT */
/*
 * For tests/unit/pe_files.py: prints what the engine says of each file named on standard input, one line a file:
 *   KIND IMPHASH VERSION…   five version strings as hex of UTF-8, `-` when empty; IMPHASH may be an error number
 */
#include "sysmon/pe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int64_t read_file(void *context, uint64_t offset, void *data, size_t size)
{
    ssize_t got = pread(*(int *)context, data, size, (off_t)offset);
    return got < 0 ? -errno : got;
}

static void print_hex(const char *text)
{
    putchar(' ');
    if (!*text)
        putchar('-');
    for (; *text; text++)
        printf("%02x", (unsigned char)*text);
}

static void print_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct byte_source source = { read_file, &fd };
    struct pe_version version = { 0 };
    uint8_t hash[16];
    int error = pe_imphash(&source, hash);

    printf("%d ", (int)executable_detect(&source));
    if (error)
        printf("%d", error);
    for (int i = 0; !error && i < 16; i++)
        printf("%02x", hash[i]);
    (void)pe_version(&source, &version);
    print_hex(version.file_version);
    print_hex(version.description);
    print_hex(version.product);
    print_hex(version.company);
    print_hex(version.original_file_name);
    putchar('\n');
    close(fd);
}

int main(void)
{
    char path[4096];

    while (fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\n")] = '\0';
        print_file(path);
    }
    return 0;
}
