/* SPDX-License-Identifier: MIT */
/*
 * Reading one JSON object member by member, from text that nobody vouches for: strict about syntax (RFC 8259), bounded in depth, never
 * reading outside the text. Strings are raw bytes: what is not UTF-8 passes unchanged, `\u` escapes become UTF-8, and a
 * lone surrogate becomes the three bytes UTF-8 would use for it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_MAX_DEPTH 64

enum json_type { JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_OBJECT, JSON_ARRAY };

struct json_text {
    const char *data;
    size_t size;
};

struct json_member {
    struct json_text name;  /* decoded */
    enum json_type type;
    struct json_text value; /* decoded string; otherwise the text as it stands, objects and arrays with their brackets */
};

struct json_reader {
    const char *start, *at, *end;
    char *buffer; /* decoded strings */
    size_t used;
    bool first, done;
    const char *error; /* what was wrong, at byte `at - start` of the text */
};

/*
 * Begins to read the object that `text` consists of, white space around it aside. `buffer` takes the decoded strings of
 * the whole object and needs `size` bytes; members point into it and into the text.
 */
void json_open(struct json_reader *reader, const char *text, size_t size, char *buffer);
/* 1: `*member` is filled; 0: the object has ended; negative: broken, `reader->error` says how. */
int json_next(struct json_reader *reader, struct json_member *member);
