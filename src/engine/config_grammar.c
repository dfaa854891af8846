/* SPDX-License-Identifier: MIT */
/*
 * The grammar of configurations (spec 03 section 2). Everything wrong is reported, not only the first mistake, and the
 * blocks that are right are listed for compilation.
 *
 * Strict where the published strict readers are, with the exceptions that files in circulation need: a RuleGroup without
 * groupRelation, values and the names Rule and RuleGroup in any case, RuleGroups inside RuleGroups.
 */
#include "config_load.h"
#include "suggestion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_TEXT "%u.%02u"
#define VERSION_PARTS(version) (unsigned)((version) >> 16), (unsigned)((version) & 0xffff)

bool same_word(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && !((*a ^ *b) == 0x20 && (*a | 0x20) >= 'a' && (*a | 0x20) <= 'z'))
            return false;
    return *a == *b;
}

bool grammar_is_rule(const struct tree_node *node)
{
    return same_word(node->name, "Rule");
}

static bool is_group(const struct tree_node *node)
{
    return same_word(node->name, "RuleGroup");
}

const char *grammar_name(const struct tree_node *node)
{
    const char *name = tree_attribute(node, "name");

    return name && *name ? name : NULL;
}

int grammar_condition(const char *name)
{
    if (!name || !*name)
        return BLOB_IS;
    for (int i = 0; i < BLOB_CONDITION_COUNT; i++)
        if (same_word(name, blob_condition_name((uint32_t)i)))
            return i;
    return -1;
}

/* `; did you mean 'X'?` or nothing. The buffer belongs to the caller. */
static const char *meant(char out[96], const struct suggestion *suggestion)
{
    if (suggestion->best)
        snprintf(out, 96, "; did you mean '%s'?", suggestion->best);
    else
        out[0] = '\0';
    return out;
}

static void report_at(struct loader *l, enum config_severity severity, struct tree_place place, const char *message)
{
    report_add(&l->report, severity, place.offset, place.span, "%s", message);
}

/* ---- attributes ---- */

static bool foreign(const char *attribute)
{
    return strchr(attribute, ':') || !strcmp(attribute, "xmlns");
}

/* `allowed` ends with NULL. */
static void check_attributes(struct loader *l, const struct tree_node *node, const char *const *allowed)
{
    for (const struct tree_attribute *a = node->attributes; a->name; a++) {
        struct suggestion near = suggestion_start(a->name);
        struct tree_place place;
        const char *const *known = allowed;
        char hint[96];

        while (*known && strcmp(*known, a->name))
            suggestion_offer(&near, *known++);
        if (*known || foreign(a->name))
            continue;
        place = tree_place_attribute(&l->report, node, a->name);
        report_add(&l->report, l->newer ? CONFIG_WARNING : CONFIG_ERROR, place.offset, place.span,
                   "unknown attribute '%s' of %s%s", a->name, node->name, meant(hint, &near));
    }
}

static void check_name(struct loader *l, const struct tree_node *node)
{
    const char *name = tree_attribute(node, "name");
    struct tree_place place;

    if (!name || strlen(name) <= CONFIG_MAX_NAME)
        return;
    place = tree_place_value(&l->report, node, "name");
    report_add(&l->report, CONFIG_ERROR, place.offset, place.span, "the rule name is larger than %d characters (%u bytes of UTF-8)",
               CONFIG_MAX_NAME, (unsigned)strlen(name));
}

/* groupRelation of a RuleGroup or Rule; `absent` when it is not given or wrong. */
static enum blob_relation relation_of(struct loader *l, const struct tree_node *node, enum blob_relation absent)
{
    const char *text = tree_attribute(node, "groupRelation");
    struct tree_place place;

    if (!text)
        return absent;
    if (same_word(text, "or"))
        return BLOB_OR;
    if (same_word(text, "and"))
        return BLOB_AND;
    place = tree_place_value(&l->report, node, "groupRelation");
    report_add(&l->report, CONFIG_ERROR, place.offset, place.span, "groupRelation is 'and' or 'or', not '%s'", text);
    return absent;
}

static void refuse_text(struct loader *l, const struct tree_node *node)
{
    if (node->stray != REPORT_NOWHERE) {
        struct tree_place place = tree_place_text(&l->report, node);

        report_add(&l->report, CONFIG_ERROR, place.offset, place.span,
                   "text directly inside <%s>; only elements belong here (comments are written <!-- … -->)", node->name);
    }
}

/* ---- filters ---- */

/* Members of the block's tag that have the field, as a mask. */
static unsigned members_with(const struct config_block *block, const char *field)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < block->members; i++)
        if (catalogue_field_index(&block->first[i], field, strlen(field)) >= 0)
            mask |= 1u << i;
    return mask;
}

/* Appends the tags that have the field: ` (it belongs to ImageLoad, DriverLoad)`. */
static void list_owners(char *out, size_t size, const char *field)
{
    size_t used = 0;
    const char *last = "";

    out[0] = '\0';
    for (unsigned i = 0; i < CATALOGUE_EVENT_COUNT; i++) {
        const struct catalogue_event *event = &catalogue_events[i];

        if (!event->tag || !strcmp(event->tag, last) || catalogue_field_index(event, field, strlen(field)) < 0)
            continue;
        last = event->tag;
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : " (it belongs to ", event->tag);
        if (used > size - 40)
            break;
    }
    if (used)
        snprintf(out + used, size - used, ")");
}

/* False: not a filter at all but the next event element, whose content means nothing here. */
static bool unknown_field(struct loader *l, const struct config_block *block, const struct tree_node *node)
{
    struct suggestion near = suggestion_start(node->name);
    char hint[96], owners[160];

    if (catalogue_find_tag(node->name, strlen(node->name)) || is_group(node)) {
        report_add(&l->report, CONFIG_ERROR, node->offset + 1, strlen(node->name),
                   "<%s> inside <%s>: event elements do not nest; is </%s> missing before it?", node->name, block->first->tag,
                   block->first->tag);
        return false;
    }
    for (unsigned m = 0; m < block->members; m++)
        for (uint32_t i = 0; i < block->first[m].field_count; i++)
            suggestion_offer(&near, block->first[m].fields[i].name);
    list_owners(owners, sizeof owners, node->name);
    report_add(&l->report, l->newer ? CONFIG_WARNING : CONFIG_ERROR, node->offset + 1, strlen(node->name),
               "incorrect field '%s': event %s has no such field%s%s%s", node->name, block->first->tag, owners, meant(hint, &near),
               l->newer ? " (newer schema: this filter never matches)" : "");
    return true;
}

/* What people write instead, beyond the reach of edit distance. */
static const char *condition_meant(const char *name)
{
    static const struct {
        const char *written, *meant;
    } alias[] = {
        { "equals", "is" }, { "equal", "is" }, { "==", "is" }, { "=", "is" }, { "not", "is not" }, { "not equals", "is not" },
        { "starts with", "begin with" }, { "startswith", "begin with" }, { "begins with", "begin with" },
        { "ends with", "end with" }, { "endswith", "end with" }, { "not contains", "excludes" },
        { "does not contain", "excludes" }, { "not contain", "excludes" }, { "in", "is any" }, { "greater than", "more than" },
        { "not starts with", "not begin with" }, { "not ends with", "not end with" }, { "not begins with", "not begin with" },
    };
    struct suggestion near = suggestion_start(name);

    for (size_t i = 0; i < sizeof alias / sizeof *alias; i++)
        if (same_word(name, alias[i].written))
            return alias[i].meant;
    for (int i = 0; i < BLOB_CONDITION_COUNT; i++)
        suggestion_offer(&near, blob_condition_name((uint32_t)i));
    return near.best;
}

static void check_condition(struct loader *l, const struct tree_node *node)
{
    const char *name = tree_attribute(node, "condition"), *near;
    struct tree_place place;

    if (grammar_condition(name) >= 0)
        return;
    place = tree_place_value(&l->report, node, "condition");
    near = condition_meant(name);
    if (near)
        report_add(&l->report, CONFIG_ERROR, place.offset, place.span, "unknown condition '%s'; did you mean '%s'?", name, near);
    else
        report_add(&l->report, CONFIG_ERROR, place.offset, place.span,
                   "unknown condition '%s'; expected values are is, is not, contains, contains any, is any, contains all, "
                   "excludes, excludes any, excludes all, begin with, end with, less than, more than, image, not begin with, "
                   "not end with", name);
}

/* Narrows `*mask`, the members that have every field so far. */
static void check_filter(struct loader *l, const struct config_block *block, const struct tree_node *node, unsigned *mask)
{
    static const char *const allowed[] = { "name", "condition", NULL };
    unsigned having = members_with(block, node->name);

    if (++l->filter_count == CONFIG_MAX_FILTERS + 1)
        report_add(&l->report, CONFIG_ERROR, node->offset, 1, "more than %u filters", CONFIG_MAX_FILTERS);
    if (!having && !unknown_field(l, block, node))
        return;
    if (having && *mask && !(*mask & having))
        report_add(&l->report, CONFIG_ERROR, node->offset + 1, strlen(node->name),
                   "incorrect field '%s': no single event of %s has it together with the fields above; give it an element of its own",
                   node->name, block->first->tag);
    if (having)
        *mask &= having;
    check_attributes(l, node, allowed);
    check_name(l, node);
    check_condition(l, node);
    if (node->first)
        report_add(&l->report, CONFIG_ERROR, node->first->offset, 1, "element <%s> inside filter <%s>; is </%s> missing before it?",
                   node->first->name, node->name, node->name);
    if (node->text_size > CONFIG_MAX_VALUE)
        report_add(&l->report, CONFIG_ERROR, node->offset, 1, "the value is longer than %u bytes", CONFIG_MAX_VALUE);
}

static void check_rule(struct loader *l, const struct config_block *block, const struct tree_node *rule, unsigned *mask)
{
    static const char *const allowed[] = { "name", "groupRelation", NULL };

    check_attributes(l, rule, allowed);
    check_name(l, rule);
    relation_of(l, rule, BLOB_OR);
    refuse_text(l, rule);
    for (const struct tree_node *child = rule->first; child; child = child->next)
        if (grammar_is_rule(child))
            report_at(l, CONFIG_ERROR, tree_place_name(child), "a Rule inside a Rule; Rules do not nest");
        else
            check_filter(l, block, child, mask);
}

/* ---- blocks ---- */

/* onmatch and its older inverse, default. */
static bool read_default(struct loader *l, const struct tree_node *node, enum blob_default *out)
{
    const char *onmatch = tree_attribute(node, "onmatch"), *old = tree_attribute(node, "default");
    const char *text = onmatch ? onmatch : old, *attribute = onmatch ? "onmatch" : "default";
    struct tree_place place;

    if (onmatch && old) {
        place = tree_place_attribute(&l->report, node, "default");
        report_add(&l->report, CONFIG_ERROR, place.offset, place.span,
                   "can't specify onmatch and default on %s; remove default, its older inverse", node->name);
        return false;
    }
    if (!text) {
        place = tree_place_name(node);
        report_add(&l->report, CONFIG_ERROR, place.offset, place.span,
                   "%s needs onmatch=\"include\" (log what matches) or onmatch=\"exclude\" (log all but what matches)", node->name);
        return false;
    }
    if (!same_word(text, "include") && !same_word(text, "exclude")) {
        place = tree_place_value(&l->report, node, attribute);
        report_add(&l->report, CONFIG_ERROR, place.offset, place.span, "%s is 'include' or 'exclude', not '%s'", attribute, text);
        return false;
    }
    *out = same_word(text, "include") == (onmatch != NULL) ? BLOB_DEFAULT_EXCLUDE : BLOB_DEFAULT_INCLUDE;
    return true;
}

static int add_block(struct loader *l, const struct config_block *block)
{
    if (l->block_count == l->block_capacity) {
        uint32_t capacity = l->block_capacity ? l->block_capacity * 2 : 64;
        struct config_block *grown = realloc(l->block, capacity * sizeof *grown);

        if (!grown)
            return l->error = -ENOMEM;
        l->block = grown;
        l->block_capacity = capacity;
    }
    l->block[l->block_count++] = *block;
    return 0;
}

/* An event that the system cannot observe is said once per file; its rules load all the same. */
static void note_served(struct loader *l, const struct tree_node *node, const struct catalogue_event *first)
{
    size_t index = (size_t)(first - catalogue_events);

    if (first->systems & l->parameters->system || l->noted_event[index])
        return;
    l->noted_event[index] = true;
    report_add(&l->report, CONFIG_NOTE, node->offset + 1, strlen(node->name), "%s is not observed on %s; its rules load but never apply",
               node->name, l->parameters->system == CATALOGUE_LINUX ? "Linux" : "Windows");
}

static void check_block(struct loader *l, const struct tree_node *node, const struct catalogue_event *first,
                        const struct tree_node *group, enum blob_relation relation)
{
    static const char *const allowed[] = { "onmatch", "default", NULL };
    struct config_block block = { .node = node, .first = first, .members = catalogue_tag_members(first), .relation = relation,
                                  .group_name = group ? grammar_name(group) : NULL };
    unsigned mask = (1u << block.members) - 1, errors = l->report.out->errors;

    note_served(l, node, first);
    if (++l->tag_blocks[first - catalogue_events] == CONFIG_MAX_TAG_BLOCKS + 1)
        report_add(&l->report, CONFIG_ERROR, node->offset, 1, "more than %u %s elements", CONFIG_MAX_TAG_BLOCKS, node->name);
    check_attributes(l, node, allowed);
    refuse_text(l, node);
    read_default(l, node, &block.default_action);
    for (const struct tree_node *child = node->first; child; child = child->next)
        if (grammar_is_rule(child))
            check_rule(l, &block, child, &mask);
        else
            check_filter(l, &block, child, &mask);
    if (l->report.out->errors != errors)
        return;
    while (mask && !(mask & 1)) {
        mask >>= 1;
        first++;
    }
    block.event = first;
    if (!add_block(l, &block) && !l->parameters->no_lint)
        lint_block(l, &block);
}

/* ---- containers ---- */

/* An option, a filter or a Rule in the wrong place; false when the name is none of them. */
static bool misplaced(struct loader *l, const struct tree_node *node)
{
    char owners[160];

    list_owners(owners, sizeof owners, node->name);
    if (owners[0] || grammar_is_rule(node)) {
        report_add(&l->report, CONFIG_ERROR, node->offset + 1, strlen(node->name),
                   "<%s> outside of an event element; put it inside one, e.g. <ProcessCreate onmatch=\"include\">", node->name);
        return true;
    }
    for (unsigned i = 0; i < CATALOGUE_OPTION_COUNT; i++)
        if (!strcmp(node->name, catalogue_options[i].name)) {
            report_add(&l->report, CONFIG_ERROR, node->offset + 1, strlen(node->name),
                       "option <%s> belongs directly under <Sysmon>, before <EventFiltering>", node->name);
            return true;
        }
    return false;
}

static void unknown_element(struct loader *l, const struct tree_node *node)
{
    struct suggestion near = suggestion_start(node->name);
    char hint[96];

    if (!l->newer && misplaced(l, node))
        return;
    for (unsigned i = 0; i < CATALOGUE_EVENT_COUNT; i++)
        if (catalogue_events[i].tag)
            suggestion_offer(&near, catalogue_events[i].tag);
    suggestion_offer(&near, "RuleGroup");
    report_add(&l->report, l->newer ? CONFIG_WARNING : CONFIG_ERROR, node->offset + 1, strlen(node->name),
               "unknown event '%s'%s%s", node->name, meant(hint, &near), l->newer ? " (newer schema: skipped)" : "");
}

static void check_container(struct loader *l, const struct tree_node *container);

static void check_group(struct loader *l, const struct tree_node *group)
{
    static const char *const allowed[] = { "name", "groupRelation", NULL };

    check_attributes(l, group, allowed);
    check_name(l, group);
    relation_of(l, group, BLOB_AND);
    if (!tree_attribute(group, "groupRelation"))
        report_at(l, CONFIG_WARNING, tree_place_name(group),
                  "RuleGroup without groupRelation, which the published strict readers refuse; say \"or\" or \"and\"");
    if (is_group(group->parent))
        report_at(l, CONFIG_WARNING, tree_place_name(group),
                  "RuleGroup inside a RuleGroup; only the inner one's name and groupRelation count");
    check_container(l, group);
}

/* Relation of the filters of a block whose parent is `container` (spec 03 section 6 step 4). */
static enum blob_relation block_relation(struct loader *l, const struct tree_node *container)
{
    const char *text = is_group(container) ? tree_attribute(container, "groupRelation") : NULL;

    if (text)
        return same_word(text, "or") ? BLOB_OR : BLOB_AND;
    return l->config->schema_version > CATALOGUE_VERSION(4, 10) ? BLOB_AND : BLOB_OR;
}

static void check_container(struct loader *l, const struct tree_node *container)
{
    enum blob_relation relation = block_relation(l, container);

    refuse_text(l, container);
    for (const struct tree_node *child = container->first; child && !l->error; child = child->next) {
        const struct catalogue_event *first = catalogue_find_tag(child->name, strlen(child->name));

        if (is_group(child))
            check_group(l, child);
        else if (first)
            check_block(l, child, first, is_group(container) ? container : NULL, relation);
        else
            unknown_element(l, child);
    }
}

/* ---- the root ---- */

/* Text to version: a C number, rounded to two decimals (spec 03 section 3). False: not a version. */
static bool parse_version(const char *text, uint32_t *version)
{
    char *end, rounded[32], *point;
    double number = strtod(text, &end);
    unsigned long major, minor;

    if (end == text || !(number >= 1 && number < 65536))
        return false;
    snprintf(rounded, sizeof rounded, "%.2f", number);
    major = strtoul(rounded, &point, 10);
    minor = *point ? strtoul(point + 1, NULL, 10) : 0;
    *version = CATALOGUE_VERSION(major, minor);
    return major < 65536;
}

static void check_version(struct loader *l, const struct tree_node *root)
{
    const char *text = tree_attribute(root, "schemaversion");
    struct tree_place place;
    uint32_t version;

    if (!text) {
        report_at(l, CONFIG_ERROR, tree_place_name(root), "Sysmon needs a schemaversion, e.g. <Sysmon schemaversion=\"4.90\">");
        return;
    }
    place = tree_place_value(&l->report, root, "schemaversion");
    if (!parse_version(text, &version)) {
        report_add(&l->report, CONFIG_ERROR, place.offset, place.span, "invalid schema version number '%s'; ours is " VERSION_TEXT,
                   text, VERSION_PARTS(CATALOGUE_SCHEMA_VERSION));
        return;
    }
    if (version < CATALOGUE_VERSION(4, 0)) {
        report_add(&l->report, CONFIG_ERROR, place.offset, place.span, "incorrect or unsupported schema version " VERSION_TEXT
                   "; 4.00 is the oldest, ours is " VERSION_TEXT, VERSION_PARTS(version), VERSION_PARTS(CATALOGUE_SCHEMA_VERSION));
        return;
    }
    l->config->schema_version = version;
    l->newer = version > CATALOGUE_SCHEMA_VERSION;
    if (l->newer)
        report_add(&l->report, CONFIG_WARNING, place.offset, place.span, "schema version " VERSION_TEXT " is newer than ours, "
                   VERSION_TEXT "; elements unknown to us are skipped", VERSION_PARTS(version),
                   VERSION_PARTS(CATALOGUE_SCHEMA_VERSION));
}

void grammar_check(struct loader *l)
{
    static const char *const root_attributes[] = { "schemaversion", NULL }, *const none[] = { NULL };
    const struct tree_node *root = l->tree.root;

    if (strcmp(root->name, "Sysmon")) {
        report_add(&l->report, CONFIG_ERROR, root->offset + 1, strlen(root->name),
                   "the root element is '%s', expected 'Sysmon' (exactly so)", root->name);
        return;
    }
    check_version(l, root);
    check_attributes(l, root, root_attributes);
    refuse_text(l, root);
    for (const struct tree_node *child = root->first; child && !l->error; child = child->next)
        if (!strcmp(child->name, "EventFiltering")) {
            check_attributes(l, child, none);
            check_container(l, child);
        } else {
            options_element(l, child);
        }
}
