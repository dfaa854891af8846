/* SPDX-License-Identifier: MIT */
/* Any bytes from the clipboard helper's pipe, in pieces, and any client address. */
#include "clipboard_message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clipboard_stream stream = { 0 };
    struct pool pool = { 0 };
    size_t step = size ? 1u + data[0] : 1;
    int status = 0;

    clipboard_client_info(&pool, (struct match_text){ "u", 1 }, data, size, (struct match_text){ NULL, 0 });
    while (status >= 0 && size) {
        const uint8_t *at = data;
        size_t left = size < step ? size : step;

        data += left;
        size -= left;
        while ((status = clipboard_stream_take(&stream, &at, &left)) == 1) {
            if (clipboard_text_size(stream.text, stream.header.size) > stream.header.size)
                abort();
            clipboard_stream_next(&stream);
        }
    }
    clipboard_stream_next(&stream);
    pool_free(&pool);
    return 0;
}
