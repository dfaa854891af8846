/* SPDX-License-Identifier: MIT */
/* A configuration's elements as a tree, each knowing where in the file it stands. */
#pragma once

#include "config_text.h"

struct tree_attribute {
    const char *name, *value;
};

struct tree_node {
    const char *name;
    const struct tree_attribute *attributes; /* ends with a NULL name */
    const char *text;      /* all text parts joined; "" when there is none */
    size_t text_size;
    size_t offset;         /* of the `<` */
    size_t stray;          /* offset of the first text that is not white space, or REPORT_NOWHERE */
    struct tree_node *parent, *first, *last, *next;
};

struct tree {
    struct tree_node *root; /* NULL: there was no element */
    struct arena_chunk *chunks;
};

/*
 * Parses decoded text. Returns 0, or a negative errno with errors in the report; the tree then holds what came before the
 * error. The caller frees it in both cases.
 */
int tree_parse(struct tree *tree, const struct config_text *text, struct report *report);
void tree_free(struct tree *tree);
/* Memory that lives as long as the tree, zeroed; NULL when there is none. */
void *tree_alloc(struct tree *tree, size_t size);

/* NULL when absent. */
const char *tree_attribute(const struct tree_node *node, const char *name);

/* Where to point at: an element's name, an attribute's name or value, the first text. */
struct tree_place {
    size_t offset, span;
};
struct tree_place tree_place_name(const struct tree_node *node);
struct tree_place tree_place_attribute(const struct report *report, const struct tree_node *node, const char *attribute);
struct tree_place tree_place_value(const struct report *report, const struct tree_node *node, const char *attribute);
struct tree_place tree_place_text(const struct report *report, const struct tree_node *node);
