/* SPDX-License-Identifier: MIT */
#include "configuration_file.h"
#include "wide_file.h"

#include <errno.h>

int configuration_file_hash(const wchar_t *path, uint32_t registry, char out[HASH_TEXT_SIZE])
{
    uint32_t mask = hash_mask(registry) & (HASH_SHA1 | HASH_MD5 | HASH_SHA256);
    struct hash_values values;
    struct byte_source source;
    HANDLE file = wide_file_open(path);
    int status;

    if (file == INVALID_HANDLE_VALUE)
        return -EIO;
    source = wide_file_source(&file);
    status = hash_compute(&values, mask ? mask : HASH_DEFAULT, &source);
    CloseHandle(file);
    if (!status)
        hash_format(out, &values, true);
    return status;
}
