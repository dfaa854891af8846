/* SPDX-License-Identifier: MIT */
/*
 * From an event to the bytes of one record: JSON, XML or text, always ending with a newline and free of others (but for the
 * multi-line text form).
 *
 * Hostile values. A process chooses its names and arguments, so any byte may come. Every form stays valid (UTF-8, JSON,
 * XML 1.0), arrives whole, and can be turned back into the very bytes (docs/output.md):
 *   - what the form itself can escape is escaped its way (JSON \u001b, XML &lt; &#10;);
 *   - a byte that is not part of well-formed UTF-8, and in XML and text a control character that the form cannot carry,
 *     becomes \x{HH} with two upper-case hexadecimal digits;
 *   - a value that really contains such a sequence has its backslash written as \x{5C}; no other backslash changes.
 * Replacing every \x{HH} by its byte, left to right, after the form's own decoding, gives back the value.
 */
#pragma once

#include "sysmon/event.h"

#ifdef __cplusplus
extern "C" {
#endif

enum render_format {
    RENDER_TEXT,    /* `Event N template`, then TAB `Field: value` a line */
    RENDER_ONELINE, /* for people at a terminal: what is not empty, one line an event */
    RENDER_JSON,    /* one object a line */
    RENDER_XML,     /* spec 07 section 6 for Linux events, the wevtutil form for Windows events */
    RENDER_FORMAT_COUNT
};

/* Grows by realloc; zero-initialised is empty. `failed` is set when memory ran out and stays until the next reset. */
struct render_buffer {
    char *data;
    size_t size, capacity;
    bool failed;
};

/* What the header says about the machine, the same for every event of a run. */
struct render_host {
    const char *computer; /* any bytes, terminated */
    const char *user;     /* whom the monitor runs as: decimal user id on Linux, SID on Windows; NULL = unknown */
};

/* Appends one record. Returns its size, or -ENOMEM with the buffer's content as before. */
long render_event(struct render_buffer *out, enum render_format format, const struct event *event,
                  const struct render_host *host);

/* Appends a single value as the text forms write it. Returns its size or -ENOMEM. */
long render_text_value(struct render_buffer *out, const char *text, size_t size);

/*
 * The way back: every `\x{HH}` becomes its byte. Returns the size of the result, at most `size`; `out` may be `text` itself and
 * needs no more room.
 */
size_t render_unescape(char *out, const char *text, size_t size);

void render_buffer_free(struct render_buffer *buffer);

#ifdef __cplusplus
}
#endif
