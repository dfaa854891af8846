/* SPDX-License-Identifier: MIT */
/*
 * Filter values that load but cannot match, always match, or mean something else than they look like (spec 03 sections 8
 * and 10). A warning: the filter is without effect or always true. A note: it may be meant.
 */
#include "lint.h"
#include "suggestion.h"

#include <string.h>

struct scrutiny {
    struct loader *loader;
    const struct tree_node *filter;
    const struct catalogue_event *event;
    unsigned field;
    enum blob_condition condition;
    bool list; /* the condition splits its value at `;` */
};

#define SAY(s, severity, ...) \
    do { \
        struct tree_place place_ = tree_place_text(&(s)->loader->report, (s)->filter); \
        report_add(&(s)->loader->report, severity, place_.offset, place_.span, __VA_ARGS__); \
    } while (0)

static bool is_list(enum blob_condition condition)
{
    return condition == BLOB_CONTAINS_ANY || condition == BLOB_IS_ANY || condition == BLOB_CONTAINS_ALL ||
           condition == BLOB_EXCLUDES_ANY || condition == BLOB_EXCLUDES_ALL;
}

/* The whole field, or with `image` its last part, must equal the value. */
static bool compares_whole(enum blob_condition condition)
{
    return condition == BLOB_IS || condition == BLOB_IS_NOT || condition == BLOB_IS_ANY || condition == BLOB_IMAGE;
}

static const char *outcome(enum blob_condition condition)
{
    return condition == BLOB_IS_NOT ? "always matches" : "never matches";
}

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static const char *condition_name(const struct scrutiny *s)
{
    return blob_condition_name(s->condition);
}

/* ---- the shape of the text ---- */

/* Index: condition. What an empty value does to every event, since no field is ever empty. */
static void lint_empty(const struct scrutiny *s)
{
    static const char *const effect[BLOB_CONDITION_COUNT] = {
        [BLOB_IS] = "never matches", [BLOB_IS_NOT] = "always matches", [BLOB_CONTAINS] = "always matches",
        [BLOB_CONTAINS_ANY] = "always matches", [BLOB_IS_ANY] = "never matches", [BLOB_CONTAINS_ALL] = "always matches",
        [BLOB_EXCLUDES] = "never matches", [BLOB_EXCLUDES_ANY] = "never matches", [BLOB_EXCLUDES_ALL] = "never matches",
        [BLOB_BEGIN_WITH] = "always matches", [BLOB_END_WITH] = "always matches", [BLOB_LESS_THAN] = "never matches",
        [BLOB_MORE_THAN] = "always matches", [BLOB_IMAGE] = "never matches", [BLOB_NOT_BEGIN_WITH] = "never matches",
        [BLOB_NOT_END_WITH] = "never matches",
    };

    SAY(s, CONFIG_WARNING, "'%s' with an empty value %s; a field without content reads '-'", condition_name(s),
        effect[s->condition]);
}

static void lint_blanks(const struct scrutiny *s)
{
    const char *text = s->filter->text, *end = text + s->filter->text_size;
    bool odd = space(text[0]) || space(end[-1]);

    for (const char *p = text; s->list && p + 1 < end && !odd; p++)
        odd = (*p == ';' && space(p[1])) || (p[1] == ';' && space(*p));
    if (odd)
        SAY(s, CONFIG_NOTE, "blanks and line breaks around %s are part of the comparison; they are not trimmed",
            s->list ? "the entries of a list" : "a value");
}

/* Empty entries of a `;` list: spec 03 section 8, "a defect to reproduce". */
static void lint_empty_entries(const struct scrutiny *s)
{
    const char *text = s->filter->text, *end = text + s->filter->text_size;
    bool inner = text[0] == ';' || strstr(text, ";;"), last = end[-1] == ';';

    if (s->condition == BLOB_IS_ANY && (inner || last))
        SAY(s, CONFIG_NOTE, "an empty entry of 'is any' equals no field; remove the extra ';'");
    else if (last && s->condition == BLOB_CONTAINS_ANY)
        SAY(s, CONFIG_WARNING, "'contains any' with a ';' at the end always matches: the last entry is empty");
    else if (last && s->condition == BLOB_EXCLUDES_ANY)
        SAY(s, CONFIG_WARNING, "'excludes any' with a ';' at the end never matches: the last entry is empty");
    else if (inner)
        SAY(s, CONFIG_WARNING, "an empty entry before another one looks for ';' and the rest of the list; remove the extra ';'");
    else if (last)
        SAY(s, CONFIG_NOTE, "the ';' at the end makes an empty entry, which every field contains");
}

static void lint_unlisted(const struct scrutiny *s)
{
    static const char *const lists[BLOB_CONDITION_COUNT] = {
        [BLOB_IS] = "is any", [BLOB_CONTAINS] = "contains any", [BLOB_EXCLUDES] = "excludes any", [BLOB_IMAGE] = "is any",
    };
    const char *text = s->filter->text, *semicolon = strchr(text, ';');

    if (semicolon && semicolon > text && semicolon[1] && lists[s->condition] && !space(semicolon[1]))
        SAY(s, CONFIG_NOTE, "';' has no meaning for '%s'; a list of values needs '%s'", condition_name(s), lists[s->condition]);
}

/* ---- what the field can hold ---- */

static bool is_decimal(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return size > 0 && (size == 1 || text[0] != '0');
}

static bool is_hex(const char *text, size_t size)
{
    if (size < 3 || text[0] != '0' || (text[1] | 0x20) != 'x' || (text[2] == '0' && size > 3))
        return false;
    for (size_t i = 2; i < size; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || ((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'f')))
            return false;
    return true;
}

static bool is_word(const char *text, size_t size, const char *word)
{
    char copy[32];

    if (size >= sizeof copy || strlen(word) != size)
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    return same_word(copy, word);
}

/* NULL when the field can read so, else how its texts look. */
static const char *expected(const struct scrutiny *s, const char *text, size_t size)
{
    bool on_linux = s->loader->parameters->system == CATALOGUE_LINUX;

    if (is_word(text, size, "-"))
        return NULL;
    switch (s->event->fields[s->field].type) {
    case CATALOGUE_BOOL:
        return is_word(text, size, "true") || is_word(text, size, "false") ? NULL : "'true' or 'false'";
    case CATALOGUE_UINT16:
    case CATALOGUE_UINT32:
    case CATALOGUE_PID:
        return is_decimal(text, size) ? NULL : "a decimal number";
    case CATALOGUE_HEX32:
        return is_hex(text, size) ? NULL : "hexadecimal like 0x1410, without leading zeros";
    case CATALOGUE_HEX64:
        return is_hex(text, size) || (on_linux && is_decimal(text, size)) ? NULL : "hexadecimal like 0x3e7, without leading zeros";
    case CATALOGUE_GUID:
        return size == 38 && text[0] == '{' && text[37] == '}' ? NULL : "a GUID in braces";
    default:
        return NULL;
    }
}

static void lint_one_text(const struct scrutiny *s, const char *text, size_t size)
{
    const char *want = expected(s, text, size);
    int shown = size > 60 ? 60 : (int)size;

    if (want)
        SAY(s, CONFIG_WARNING, "'%s' '%.*s' %s: %s reads as %s", condition_name(s), shown, text, outcome(s->condition),
            s->filter->name, want);
}

static void lint_type(const struct scrutiny *s)
{
    const char *p = s->filter->text;

    if (!compares_whole(s->condition))
        return;
    if (!s->list) {
        lint_one_text(s, p, s->filter->text_size);
        return;
    }
    while (*p) {
        size_t size = strcspn(p, ";");

        if (size)
            lint_one_text(s, p, size);
        p += size + (p[size] == ';');
    }
}

static void lint_order(const struct scrutiny *s)
{
    if (s->condition == BLOB_LESS_THAN || s->condition == BLOB_MORE_THAN)
        SAY(s, CONFIG_WARNING, "'%s' compares text, not numbers: \"9\" is more than \"1024\"", condition_name(s));
}

static bool absolute(const char *path)
{
    return path[0] == '\\' || path[0] == '%' || (path[0] && path[1] == ':');
}

static void lint_image(const struct scrutiny *s)
{
    if (s->condition == BLOB_IMAGE && strchr(s->filter->text, '\\') && !absolute(s->filter->text))
        SAY(s, CONFIG_WARNING, "'image' with a part of a path never matches: a value with '\\' is compared to the whole field; "
                               "use 'end with'");
}

static void lint_hashes(const struct scrutiny *s)
{
    if (!strcmp(s->filter->name, "Hashes") && (s->condition == BLOB_IS || s->condition == BLOB_IS_ANY))
        SAY(s, CONFIG_NOTE, "Hashes is the whole list, like MD5=…,SHA256=…; 'contains' finds one of them");
}

/* EventType of the registry events is one of a few words. */
static void lint_event_type(const struct scrutiny *s)
{
    static const char *const words[] = { "CreateKey", "DeleteKey", "RenameKey", "CreateValue", "DeleteValue", "RenameValue",
                                         "SetValue" };
    struct suggestion near = suggestion_start(s->filter->text);

    if (strcmp(s->filter->name, "EventType") || strcmp(s->event->tag, "RegistryEvent") ||
        (s->condition != BLOB_IS && s->condition != BLOB_IS_NOT))
        return;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (same_word(words[i], s->filter->text))
            return;
        suggestion_offer(&near, words[i]);
    }
    SAY(s, CONFIG_WARNING, "'%s' '%s' %s: EventType is CreateKey, DeleteKey, RenameKey, CreateValue, DeleteValue, RenameValue or "
                           "SetValue", condition_name(s), s->filter->text, outcome(s->condition));
}

/* ---- fields without content ---- */

/* Spec 02 section 6: what Linux never knows. */
static bool empty_on_linux(const struct catalogue_event *event, const char *field)
{
    static const char *const of_image[] = { "FileVersion", "Description", "Product", "Company", "OriginalFileName" };

    if (event->id == EVENT_ACCESS_PROCESS)
        return !strcmp(field, "CallTrace");
    for (size_t i = 0; i < sizeof of_image / sizeof *of_image; i++)
        if (event->id == EVENT_CREATE_PROCESS && !strcmp(field, of_image[i]))
            return true;
    return false;
}

static void lint_field(const struct scrutiny *s)
{
    struct tree_place place = tree_place_name(s->filter);
    uint32_t *noted = &s->loader->noted_field[s->event - catalogue_events];

    if (!strcmp(s->filter->name, "RuleName")) {
        report_add(&s->loader->report, CONFIG_WARNING, place.offset, place.span,
                   "RuleName always reads '-' while rules are evaluated; the name of a rule cannot be filtered on");
    } else if (s->loader->parameters->system == CATALOGUE_LINUX && empty_on_linux(s->event, s->filter->name) &&
               !(*noted & 1u << s->field)) {
        *noted |= 1u << s->field;
        report_add(&s->loader->report, CONFIG_NOTE, place.offset, place.span,
                   "%s of %s always reads '-' on Linux (here for the first time)", s->filter->name, s->event->tag);
    }
}

_Static_assert(CATALOGUE_MAX_FIELDS <= 32, "noted_field is a mask");

void lint_value(struct loader *l, const struct config_block *block, const struct tree_node *filter)
{
    int field = catalogue_field_index(block->event, filter->name, strlen(filter->name));
    int condition = grammar_condition(tree_attribute(filter, "condition"));
    struct scrutiny s = { l, filter, block->event, (unsigned)field, (enum blob_condition)condition,
                          is_list((enum blob_condition)condition) };

    if (field < 0 || condition < 0)
        return;
    lint_field(&s);
    if (!filter->text_size) {
        lint_empty(&s);
        return;
    }
    lint_blanks(&s);
    if (s.list)
        lint_empty_entries(&s);
    else
        lint_unlisted(&s);
    lint_type(&s);
    lint_order(&s);
    lint_image(&s);
    lint_hashes(&s);
    lint_event_type(&s);
}
