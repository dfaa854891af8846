/* SPDX-License-Identifier: MIT */
/* From checked blocks to the rules blob (spec 03 section 6). */
#include "config_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A field that only a newer schema knows: beyond every event's fields, where a filter never matches (spec 03 section 7.4). */
#define FIELD_UNKNOWN 0xffffu

/* A filter list of the command line, used up by the first block of its event. */
struct line_filters {
    uint32_t event_id, field;
    const char *list; /* NULL: none, or used */
};

struct compiler {
    struct loader *loader;
    struct blob_writer writer;
    struct line_filters line[2];
    int error;
};

static int keep(struct compiler *c, int rc)
{
    if (rc)
        c->error = rc;
    return rc;
}

/* Adds what -l or -n gave: `image` conditions, comma separated, `,,` being a literal comma. */
static int add_line_filters(struct compiler *c, uint32_t event_id)
{
    for (size_t i = 0; i < sizeof c->line / sizeof *c->line; i++) {
        struct line_filters *line = &c->line[i];
        const char *p = line->list;
        char name[512];

        if (!p || line->event_id != event_id)
            continue;
        line->list = NULL;
        while (*p) {
            size_t used = 0;

            for (; *p && (*p != ',' || p[1] == ','); p++) {
                if (used + 1 < sizeof name)
                    name[used++] = *p;
                p += *p == ',';
            }
            p += *p == ',';
            if (used && keep(c, blob_writer_filter(&c->writer, line->field, BLOB_IMAGE, NULL, name, used)))
                return c->error;
        }
    }
    return 0;
}

static bool known_to_any(const struct config_block *block, const char *field)
{
    for (unsigned i = 0; i < block->members; i++)
        if (catalogue_field_index(&block->first[i], field, strlen(field)) >= 0)
            return true;
    return false;
}

/* 1 added, 0 this event has no such field, negative error. */
static int add_filter(struct compiler *c, const struct config_block *block, const struct catalogue_event *event,
                      const struct tree_node *node, const char *inherited)
{
    const char *name = grammar_name(node);
    int field = catalogue_field_index(event, node->name, strlen(node->name));

    if (field < 0 && known_to_any(block, node->name))
        return 0;
    if (keep(c, blob_writer_filter(&c->writer, field < 0 ? FIELD_UNKNOWN : (uint32_t)field,
                                   (enum blob_condition)grammar_condition(tree_attribute(node, "condition")),
                                   name ? name : inherited, node->text, node->text_size)))
        return c->error;
    return 1;
}

static int add_rule(struct compiler *c, const struct config_block *block, const struct catalogue_event *event,
                    const struct tree_node *rule)
{
    const char *relation = tree_attribute(rule, "groupRelation"), *name = grammar_name(rule);
    enum blob_relation combine = relation && !same_word(relation, "or") ? BLOB_AND : BLOB_OR;
    int rc = 1;

    if (keep(c, blob_writer_aggregation(&c->writer, combine, name)))
        return c->error;
    for (const struct tree_node *node = rule->first; node && rc > 0; node = node->next)
        rc = add_filter(c, block, event, node, name ? name : block->group_name);
    blob_writer_end_aggregation(&c->writer);
    return rc;
}

/* Tries one member of the tag. 1 compiled, 0 undone because a field is missing, negative error. */
static int try_member(struct compiler *c, const struct config_block *block, const struct catalogue_event *event)
{
    int rc = 1;

    if (keep(c, blob_writer_block(&c->writer, event->id, block->default_action, block->relation)) ||
        add_line_filters(c, event->id))
        return c->error;
    for (const struct tree_node *node = block->node->first; node && rc > 0; node = node->next)
        rc = grammar_is_rule(node) ? add_rule(c, block, event, node) : add_filter(c, block, event, node, block->group_name);
    if (rc == 0)
        blob_writer_undo(&c->writer);
    return rc;
}

/* Every member is tried as the original does, because an undone attempt leaves its traces (spec 04 section 6). */
static int add_block(struct compiler *c, const struct config_block *block)
{
    for (unsigned i = 0; i < block->members; i++) {
        int rc = try_member(c, block, &block->first[i]);

        if (rc)
            return rc < 0 ? rc : 0;
    }
    return keep(c, -EINVAL); /* the grammar has refused such a block */
}

/* E3: a block that takes up the command line's filters must have the event's own default. */
static int check_line_default(struct compiler *c, const struct config_block *block)
{
    struct loader *l = c->loader;

    for (size_t i = 0; i < sizeof c->line / sizeof *c->line; i++)
        if (c->line[i].list && c->line[i].event_id == block->first->id && block->default_action != BLOB_DEFAULT_EXCLUDE) {
            report_add(&l->report, CONFIG_ERROR, block->node->offset + 1, strlen(block->node->name),
                       "incompatible configuration and command-line rule on %s: -%c needs onmatch=\"include\" here",
                       block->node->name, c->line[i].event_id == EVENT_IMAGE_LOAD ? 'l' : 'n');
            return keep(c, -EINVAL);
        }
    return 0;
}

static int add_tag(struct compiler *c, const struct catalogue_event *first)
{
    for (uint32_t i = 0; i < c->loader->block_count; i++) {
        const struct config_block *block = &c->loader->block[i];

        if (block->first == first && (check_line_default(c, block) || add_block(c, block)))
            return c->error;
    }
    return 0;
}

/* Filters of the command line whose event has no block get one of their own, at the end. */
static int add_line_blocks(struct compiler *c)
{
    for (size_t i = 0; i < sizeof c->line / sizeof *c->line; i++) {
        struct line_filters *line = &c->line[i];

        if (line->list && *line->list &&
            (keep(c, blob_writer_block(&c->writer, line->event_id, BLOB_DEFAULT_EXCLUDE, BLOB_OR)) ||
             add_line_filters(c, line->event_id)))
            return c->error;
    }
    return 0;
}

static int option_of_tag(const char *tag)
{
    for (int i = 0; i < CATALOGUE_OPTION_COUNT; i++)
        if (catalogue_options[i].flags & OPTION_FLAG_RULE && !strcmp(catalogue_options[i].name, tag))
            return i;
    return -1;
}

/* Spec 03 section 5, from the finished blob: the last block of a tag decides. */
static int summarise(struct config *config)
{
    struct blob blob;
    struct blob_block block;
    int rc;

    if (!config->blob)
        return 0;
    rc = blob_open(&blob, config->blob, config->blob_size);
    if (rc)
        return -EINVAL;
    for (rc = blob_first_block(&blob, &block); rc == BLOB_ITEM; rc = blob_next_block(&blob, &block)) {
        int option = option_of_tag(catalogue_find(block.event_id)->tag);

        config->block_count++;
        config->filter_count += block.filter_count;
        if (option >= 0)
            config->switched[option] = block.filter_count == 0 && block.default_action == BLOB_DEFAULT_EXCLUDE
                                           ? CONFIG_SWITCH_OFF : CONFIG_SWITCH_ON;
    }
    return rc == BLOB_END ? 0 : -EINVAL;
}

int blocks_compile(struct loader *l)
{
    struct compiler c = {
        .loader = l,
        .line = { { EVENT_IMAGE_LOAD, IMAGE_LOAD_Image, l->parameters->image_load },
                  { EVENT_NETWORK_CONNECT, NETWORK_CONNECT_Image, l->parameters->network_connect } },
    };

    blob_writer_init(&c.writer, l->config->schema_version);
    for (unsigned i = 0; i < CATALOGUE_EVENT_COUNT && !c.error;) {
        const struct catalogue_event *first = &catalogue_events[i];

        i += first->tag ? catalogue_tag_members(first) : 1;
        if (first->tag)
            add_tag(&c, first);
    }
    if (!c.error && !add_line_blocks(&c)) {
        l->config->blob = blob_writer_finish(&c.writer, &l->config->blob_size);
        c.error = summarise(l->config);
    }
    if (c.error == -E2BIG)
        report_add(&l->report, CONFIG_ERROR, REPORT_NOWHERE, 0, "the compiled rules are larger than %u MiB", CONFIG_MAX_BLOB_SIZE >> 20);
    blob_writer_free(&c.writer);
    return c.error;
}
