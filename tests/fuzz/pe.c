/* SPDX-License-Identifier: MIT */
/* Any bytes as a PE file: import hash and version resource end, within bounds, and give well-formed text. */
#include "sysmon/pe.h"

#include "engine/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char text[PE_VERSION_TEXT])
{
    size_t size = strnlen(text, PE_VERSION_TEXT);

    if (size == PE_VERSION_TEXT)
        abort();
    while (size) {
        unsigned length = utf8_sequence(text, size);

        if (!length)
            abort();
        text += length;
        size -= length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct byte_buffer buffer = { data, size };
    struct byte_source source = byte_source_buffer(&buffer);
    struct pe_version version;
    uint8_t hash[16];
    int hashed = pe_imphash(&source, hash), versioned = pe_version(&source, &version);

    if (hashed && hashed != -EINVAL && hashed != -ENOENT)
        abort();
    if ((hashed == -EINVAL) != (versioned == -EINVAL))
        abort();
    if (hashed != -EINVAL && executable_detect(&source) != EXECUTABLE_PE)
        abort();
    if (!versioned) {
        check_text(version.file_version);
        check_text(version.description);
        check_text(version.product);
        check_text(version.company);
        check_text(version.original_file_name);
    }
    return 0;
}
