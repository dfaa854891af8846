/* SPDX-License-Identifier: MIT */
/* Encodings of configuration files (spec 03 section 1). */
#include "config_text.h"
#include "utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The first `<` must come within this many characters, as in the original. */
#define MAX_LEADING_SPACE 2048
/* An XML declaration is not looked at beyond this. */
#define MAX_DECLARATION 512

enum width { NARROW, WIDE };

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The byte order mark's length, and with it the width; negative when the first bytes are neither mark nor XML. */
static int read_mark(const uint8_t *p, size_t size, enum width *width)
{
    if (size >= 2 && p[0] == 0xff && p[1] == 0xfe)
        return *width = WIDE, 2;
    if (size >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
        return *width = NARROW, 3;
    *width = size >= 2 && p[1] == 0 ? WIDE : NARROW;
    return is_space(p[0]) || p[0] == '<' ? 0 : -1;
}

static void refuse_start(struct report *report, const uint8_t *p, size_t size)
{
    if (size >= 2 && ((p[0] == 0xfe && p[1] == 0xff) || (p[0] == 0 && p[1] == '<')))
        report_add(report, CONFIG_ERROR, REPORT_NOWHERE, 0,
                   "big-endian UTF-16 is not supported; save the file as UTF-8 or UTF-16LE");
    else
        report_add(report, CONFIG_ERROR, REPORT_NOWHERE, 0,
                   "not an XML file: it starts with byte 0x%02X, expected '<' or a byte order mark", p[0]);
}

/* UTF-16LE to UTF-8. Lone surrogates stay visible to the check that follows, as three bytes that are not UTF-8. */
static size_t from_wide(char *out, const uint8_t *p, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i + 1 < size; i += 2) {
        uint32_t c = p[i] | (uint32_t)p[i + 1] << 8;

        if (c >= 0xd800 && c < 0xdc00 && i + 3 < size) {
            uint32_t low = p[i + 2] | (uint32_t)p[i + 3] << 8;

            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                i += 2;
            }
        }
        used += utf8_encode(out + used, c);
    }
    return used;
}

static size_t from_latin1(char *out, const uint8_t *p, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < size; i++)
        used += utf8_encode(out + used, p[i]);
    return used;
}

/* CR LF and lone CR become LF (XML 1.0 section 2.11), on both systems at the same place. */
static size_t fold_line_ends(char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\r') {
            text[used++] = '\n';
            if (i + 1 < size && text[i + 1] == '\n')
                i++;
        } else {
            text[used++] = text[i];
        }
    }
    return used;
}

static bool named(const char *value, size_t size, const char *name)
{
    if (strlen(name) != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if ((value[i] | 0x20) != (name[i] | 0x20))
            return false;
    return true;
}

enum encoding { ENCODING_NONE, ENCODING_UTF8, ENCODING_UTF16, ENCODING_LATIN1, ENCODING_OTHER };

static enum encoding encoding_named(const char *value, size_t size)
{
    static const struct {
        const char *name;
        enum encoding encoding;
    } known[] = {
        { "UTF-8", ENCODING_UTF8 }, { "UTF8", ENCODING_UTF8 }, { "US-ASCII", ENCODING_UTF8 }, { "ASCII", ENCODING_UTF8 },
        { "UTF-16", ENCODING_UTF16 }, { "UTF-16LE", ENCODING_UTF16 }, { "ISO-8859-1", ENCODING_LATIN1 },
        { "ISO8859-1", ENCODING_LATIN1 }, { "ISO_8859-1", ENCODING_LATIN1 }, { "LATIN1", ENCODING_LATIN1 },
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (named(value, size, known[i].name))
            return known[i].encoding;
    return ENCODING_OTHER;
}

struct declaration {
    size_t start, end; /* `<?xml` … `?>`, end 0 when there is none */
    size_t name, name_size;
    enum encoding encoding;
};

static const char *find(const char *from, const char *end, const char *what)
{
    size_t size = strlen(what);

    for (; from + size <= end; from++)
        if (!memcmp(from, what, size))
            return from;
    return NULL;
}

/* The declaration, if the text (ASCII-compatible, `start` = its first `<`) has one. */
static struct declaration read_declaration(const char *text, size_t size, size_t start)
{
    struct declaration d = { .start = start };
    const char *limit = text + (size - start > MAX_DECLARATION ? start + MAX_DECLARATION : size), *end, *p, *close;

    if (size - start < 6 || memcmp(text + start, "<?xml", 5) || !is_space(text[start + 5]))
        return d;
    end = find(text + start, limit, "?>");
    if (!end)
        return d;
    d.end = (size_t)(end - text) + 2;
    p = find(text + start, end, "encoding");
    if (!p)
        return d;
    for (p += 8; p < end && (is_space(*p) || *p == '='); p++)
        ;
    if (p >= end || (*p != '"' && *p != '\''))
        return d;
    close = memchr(p + 1, *p, (size_t)(end - p - 1));
    if (!close)
        return d;
    d.name = (size_t)(p + 1 - text);
    d.name_size = (size_t)(close - p - 1);
    d.encoding = encoding_named(p + 1, d.name_size);
    return d;
}

static int check_characters(const struct config_text *text, struct report *report)
{
    const uint8_t *p = (const uint8_t *)text->data;
    size_t length;

    for (size_t i = 0; i < text->size; i += length) {
        length = utf8_sequence(text->data + i, text->size - i);
        if (length && (p[i] >= 0x20 || is_space(p[i])))
            continue;
        if (p[i] < 0x20)
            report_add(report, CONFIG_ERROR, i, 1, "control character 0x%02X is not allowed in XML", p[i]);
        else
            report_add(report, CONFIG_ERROR, i, 1,
                       "byte 0x%02X is not valid UTF-8; save the file as UTF-8, or declare encoding=\"ISO-8859-1\"", p[i]);
        return -EILSEQ;
    }
    return 0;
}

static int check_encoding(const struct declaration *d, enum width width, const struct config_text *text, struct report *report)
{
    int size = (int)d->name_size;
    const char *name = text->data + d->name;

    if (d->encoding == ENCODING_OTHER) {
        report_add(report, CONFIG_ERROR, d->name, d->name_size,
                   "encoding '%.*s' is not supported; use UTF-8, UTF-16LE or ISO-8859-1", size, name);
        return -EILSEQ;
    }
    if (d->encoding != ENCODING_NONE && (d->encoding == ENCODING_UTF16) != (width == WIDE))
        report_add(report, CONFIG_WARNING, d->name, d->name_size,
                   "the file says '%.*s' but is stored as %s; read as stored", size, name, width == WIDE ? "UTF-16LE" : "UTF-8");
    return 0;
}

static int find_markup(const struct config_text *text, size_t *start, struct report *report)
{
    size_t i = 0;

    while (i < text->size && is_space(text->data[i]))
        i++;
    if (i > MAX_LEADING_SPACE) {
        report_add(report, CONFIG_ERROR, 0, 1, "too much white space before the first '<' (at most %d characters)",
                   MAX_LEADING_SPACE);
        return -EILSEQ;
    }
    *start = i;
    return 0;
}

/* `bytes` behind the mark, in their stored width, to UTF-8. */
static int transcode(struct config_text *out, const uint8_t *bytes, size_t size, enum width width)
{
    struct declaration d;
    size_t start = 0;

    out->data = malloc(size * 2 + 4);
    if (!out->data)
        return -ENOMEM;
    if (width == WIDE) {
        out->size = from_wide(out->data, bytes, size);
    } else {
        while (start < size && is_space(bytes[start]))
            start++;
        d = read_declaration((const char *)bytes, size, start);
        out->size = size;
        if (d.encoding == ENCODING_LATIN1)
            out->size = from_latin1(out->data, bytes, size);
        else
            memcpy(out->data, bytes, size);
    }
    out->size = fold_line_ends(out->data, out->size);
    out->data[out->size] = '\0';
    return 0;
}

int config_text_decode(struct config_text *out, const void *data, size_t size, struct report *report)
{
    const uint8_t *bytes = data;
    struct declaration d;
    enum width width;
    size_t start;
    int mark, rc;

    *out = (struct config_text){ 0 };
    if (size < 2) {
        report_add(report, CONFIG_ERROR, REPORT_NOWHERE, 0, "the file is empty; the least is a Sysmon element");
        return -EINVAL;
    }
    if (size > CONFIG_MAX_FILE_SIZE) {
        report_add(report, CONFIG_ERROR, REPORT_NOWHERE, 0, "the file is larger than %u MiB", CONFIG_MAX_FILE_SIZE >> 20);
        return -EFBIG;
    }
    mark = read_mark(bytes, size, &width);
    if (mark < 0) {
        refuse_start(report, bytes, size);
        return -EILSEQ;
    }
    rc = transcode(out, bytes + mark, size - (size_t)mark, width);
    if (rc)
        return rc;
    report->text = out->data;
    report->size = out->size;
    rc = find_markup(out, &start, report);
    if (rc)
        return rc;
    d = read_declaration(out->data, out->size, start);
    rc = check_encoding(&d, width, out, report);
    if (!rc)
        rc = check_characters(out, report);
    for (size_t i = d.start; i < d.end; i++)
        if (out->data[i] != '\n')
            out->data[i] = ' ';
    return rc;
}
