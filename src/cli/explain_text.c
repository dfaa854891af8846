/* SPDX-License-Identifier: MIT */
#include "cli/explain_text.h"

#include <stdarg.h>
#include <stdio.h>

/* Longer values and texts are cut: the event itself has them whole. */
#define SHOWN 120

__attribute__((format(printf, 2, 3))) static void put(struct explain_text *out, const char *format, ...)
{
    size_t room = sizeof(out->data) - out->used;
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(out->data + out->used, room, format, arguments);
    va_end(arguments);
    out->used += size < 0 ? 0 : (size_t)size < room ? (size_t)size : room - 1;
}

static void put_quoted(struct explain_text *out, const struct match_text *text)
{
    if (!text->data)
        put(out, "(not in this event)");
    else
        put(out, "`%.*s`%s", (int)(text->size < SHOWN ? text->size : SHOWN), text->data, text->size > SHOWN ? "…" : "");
}

static void put_filter(struct explain_text *out, const struct explain_filter *filter)
{
    put(out, "%s ", filter->field ? filter->field : "(unknown field)");
    put_quoted(out, &filter->text);
    put(out, "%s %s ", filter->result == EXPLAIN_MATCH ? "" : " fails", filter->condition);
    put_quoted(out, &filter->value);
    if (filter->rule)
        put(out, " in Rule %u", filter->rule);
    if (filter->name.size)
        put(out, " named `%.*s`", (int)filter->name.size, filter->name.data);
}

void explain_text_block(void *context, const struct explain_block *block)
{
    static const char *const results[] = { "no match", "match", "failed" };
    struct explain_text *out = context;

    put(out, "%sblock %u, %s, %s of %u filters: %s", out->used ? "; " : "", block->index + 1,
        block->exclude ? "exclude" : "include", block->and_relation ? "and" : "or", block->filter_count,
        results[block->result]);
    for (uint32_t i = 0; i < block->deciding_count; i++) {
        put(out, "%s", i ? ", " : ": ");
        put_filter(out, &block->deciding[i]);
    }
}
