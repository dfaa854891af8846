/* SPDX-License-Identifier: MIT */
/*
 * What loads but is unlikely to be meant: how the filters of a block work together, and the blocks of a tag. What a single
 * value can do is in lint_value.c.
 */
#include "lint.h"

#include <stdlib.h>
#include <string.h>

/* Filters of one Rule or block with the same field are alternatives; two negative ones leave nothing out. */
static bool negative(const struct tree_node *filter)
{
    switch (grammar_condition(tree_attribute(filter, "condition"))) {
    case BLOB_IS_NOT:
    case BLOB_EXCLUDES:
    case BLOB_EXCLUDES_ANY:
    case BLOB_NOT_BEGIN_WITH:
    case BLOB_NOT_END_WITH:
        return true;
    default:
        return false;
    }
}

/* `container`: a block, whose filters of one field are always alternatives, or a Rule that says `or`. */
static void lint_negatives(struct loader *l, const struct tree_node *container)
{
    for (const struct tree_node *a = container->first; a; a = a->next) {
        if (grammar_is_rule(a) || !negative(a))
            continue;
        for (const struct tree_node *b = container->first; b != a; b = b->next)
            if (!grammar_is_rule(b) && negative(b) && !strcmp(a->name, b->name)) {
                report_add(&l->report, CONFIG_WARNING, a->offset + 1, strlen(a->name),
                           "a second negative condition on %s: the two are alternatives, so together they match nearly everything; "
                           "put them into <Rule groupRelation=\"and\">", a->name);
                return;
            }
    }
}

static unsigned count_children(const struct tree_node *node)
{
    unsigned count = 0;

    for (const struct tree_node *child = node->first; child; child = child->next)
        count++;
    return count;
}

static void lint_rule(struct loader *l, const struct tree_node *rule)
{
    const char *relation = tree_attribute(rule, "groupRelation");

    if (!rule->first)
        report_add(&l->report, CONFIG_WARNING, rule->offset + 1, strlen(rule->name), "an empty Rule has no effect");
    else if (!relation && rule->first->next)
        report_add(&l->report, CONFIG_NOTE, rule->offset + 1, strlen(rule->name),
                   "a Rule without groupRelation combines its filters with 'or'");
    if (!relation || same_word(relation, "or"))
        lint_negatives(l, rule);
}

/* ---- the relation nobody wrote ---- */

static bool several_fields(const struct tree_node *block)
{
    for (const struct tree_node *child = block->first; child; child = child->next)
        if (strcmp(child->name, block->first->name) || grammar_is_rule(child))
            return child->next || child != block->first;
    return false;
}

static void lint_relation(struct loader *l, const struct config_block *block)
{
    const struct tree_node *parent = block->node->parent;
    const char *word = block->relation == BLOB_AND ? "and" : "or";

    if (!several_fields(block->node) || tree_attribute(parent, "groupRelation"))
        return;
    report_add(&l->report, CONFIG_NOTE, block->node->offset + 1, strlen(block->node->name),
               "without a RuleGroup that has a groupRelation, the different fields of this block combine with '%s' (schema %u.%02u)",
               word, (unsigned)(l->config->schema_version >> 16), (unsigned)(l->config->schema_version & 0xffff));
}

/* ---- tags shared by several events ---- */

/*
 * A block is compiled against one member of its tag; another member takes part in a filter only if it has the same field at the
 * same index (spec 03 section 7.4). Returns a mask of members that have the field elsewhere.
 */
static unsigned displaced_members(const struct config_block *block, const char *field)
{
    int index = catalogue_field_index(block->event, field, strlen(field));
    unsigned mask = 0;

    for (unsigned i = 0; i < block->members; i++) {
        int other = catalogue_field_index(&block->first[i], field, strlen(field));

        if (index >= 0 && other >= 0 && other != index)
            mask |= 1u << i;
    }
    return mask;
}

static void lint_displaced(struct loader *l, const struct config_block *block, const struct tree_node *filter)
{
    unsigned mask = displaced_members(block, filter->name);
    char list[32] = "";
    size_t used = 0;

    for (unsigned i = 0; i < block->members; i++)
        if (mask & 1u << i)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%u", used ? " and " : "", (unsigned)block->first[i].id);
    if (mask)
        report_add(&l->report, CONFIG_WARNING, filter->offset + 1, strlen(filter->name),
                   "this %s block is compiled against event %u; %s has another place in event %s, where this filter never matches",
                   block->first->tag, (unsigned)block->event->id, filter->name, list);
}

/* ---- age ---- */

static void say_age(struct loader *l, const struct tree_node *node, uint32_t since)
{
    report_add(&l->report, CONFIG_NOTE, node->offset + 1, strlen(node->name),
               "%s exists since schema %u.%02u; the published strict readers refuse it in a file of schema %u.%02u", node->name,
               (unsigned)(since >> 16), (unsigned)(since & 0xffff), (unsigned)(l->config->schema_version >> 16),
               (unsigned)(l->config->schema_version & 0xffff));
}

static void lint_age(struct loader *l, const struct config_block *block, const struct tree_node *filter)
{
    size_t event = (size_t)(block->event - catalogue_events);
    int index = catalogue_field_index(block->event, filter->name, strlen(filter->name));

    if (index < 0 || l->noted_age[event] || block->event->fields[index].since <= l->config->schema_version)
        return;
    l->noted_age[event] = true;
    say_age(l, filter, block->event->fields[index].since);
}

/* ---- repetition ---- */

struct repeat {
    uint64_t hash;
    const struct tree_node *filter;
};

static uint64_t hash_text(uint64_t hash, const char *text, size_t size)
{
    for (size_t i = 0; i <= size; i++) /* with the terminator, so that neighbours cannot run together */
        hash = (hash ^ (unsigned char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i])) * 0x100000001b3ull;
    return hash;
}

static int by_hash(const void *a, const void *b)
{
    const struct repeat *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->filter->offset < y->filter->offset ? -1 : 1;
}

static bool same_filter(const struct tree_node *a, const struct tree_node *b)
{
    return !strcmp(a->name, b->name) && a->text_size == b->text_size && same_word(a->text, b->text) &&
           grammar_condition(tree_attribute(a, "condition")) == grammar_condition(tree_attribute(b, "condition"));
}

static void say_repeats(struct loader *l, struct repeat *list, size_t count)
{
    uint32_t line, column;

    qsort(list, count, sizeof *list, by_hash);
    for (size_t i = 1; i < count; i++) {
        const struct tree_node *first = list[i - 1].filter, *again = list[i].filter;

        if (list[i].hash != list[i - 1].hash || !same_filter(first, again))
            continue;
        report_position(&l->report, first->offset, &line, &column);
        report_add(&l->report, CONFIG_NOTE, again->offset + 1, strlen(again->name), "the same filter as in line %u", (unsigned)line);
    }
}

/* Equal filters directly inside one block; inside Rules repetition is normal. */
static void lint_repeats(struct loader *l, const struct tree_node *block)
{
    struct repeat *list = malloc((count_children(block) + 1) * sizeof *list);
    size_t count = 0;

    if (!list)
        return;
    for (const struct tree_node *child = block->first; child; child = child->next) {
        const char *condition = tree_attribute(child, "condition");
        uint64_t hash = hash_text(0xcbf29ce484222325ull, child->name, strlen(child->name));

        if (grammar_is_rule(child))
            continue;
        hash = hash_text(hash, condition && *condition ? condition : "is", condition && *condition ? strlen(condition) : 2);
        list[count++] = (struct repeat){ hash_text(hash, child->text, child->text_size), child };
    }
    say_repeats(l, list, count);
    free(list);
}

/* ---- */

static void lint_filter(struct loader *l, const struct config_block *block, const struct tree_node *filter)
{
    lint_value(l, block, filter);
    lint_displaced(l, block, filter);
    lint_age(l, block, filter);
}

void lint_block(struct loader *l, const struct config_block *block)
{
    size_t event = (size_t)(block->first - catalogue_events);

    if (block->first->since > l->config->schema_version && !l->noted_age[event]) {
        l->noted_age[event] = true;
        say_age(l, block->node, block->first->since);
    }
    lint_relation(l, block);
    lint_negatives(l, block->node);
    lint_repeats(l, block->node);
    for (const struct tree_node *child = block->node->first; child; child = child->next) {
        if (!grammar_is_rule(child)) {
            lint_filter(l, block, child);
            continue;
        }
        lint_rule(l, child);
        for (const struct tree_node *filter = child->first; filter; filter = filter->next)
            lint_filter(l, block, filter);
    }
}

/* The blocks of one tag together: with two or more, an event that matches none is dropped (spec 03 section 7.3). */
static void lint_tag(struct loader *l, const struct catalogue_event *first)
{
    const struct config_block *second = NULL;
    unsigned count = 0, including = 0;

    for (uint32_t i = 0; i < l->block_count; i++)
        if (l->block[i].first == first) {
            including += l->block[i].default_action == BLOB_DEFAULT_EXCLUDE;
            if (++count == 2)
                second = &l->block[i];
        }
    if (second && including == 0)
        report_add(&l->report, CONFIG_WARNING, second->node->offset + 1, strlen(second->node->name),
                   "%u exclude blocks of %s and no include block: with more than one block, events that match none of them are "
                   "dropped, so nothing is logged; merge them into one", count, first->tag);
}

void lint_blocks(struct loader *l)
{
    for (unsigned i = 0; i < CATALOGUE_EVENT_COUNT;) {
        const struct catalogue_event *first = &catalogue_events[i];

        i += first->tag ? catalogue_tag_members(first) : 1;
        if (first->tag)
            lint_tag(l, first);
    }
}
