/* SPDX-License-Identifier: MIT */
#include "file_identity.h"

#include <string.h>

bool file_identify(HANDLE file, uint32_t mark, struct file_identity *out)
{
    BY_HANDLE_FILE_INFORMATION info;

    if (!GetFileInformationByHandle(file, &info))
        return false;
    memset(out, 0, sizeof(*out));
    out->id = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
    out->size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    out->written = (uint64_t)info.ftLastWriteTime.dwHighDateTime << 32 | info.ftLastWriteTime.dwLowDateTime;
    out->volume = info.dwVolumeSerialNumber;
    out->mark = mark;
    return true;
}

uint64_t file_identity_hash(const struct file_identity *identity)
{
    uint64_t hash = (identity->id ^ identity->volume) * 0x9E3779B97F4A7C15ull;

    return hash ^ hash >> 32;
}
