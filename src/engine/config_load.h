/* SPDX-License-Identifier: MIT */
/* One configuration on its way from tree to blob: what the steps hand to each other. */
#pragma once

#include "blob_writer.h"
#include "config_tree.h"

/* One event element that passed the grammar. */
struct config_block {
    const struct tree_node *node;
    const struct catalogue_event *first; /* of the events sharing the tag */
    unsigned members;
    const struct catalogue_event *event; /* the member it compiles against: the first that has all its fields */
    enum blob_default default_action;
    enum blob_relation relation;
    const char *group_name; /* NULL: none */
};

struct loader {
    const struct config_parameters *parameters;
    struct config *config;
    struct report report;
    struct tree tree;
    bool newer; /* the file's schema is newer than ours: unknown elements are skipped */
    struct config_block *block;
    uint32_t block_count, block_capacity, filter_count;
    uint32_t tag_blocks[CATALOGUE_EVENT_COUNT]; /* blocks so far, by the tag's first event */
    bool noted_event[CATALOGUE_EVENT_COUNT]; /* said once per file: not served by this system, newer than the schema */
    bool noted_age[CATALOGUE_EVENT_COUNT];
    uint32_t noted_field[CATALOGUE_EVENT_COUNT]; /* mask of fields: always `-` on this system */
    int error; /* -ENOMEM and the like; mistakes in the file are counted by the report */
};

/* config_grammar.c: walks the tree, reports every mistake, lists the blocks in document order, sets options. */
void grammar_check(struct loader *loader);
/* The child elements of a block that are filters: this element itself, or the children of a Rule. */
bool grammar_is_rule(const struct tree_node *node);
/* Condition code of a name, ASCII case ignored; NULL or empty is `is`; negative when unknown. */
int grammar_condition(const char *name);
/* Absent and empty names are the same: NULL. */
const char *grammar_name(const struct tree_node *node);

/* config_options.c: one option element. */
void options_element(struct loader *loader, const struct tree_node *node);

/* config_blocks.c: the blocks, and the command line's filters, to config->blob. 0 or a negative errno. */
int blocks_compile(struct loader *loader);

/* lint.c: what loads but is unlikely to be meant. Called for blocks that compile. */
void lint_block(struct loader *loader, const struct config_block *block);
void lint_blocks(struct loader *loader);

/* ASCII case ignored. */
bool same_word(const char *a, const char *b);
