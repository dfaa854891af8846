/* SPDX-License-Identifier: MIT */
/* Splitting XML into text, tags and the rest. Portable, so that its tests run everywhere. */
#include "port/windows/markup.h"

#include <stdbool.h>
#include <string.h>

static int fail(struct xml_failure *failure, enum xml_problem problem, size_t offset)
{
    *failure = (struct xml_failure){ .problem = problem, .offset = offset };
    return -1;
}

static bool starts(const struct markup *m, size_t at, const char *with)
{
    size_t size = strlen(with);

    return m->size - at >= size && !memcmp(m->text + at, with, size);
}

static bool name_start(unsigned char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == ':' || c >= 0x80;
}

static bool name_part(unsigned char c)
{
    return name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* `&#10;` `&#xA;`: offset behind it, 0 when it is not one. That the character exists is XmlLite's business. */
static size_t number_reference(const struct markup *m, size_t at)
{
    bool hex = at + 2 < m->size && m->text[at + 2] == 'x';
    size_t first = at + 2 + hex, i = first;

    for (; i < m->size; i++) {
        unsigned char c = (unsigned char)m->text[i];

        if (!((c >= '0' && c <= '9') || (hex && (c | 0x20) >= 'a' && (c | 0x20) <= 'f')))
            break;
    }
    return i > first && i < m->size && m->text[i] == ';' ? i + 1 : 0;
}

/* Checks the reference whose `&` is at `at`; moves `*end` behind it. */
static int check_reference(const struct markup *m, size_t at, size_t *end, struct xml_failure *failure)
{
    static const char *const known[] = { "&lt;", "&gt;", "&amp;", "&quot;", "&apos;" };
    size_t i = at + 1;

    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (starts(m, at, known[k])) {
            *end = at + strlen(known[k]);
            return 0;
        }
    if (i < m->size && m->text[i] == '#' && (*end = number_reference(m, at)))
        return 0;
    while (i < m->size && name_part((unsigned char)m->text[i]))
        i++;
    if (i > at + 1 && i < m->size && m->text[i] == ';' && name_start((unsigned char)m->text[at + 1]))
        return fail(failure, XML_ENTITY, at);
    return fail(failure, XML_SYNTAX, at + 1);
}

/* Up to and including `closing`. */
static int until(struct markup *m, size_t from, const char *closing, struct xml_failure *failure)
{
    for (size_t i = from; i < m->size; i++)
        if (m->text[i] == closing[0] && starts(m, i, closing)) {
            m->end = i + strlen(closing);
            return 0;
        }
    return fail(failure, XML_UNCLOSED, m->start);
}

/* A start tag, whose quoted values may hold `>` but no `<`. */
static int start_tag(struct markup *m, struct xml_failure *failure)
{
    char quote = '\0';

    for (size_t i = m->start + 1; i < m->size; i++) {
        char c = m->text[i];

        if (c == '<')
            return fail(failure, XML_SYNTAX, i);
        if (c == '&') {
            if (check_reference(m, i, &i, failure))
                return -1;
            i--;
        } else if (quote) {
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '>') {
            m->end = i + 1;
            return 0;
        }
    }
    return fail(failure, XML_UNCLOSED, m->start);
}

static int text(struct markup *m, struct xml_failure *failure)
{
    size_t i = m->start;

    while (i < m->size && m->text[i] != '<') {
        if (starts(m, i, "]]>"))
            return fail(failure, XML_SYNTAX, i);
        if (m->text[i] != '&')
            i++;
        else if (check_reference(m, i, &i, failure))
            return -1;
    }
    m->end = i;
    return 0;
}

static int tag(struct markup *m, struct xml_failure *failure)
{
    m->kind = MARKUP_OTHER;
    if (starts(m, m->start, "<!--"))
        return until(m, m->start + 4, "-->", failure);
    if (starts(m, m->start, "<?"))
        return until(m, m->start + 2, "?>", failure);
    if (starts(m, m->start, "<!DOCTYPE"))
        return fail(failure, XML_DOCTYPE, m->start);
    if (starts(m, m->start, "<![CDATA[")) {
        m->kind = MARKUP_CDATA;
        return until(m, m->start + 9, "]]>", failure);
    }
    if (starts(m, m->start, "</")) {
        m->kind = MARKUP_END;
        return until(m, m->start + 2, ">", failure);
    }
    if (m->start + 1 >= m->size)
        return fail(failure, XML_UNCLOSED, m->start);
    if (!name_start((unsigned char)m->text[m->start + 1]))
        return fail(failure, XML_SYNTAX, m->start + 1);
    m->kind = MARKUP_START;
    return start_tag(m, failure);
}

void markup_init(struct markup *m, const char *from, size_t size)
{
    *m = (struct markup){ .text = from, .size = size, .kind = MARKUP_OTHER };
}

int markup_next(struct markup *m, struct xml_failure *failure)
{
    m->start = m->end;
    if (m->start >= m->size) {
        m->kind = MARKUP_DONE;
        return 0;
    }
    if (m->text[m->start] == '<')
        return tag(m, failure);
    m->kind = MARKUP_TEXT;
    return text(m, failure);
}
