/* SPDX-License-Identifier: MIT */
/* Building the tree of a configuration from the XML reader's events. One arena holds it; freeing is one walk. */
#include "config_tree.h"

#include "port/xml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (64u << 10)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    char data[];
};

struct builder {
    struct tree *tree;
    struct report *report;
    struct tree_node *open; /* innermost element that has not ended */
    unsigned depth;
    size_t elements;
    /* Text of the open elements, outermost first; `starts` says where each one's begins. */
    char *scratch;
    size_t scratch_used, scratch_size;
    size_t starts[CONFIG_MAX_DEPTH + 1];
    int error;
};

void *tree_alloc(struct tree *tree, size_t size)
{
    struct arena_chunk *chunk = tree->chunks;
    void *memory;

    size = (size + 15) & ~(size_t)15;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t capacity = size > CHUNK_SIZE ? size : CHUNK_SIZE;

        chunk = malloc(sizeof *chunk + capacity);
        if (!chunk)
            return NULL;
        *chunk = (struct arena_chunk){ .next = tree->chunks, .size = capacity };
        tree->chunks = chunk;
    }
    memory = chunk->data + chunk->used;
    chunk->used += size;
    return memset(memory, 0, size);
}

void tree_free(struct tree *tree)
{
    while (tree->chunks) {
        struct arena_chunk *next = tree->chunks->next;

        free(tree->chunks);
        tree->chunks = next;
    }
    tree->root = NULL;
}

static int fail(struct builder *b, int error)
{
    b->error = error;
    return -1;
}

static char *copy(struct tree *tree, const char *text, size_t size)
{
    char *made = tree_alloc(tree, size + 1);

    return made ? memcpy(made, text, size) : NULL;
}

static int copy_attributes(struct builder *b, struct tree_node *node, const struct xml_attribute *given)
{
    struct tree_attribute *made;
    size_t count = 0;

    while (given[count].name)
        count++;
    if (count > CONFIG_MAX_ATTRIBUTES) {
        report_add(b->report, CONFIG_ERROR, node->offset, 1, "element %s has more than %d attributes", node->name,
                   CONFIG_MAX_ATTRIBUTES);
        return fail(b, -E2BIG);
    }
    node->attributes = made = tree_alloc(b->tree, (count + 1) * sizeof *made);
    if (!made)
        return fail(b, -ENOMEM);
    for (size_t i = 0; i < count; i++) {
        made[i].name = copy(b->tree, given[i].name, strlen(given[i].name));
        made[i].value = copy(b->tree, given[i].value, strlen(given[i].value));
        if (!made[i].name || !made[i].value)
            return fail(b, -ENOMEM);
    }
    return 0;
}

static int check_limits(struct builder *b, size_t offset)
{
    if (b->depth >= CONFIG_MAX_DEPTH) {
        report_add(b->report, CONFIG_ERROR, offset, 1, "elements are nested more than %d deep", CONFIG_MAX_DEPTH);
        return fail(b, -E2BIG);
    }
    if (++b->elements > CONFIG_MAX_ELEMENTS) {
        report_add(b->report, CONFIG_ERROR, offset, 1, "more than %u elements", CONFIG_MAX_ELEMENTS);
        return fail(b, -E2BIG);
    }
    return 0;
}

static int on_start(void *context, const char *name, const struct xml_attribute *attributes, size_t offset)
{
    struct builder *b = context;
    struct tree_node *node;

    if (check_limits(b, offset))
        return -1;
    node = tree_alloc(b->tree, sizeof *node);
    if (!node)
        return fail(b, -ENOMEM);
    *node = (struct tree_node){ .name = copy(b->tree, name, strlen(name)), .text = "", .offset = offset,
                                .stray = REPORT_NOWHERE, .parent = b->open };
    if (!node->name)
        return fail(b, -ENOMEM);
    if (copy_attributes(b, node, attributes))
        return -1;
    if (!b->open)
        b->tree->root = node;
    else if (!b->open->first)
        b->open->first = b->open->last = node;
    else
        b->open->last = b->open->last->next = node;
    b->open = node;
    b->starts[++b->depth] = b->scratch_used;
    return 0;
}

static int on_end(void *context)
{
    struct builder *b = context;
    size_t start = b->starts[b->depth], size = b->scratch_used - start;

    if (size && !b->open->first) {
        b->open->text = copy(b->tree, b->scratch + start, size);
        b->open->text_size = size;
        if (!b->open->text)
            return fail(b, -ENOMEM);
    }
    b->scratch_used = start;
    b->open = b->open->parent;
    b->depth--;
    return 0;
}

static void note_stray(struct tree_node *node, const char *text, size_t size, size_t offset)
{
    for (size_t i = 0; i < size && node->stray == REPORT_NOWHERE; i++)
        if (!strchr(" \t\n\r", text[i]))
            node->stray = offset + i;
}

static int on_text(void *context, const char *text, size_t size, size_t offset)
{
    struct builder *b = context;

    if (!b->open || !size)
        return 0;
    note_stray(b->open, text, size, offset);
    if (b->scratch_used + size > b->scratch_size) {
        size_t wanted = (b->scratch_used + size) * 2 + 1024;
        char *grown = realloc(b->scratch, wanted);

        if (!grown)
            return fail(b, -ENOMEM);
        b->scratch = grown;
        b->scratch_size = wanted;
    }
    memcpy(b->scratch + b->scratch_used, text, size);
    b->scratch_used += size;
    return 0;
}

/* Only a bare `&` or `<` needs more words than the parser has: it is the commonest mistake in filter values. */
static void report_syntax(const struct builder *b, const struct xml_failure *failure)
{
    const char *text = b->report->text;
    size_t at = failure->offset;

    /* The parser stops behind the `&`, on what cannot be a reference. */
    for (size_t back = 0; back < 64 && at >= back && (back == 0 || !strchr("\n;", text[at - back])); back++)
        if (text[at - back] == '&') {
            report_add(b->report, CONFIG_ERROR, at - back, 1, "not well-formed XML: write & as &amp;");
            return;
        }
    if (at > 0 && at < b->report->size && text[at - 1] == '<') {
        report_add(b->report, CONFIG_ERROR, at - 1, 1, "not well-formed XML: write < as &lt; inside a value");
        return;
    }
    report_add(b->report, CONFIG_ERROR, at, 1, "not well-formed XML%s%s", *failure->detail ? ": " : "", failure->detail);
}

static void report_open_element(struct builder *b, size_t offset, const char *what)
{
    uint32_t line, column;

    report_position(b->report, b->open->offset, &line, &column);
    report_add(b->report, CONFIG_ERROR, offset, 1, "%s <%s> opened at line %u", what, b->open->name, (unsigned)line);
}

/* The `<` at or before an offset. */
static size_t tag_before(const struct builder *b, size_t offset)
{
    size_t at = offset < b->report->size ? offset : b->report->size;

    while (at > 0 && b->report->text[at] != '<')
        at--;
    return at;
}

static void report_doctype(struct builder *b, size_t offset)
{
    report_add(b->report, CONFIG_ERROR, offset, 9,
               "document type declarations are refused; remove the DOCTYPE, entities other than &lt; &gt; &amp; &quot; "
               "&apos; cannot be used");
}

static void report_failure(struct builder *b, const struct xml_failure *failure)
{
    size_t tag = tag_before(b, failure->offset);

    switch (failure->problem) {
    case XML_DOCTYPE:
        report_doctype(b, tag);
        break;
    case XML_ENTITY:
        report_add(b->report, CONFIG_ERROR, failure->offset, 1,
                   "unknown entity; only &lt; &gt; &amp; &quot; &apos; and &#number; exist, a plain & is written &amp;");
        break;
    case XML_DUPLICATE_ATTRIBUTE:
        report_add(b->report, CONFIG_ERROR, tag, 1, "an attribute of this element is given twice");
        break;
    case XML_TRAILING:
        report_add(b->report, CONFIG_ERROR, failure->offset, 1, "content after the end of the root element");
        break;
    case XML_MEMORY:
        b->error = -ENOMEM;
        break;
    case XML_MISMATCH:
        if (b->open) {
            report_open_element(b, failure->offset, "this end tag does not close");
            break;
        }
        report_syntax(b, failure);
        break;
    case XML_NO_ROOT:
    case XML_UNCLOSED:
        if (b->open)
            report_open_element(b, failure->offset, "the file ends before the end of");
        else if (failure->problem == XML_UNCLOSED)
            report_add(b->report, CONFIG_ERROR, failure->offset, 1, "the file ends inside a tag or comment");
        else
            report_add(b->report, CONFIG_ERROR, REPORT_NOWHERE, 0, "there is no Sysmon element");
        break;
    default:
        if (!strncmp(b->report->text + tag, "<!DOCTYPE", 9)) /* in the wrong place as well */
            report_doctype(b, tag);
        else
            report_syntax(b, failure);
    }
}

/* Closes what an error left open, so that the rest can still be checked. */
static void close_open(struct builder *b)
{
    while (b->open && !on_end(b))
        ;
}

int tree_parse(struct tree *tree, const struct config_text *text, struct report *report)
{
    struct builder b = { .tree = tree, .report = report };
    const struct xml_handler handler = { on_start, on_end, on_text, &b };
    struct xml_failure failure;

    *tree = (struct tree){ 0 };
    if (xml_parse(text->data, text->size, &handler, &failure)) {
        if (!b.error) {
            b.error = -EILSEQ;
            report_failure(&b, &failure);
        }
        close_open(&b);
    }
    free(b.scratch);
    return b.error;
}

const char *tree_attribute(const struct tree_node *node, const char *name)
{
    for (const struct tree_attribute *a = node->attributes; a->name; a++)
        if (!strcmp(a->name, name))
            return a->value;
    return NULL;
}

struct tree_place tree_place_name(const struct tree_node *node)
{
    return (struct tree_place){ node->offset + 1, strlen(node->name) };
}

/* Scans the start tag, which the parser has found to be well-formed. */
static struct tree_place scan(const struct report *report, const struct tree_node *node, const char *attribute, bool value)
{
    size_t size = strlen(attribute), start = node->offset + 1 + strlen(node->name);
    const char *p = report->text + start, *end = report->text + report->size;

    if (start > report->size)
        return tree_place_name(node);

    while (p < end && *p != '>' && *p != '/') {
        const char *name, *open;

        while (p < end && strchr(" \t\n\r", *p))
            p++;
        name = p;
        while (p < end && !strchr(" \t\n\r=>/", *p))
            p++;
        if (p == name)
            break;
        if (!value && (size_t)(p - name) == size && !strncmp(name, attribute, size))
            return (struct tree_place){ (size_t)(name - report->text), size };
        while (p < end && *p != '"' && *p != '\'')
            p++;
        open = p < end ? p++ : p;
        while (p < end && *p != *open)
            p++;
        if (value && !strncmp(name, attribute, size) && strchr(" \t\n\r=", name[size]))
            return (struct tree_place){ (size_t)(open + 1 - report->text), (size_t)(p - open - 1) };
        p += p < end;
    }
    return tree_place_name(node);
}

struct tree_place tree_place_attribute(const struct report *report, const struct tree_node *node, const char *attribute)
{
    return scan(report, node, attribute, false);
}

struct tree_place tree_place_value(const struct report *report, const struct tree_node *node, const char *attribute)
{
    return scan(report, node, attribute, true);
}

struct tree_place tree_place_text(const struct report *report, const struct tree_node *node)
{
    const char *p, *end;

    if (node->stray == REPORT_NOWHERE || node->stray >= report->size)
        return tree_place_name(node);
    p = report->text + node->stray;
    end = memchr(p, '<', report->size - node->stray);
    while (end && end > p && strchr(" \t\n\r", end[-1]))
        end--;
    return (struct tree_place){ node->stray, end ? (size_t)(end - p) : 1 };
}
