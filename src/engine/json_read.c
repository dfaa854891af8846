/* SPDX-License-Identifier: MIT */
#include "json_read.h"

#include <string.h>

static int fail(struct json_reader *r, const char *error)
{
    r->error = error;
    return -1;
}

static void skip_space(struct json_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

/* Next byte after white space, 0 at the end of the text. */
static char peek(struct json_reader *r)
{
    skip_space(r);
    return r->at < r->end ? *r->at : '\0';
}

static bool take(struct json_reader *r, char c)
{
    if (peek(r) != c || r->at == r->end)
        return false;
    r->at++;
    return true;
}

/* ---- strings ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four hex digits at `at`; -1 when they are not there. */
static int32_t code_unit(const char *at, const char *end)
{
    int32_t unit = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        if (hex_digit(at[i]) < 0)
            return -1;
        unit = unit << 4 | hex_digit(at[i]);
    }
    return unit;
}

static char *put_code_point(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 63));
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    }
    return out;
}

/* After `\u`. Joins the two halves of a surrogate pair. */
static char *take_unicode(struct json_reader *r, char *out)
{
    int32_t unit = code_unit(r->at, r->end), low;

    if (unit < 0)
        return NULL;
    r->at += 4;
    if (unit >= 0xd800 && unit <= 0xdbff && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
        low = code_unit(r->at + 2, r->end);
        if (low >= 0xdc00 && low <= 0xdfff) {
            r->at += 6;
            return put_code_point(out, (uint32_t)(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)));
        }
    }
    return put_code_point(out, (uint32_t)unit);
}

static char *take_escape(struct json_reader *r, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found;

    if (r->at == r->end)
        return NULL;
    if (*r->at == 'u') {
        r->at++;
        return take_unicode(r, out);
    }
    found = memchr(from, *r->at, sizeof(from) - 1);
    if (!found)
        return NULL;
    r->at++;
    *out++ = to[found - from];
    return out;
}

/* At the opening quote. What is decoded is never longer than what it is decoded from, hence the buffer suffices. */
static int take_string(struct json_reader *r, struct json_text *text)
{
    char *start = r->buffer + r->used, *out = start;

    if (!take(r, '"'))
        return fail(r, "a string is expected");
    for (;;) {
        if (r->at == r->end)
            return fail(r, "the text ends inside a string");
        if (*r->at == '"')
            break;
        if ((unsigned char)*r->at < 0x20)
            return fail(r, "a control character inside a string must be escaped");
        if (*r->at != '\\') {
            *out++ = *r->at++;
            continue;
        }
        r->at++;
        out = take_escape(r, out);
        if (!out)
            return fail(r, "not an escape sequence");
    }
    r->at++;
    text->data = start;
    text->size = (size_t)(out - start);
    r->used += text->size;
    return 0;
}

/* ---- other values ---- */

static int take_word(struct json_reader *r, const char *word)
{
    size_t size = strlen(word);

    if ((size_t)(r->end - r->at) < size || memcmp(r->at, word, size) != 0)
        return fail(r, "a value is expected");
    r->at += size;
    return 0;
}

static int take_digits(struct json_reader *r)
{
    const char *start = r->at;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at > start ? 0 : fail(r, "a digit is expected");
}

static int take_number(struct json_reader *r)
{
    int rc;

    if (*r->at == '-')
        r->at++;
    if (r->at < r->end && *r->at == '0') {
        r->at++;
        rc = 0;
    } else {
        rc = take_digits(r);
    }
    if (!rc && r->at < r->end && *r->at == '.') {
        r->at++;
        rc = take_digits(r);
    }
    if (!rc && r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
            r->at++;
        rc = take_digits(r);
    }
    return rc;
}

static int take_value(struct json_reader *r, struct json_member *member, unsigned depth);

/* Members or elements up to the closing bracket; their strings are not kept. */
static int take_container(struct json_reader *r, bool object, unsigned depth)
{
    struct json_member inner;
    size_t used = r->used;
    char close = object ? '}' : ']';

    r->at++;
    if (depth >= JSON_MAX_DEPTH)
        return fail(r, "nested too deeply");
    if (take(r, close))
        return 0;
    do {
        if (object && (take_string(r, &inner.name) || (!take(r, ':') && fail(r, "`:` is expected"))))
            return -1;
        if (take_value(r, &inner, depth + 1))
            return -1;
        r->used = used;
    } while (take(r, ','));
    return take(r, close) ? 0 : fail(r, object ? "`,` or `}` is expected" : "`,` or `]` is expected");
}

static int take_plain(struct json_reader *r, struct json_member *member, char c, unsigned depth)
{
    switch (c) {
    case '{': member->type = JSON_OBJECT; return take_container(r, true, depth);
    case '[': member->type = JSON_ARRAY; return take_container(r, false, depth);
    case 't': member->type = JSON_TRUE; return take_word(r, "true");
    case 'f': member->type = JSON_FALSE; return take_word(r, "false");
    case 'n': member->type = JSON_NULL; return take_word(r, "null");
    default:
        if (c != '-' && (c < '0' || c > '9'))
            return fail(r, "a value is expected");
        member->type = JSON_NUMBER;
        return take_number(r);
    }
}

static int take_value(struct json_reader *r, struct json_member *member, unsigned depth)
{
    char c = peek(r);
    int rc;

    if (c == '"') {
        member->type = JSON_STRING;
        return take_string(r, &member->value);
    }
    member->value.data = r->at;
    rc = take_plain(r, member, c, depth);
    member->value.size = (size_t)(r->at - member->value.data);
    return rc;
}

void json_open(struct json_reader *r, const char *text, size_t size, char *buffer)
{
    *r = (struct json_reader){ .start = text, .at = text, .end = text + size, .buffer = buffer, .first = true };
}

static int finish(struct json_reader *r)
{
    skip_space(r);
    r->done = true;
    return r->at == r->end ? 0 : fail(r, "something follows the object");
}

int json_next(struct json_reader *r, struct json_member *member)
{
    if (r->error || r->done)
        return r->error ? -1 : 0;
    if (r->first) {
        if (!take(r, '{'))
            return fail(r, "an object is expected");
        r->first = false;
        if (take(r, '}'))
            return finish(r);
    } else if (take(r, '}')) {
        return finish(r);
    } else if (!take(r, ',')) {
        return fail(r, "`,` or `}` is expected");
    }
    if (take_string(r, &member->name))
        return -1;
    if (!take(r, ':'))
        return fail(r, "`:` is expected");
    return take_value(r, member, 1) ? -1 : 1;
}
