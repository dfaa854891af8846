/* SPDX-License-Identifier: MIT */
/* Diagnostics of configurations: positions, source lines with a caret, order, printing. */
#include "diagnostics.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Of a long source line only a window around the caret is kept (bytes). */
#define LINE_WINDOW 160
#define LINE_BEFORE 60
#define MESSAGE_SIZE 1024

static bool build_lines(struct report *r)
{
    size_t count = 1, i = 1;

    for (size_t k = 0; k < r->size; k++)
        count += r->text[k] == '\n';
    r->line_starts = malloc(count * sizeof *r->line_starts);
    if (!r->line_starts)
        return false;
    r->line_starts[0] = 0;
    for (size_t k = 0; k < r->size; k++)
        if (r->text[k] == '\n')
            r->line_starts[i++] = k + 1;
    r->line_count = count;
    return true;
}

/* Index of the line that holds `offset`. */
static size_t find_line(const struct report *r, size_t offset)
{
    size_t low = 0, high = r->line_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (r->line_starts[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static size_t line_end(const struct report *r, size_t line)
{
    return line + 1 < r->line_count ? r->line_starts[line + 1] - 1 : r->size;
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

void report_position(struct report *r, size_t offset, uint32_t *line, uint32_t *column)
{
    size_t index, characters = 1;

    *line = *column = 0;
    if (!r->text || offset > r->size || (!r->line_starts && !build_lines(r)))
        return;
    index = find_line(r, offset);
    for (size_t k = r->line_starts[index]; k < offset; k++)
        characters += !continues(r->text[k]);
    *line = (uint32_t)(index + 1);
    *column = (uint32_t)characters;
}

/* A byte that is safe on a terminal: control characters of the file are not passed on. */
static char printable(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c;
}

/* The part of the line around [offset, offset + span), and a line of blanks with carets below it. */
static void quote_line(struct report *r, size_t offset, size_t span, struct config_diagnostic *d)
{
    size_t line = find_line(r, offset), start = r->line_starts[line], end = line_end(r, line);
    size_t from = start, to, cells = 0;
    char *caret;

    if (offset - start > LINE_BEFORE + 20)
        from = offset - LINE_BEFORE;
    while (from > start && continues(r->text[from]))
        from--;
    to = end - from > LINE_WINDOW ? from + LINE_WINDOW : end;
    while (to > offset && to < end && continues(r->text[to]))
        to--;
    d->source_line = malloc(to - from + 1);
    caret = d->caret_line = malloc(to - from + 2);
    if (!d->source_line || !caret)
        return;
    for (size_t k = from; k < to; k++)
        d->source_line[k - from] = printable(r->text[k]);
    d->source_line[to - from] = '\0';
    for (size_t k = from; k < offset; k++)
        if (!continues(r->text[k]))
            caret[cells++] = ' ';
    caret[cells++] = '^';
    for (size_t k = offset + 1; k < offset + span && k < to; k++)
        if (!continues(r->text[k]))
            caret[cells++] = '~';
    caret[cells] = '\0';
}

static void clear(struct config_diagnostic *d)
{
    free(d->message);
    free(d->source_line);
    free(d->caret_line);
}

static void count(struct config_diagnostics *out, enum config_severity severity)
{
    unsigned *counter[] = { &out->notes, &out->warnings, &out->errors };

    (*counter[severity])++;
}

/* A place for one more, or NULL. A full list gives up its least severe entry for a more severe one. */
static struct config_diagnostic *place(struct report *r, enum config_severity severity)
{
    struct config_diagnostics *out = r->out;
    struct config_diagnostic *victim = NULL;

    if (out->count < CONFIG_MAX_DIAGNOSTICS) {
        struct config_diagnostic *grown = realloc(out->item, (out->count + 1) * sizeof *grown);

        if (!grown) {
            r->failed = true;
            return NULL;
        }
        out->item = grown;
        return &out->item[out->count++];
    }
    for (unsigned i = out->count; i-- > 0;)
        if (out->item[i].severity < severity && (!victim || out->item[i].severity < victim->severity))
            victim = &out->item[i];
    if (victim)
        clear(victim);
    return victim;
}

void report_add(struct report *r, enum config_severity severity, size_t offset, size_t span, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    struct config_diagnostic *d;
    va_list arguments;

    count(r->out, severity);
    d = place(r, severity);
    if (!d)
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    for (char *c = message; *c; c++)
        *c = *c == '\n' ? '\n' : printable(*c);
    *d = (struct config_diagnostic){ .severity = severity, .message = strdup(message) };
    if (!d->message)
        r->failed = true;
    if (offset == REPORT_NOWHERE)
        return;
    report_position(r, offset, &d->line, &d->column);
    if (d->line)
        quote_line(r, offset, span, d);
}

static bool before(const struct config_diagnostic *a, const struct config_diagnostic *b)
{
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

void report_finish(struct report *r)
{
    struct config_diagnostic *item = r->out->item;

    for (unsigned i = 1; i < r->out->count; i++) /* insertion: stable, the list is short and nearly sorted */
        for (unsigned k = i; k > 0 && before(&item[k], &item[k - 1]); k--) {
            struct config_diagnostic swap = item[k];

            item[k] = item[k - 1];
            item[k - 1] = swap;
        }
    free(r->line_starts);
    r->line_starts = NULL;
}

void config_diagnostics_free(struct config_diagnostics *diagnostics)
{
    for (unsigned i = 0; i < diagnostics->count; i++)
        clear(&diagnostics->item[i]);
    free(diagnostics->item);
    *diagnostics = (struct config_diagnostics){ 0 };
}

static void print_one(FILE *out, const char *name, const struct config_diagnostic *d)
{
    static const char *const words[] = { "note", "warning", "error" };

    fprintf(out, "%s:", name);
    if (d->line)
        fprintf(out, "%u:%u:", (unsigned)d->line, (unsigned)d->column);
    fprintf(out, " %s: %s\n", words[d->severity], d->message ? d->message : "(out of memory)");
    if (d->source_line && d->caret_line)
        fprintf(out, "  %s\n  %s\n", d->source_line, d->caret_line);
}

void config_diagnostics_print(FILE *out, const char *name, const struct config_diagnostics *diagnostics,
                              enum config_severity least)
{
    const unsigned seen[] = { diagnostics->notes, diagnostics->warnings, diagnostics->errors };
    unsigned kept[] = { 0, 0, 0 }, missing = 0;

    for (unsigned i = 0; i < diagnostics->count; i++) {
        kept[diagnostics->item[i].severity]++;
        if (diagnostics->item[i].severity >= least)
            print_one(out, name, &diagnostics->item[i]);
    }
    for (int severity = (int)least; severity <= CONFIG_ERROR; severity++)
        missing += seen[severity] - kept[severity];
    if (missing)
        fprintf(out, "%s: %u more not shown\n", name, missing);
}
