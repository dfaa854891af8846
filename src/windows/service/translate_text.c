/* SPDX-License-Identifier: MIT */
/* Texts of single values (spec 02 section 3). */
#include "translate.h"
#include "utf16.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct match_text literal(const char *text)
{
    return (struct match_text){ text, (uint32_t)strlen(text) };
}

struct match_text translate_integrity(struct pool *pool, const uint8_t *sid, uint32_t size, bool app_container)
{
    /* S-1-16-RID: revision 1, one sub-authority, authority 16 */
    static const uint8_t label[8] = { 1, 1, 0, 0, 0, 0, 0, 16 };
    uint32_t rid;
    char text[16];

    if (app_container)
        return literal("AppContainer");
    if (size < 12 || memcmp(sid, label, sizeof(label)))
        return (struct match_text){ NULL, 0 };
    memcpy(&rid, sid + 8, sizeof(rid));
    switch (rid) {
    case 0x0000:
        return literal("Untrusted");
    case 0x1000:
        return literal("Low");
    case 0x2000:
        return literal("Medium");
    case 0x2100:
        return literal("Medium Plus");
    case 0x3000:
        return literal("High");
    case 0x4000:
        return literal("System");
    case 0x5000:
        return literal("Protected Process");
    }
    return pool_text(pool, text, (size_t)snprintf(text, sizeof(text), "0x%" PRIX32, rid));
}

struct match_text translate_pointer(struct pool *pool, uint64_t address)
{
    char text[24];

    return pool_text(pool, text, (size_t)snprintf(text, sizeof(text), "0x%0*" PRIX64, WIRE_POINTER_BITS / 4, address));
}

/* `module+1a2b` or `UNKNOWN(0x…)`, `(wow64)` behind it for a WOW64 frame. */
static size_t frame_text(struct translator *translator, struct pool *pool, const struct wire_frame *frame, char *out, size_t size)
{
    const char *suffix = frame->IsWow64 ? "(wow64)" : "";
    struct match_text module;
    int written;

    if (!frame->ModuleBase && !frame->ModuleSize) {
        written = snprintf(out, size, "UNKNOWN(0x%0*" PRIX64 ")%s", WIRE_POINTER_BITS / 4, (uint64_t)frame->FrameReturnAddress, suffix);
    } else {
        module = pool_utf16(pool, (const uint8_t *)frame->ModulePath, sizeof(frame->ModulePath));
        if (translator->facts->path)
            module = translator->facts->path(translator->context, pool, module);
        written = snprintf(out, size, "%.*s+%" PRIx32 "%s", (int)module.size, module.data,
                           (uint32_t)(frame->FrameReturnAddress - frame->ModuleBase), suffix);
    }
    return written < 0 ? 0 : (size_t)written >= size ? size - 1 : (size_t)written;
}

struct match_text translate_call_trace(struct translator *translator, struct pool *pool, const struct record *record)
{
    enum { FRAME_TEXT = 3 * WIRE_IMAGE_PATH_LIMIT + 64 };
    size_t capacity = (size_t)WIRE_FRAMES_LIMIT * (FRAME_TEXT + 1), used = 0;
    char *out = pool_take(pool, capacity);
    struct wire_frame frame;

    for (unsigned i = 0; out && !record_frame(record, i, &frame); i++) {
        if (i)
            out[used++] = '|';
        used += frame_text(translator, pool, &frame, out + used, FRAME_TEXT);
    }
    return (struct match_text){ out, out ? (uint32_t)used : 0 };
}

/* Looks like text: no control characters but tab and line ends. */
static bool printable(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t' && text[i] != '\r' && text[i] != '\n') || text[i] == 0x7F)
            return false;
    return size > 0;
}

static struct match_text blank_line_ends(struct match_text text)
{
    char *at = (char *)text.data; /* a copy in the pool */

    for (uint32_t i = 0; i < text.size; i++)
        if (at[i] == '\r' || at[i] == '\n')
            at[i] = ' ';
    return text;
}

/* Is it UTF-16? A byte order mark says so, or else every unit being a printable character of the first page. */
static bool looks_wide(const uint8_t *data, size_t size)
{
    if (size < 2 || size % 2)
        return false;
    if (data[0] == 0xFF && data[1] == 0xFE)
        return true;
    for (size_t i = 0; i < size; i += 2)
        if (data[i + 1] || (data[i] < 0x20 && data[i] != '\t' && data[i] != '\r' && data[i] != '\n'))
            return false;
    return true;
}

struct match_text translate_contents(struct pool *pool, const uint8_t *data, size_t size)
{
    static const uint8_t utf8_mark[3] = { 0xEF, 0xBB, 0xBF };
    struct match_text text;

    if (!size)
        return (struct match_text){ NULL, 0 };
    if (looks_wide(data, size)) {
        size_t mark = data[0] == 0xFF && data[1] == 0xFE ? 2 : 0;

        text = pool_utf16(pool, data + mark, size - mark);
    } else {
        size_t mark = size >= 3 && !memcmp(data, utf8_mark, 3) ? 3 : 0;

        text = pool_text(pool, (const char *)data + mark, size - mark);
    }
    if (!printable(text.data, text.size))
        return (struct match_text){ NULL, 0 };
    return blank_line_ends(text);
}
