/* SPDX-License-Identifier: MIT */
/* Option elements (spec 03 section 4) and the same values given by switches. */
#include "config_load.h"
#include "suggestion.h"
#include "sysmon/hash.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What a value's check says when it is wrong. */
struct complaint {
    char *text;
    size_t size;
};

static int complain(const struct complaint *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int complain(const struct complaint *c, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(c->text, c->size, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

/*
 * The next entry of a comma list, `,,` being a literal comma, into `out`, cut to `size`. False at the end. `*list` moves on;
 * NULL after the last entry, so that a trailing comma yields an empty entry.
 */
static bool next_entry(const char **list, char *out, size_t size)
{
    const char *p = *list;
    size_t used = 0;

    if (!p)
        return false;
    for (; *p && (*p != ',' || p[1] == ','); p++) {
        if (used + 1 < size)
            out[used++] = *p;
        p += *p == ',';
    }
    out[used] = '\0';
    *list = *p ? p + 1 : NULL;
    return true;
}

/* ---- HashAlgorithms ---- */

static int bad_algorithm(const char *name, const struct complaint *c)
{
    struct suggestion near = suggestion_start(name);

    if (strpbrk(name, " \t\n"))
        return complain(c, "invalid hashing algorithm: '%s'; blanks are not allowed around the names", name);
    suggestion_offer(&near, "SHA256");
    suggestion_offer(&near, "SHA1");
    suggestion_offer(&near, "MD5");
    suggestion_offer(&near, "IMPHASH");
    if (near.best)
        return complain(c, "invalid hashing algorithm: '%s'; did you mean '%s'?", name, near.best);
    return complain(c, "invalid hashing algorithm: '%s'; there are SHA1, MD5, SHA256 and IMPHASH, or * for all", name);
}

static int set_hashes(struct config *config, const char *text, const struct complaint *c)
{
    const char *bad;
    char name[64];
    size_t size;

    if (!text)
        return complain(c, "HashAlgorithms needs a list, e.g. SHA256 or MD5,SHA256,IMPHASH, or * for all");
    if (!hash_parse(&config->hash_algorithms, text, strlen(text), &bad, &size))
        return 0;
    if (size >= sizeof name)
        size = sizeof name - 1;
    memcpy(name, bad, size);
    name[size] = '\0';
    return bad_algorithm(name, c);
}

/* ---- FieldSizes ---- */

static bool set_size(uint32_t *sizes, const char *field, uint32_t size)
{
    bool found = false;

    for (unsigned e = 0; e < CATALOGUE_EVENT_COUNT; e++) {
        int index = catalogue_field_index(&catalogue_events[e], field, strlen(field));

        if (index >= 0) {
            sizes[e * CATALOGUE_MAX_FIELDS + (unsigned)index] = size;
            found = true;
        }
    }
    return found;
}

static int unknown_size_field(const char *field, const struct complaint *c)
{
    struct suggestion near = suggestion_start(field);

    for (unsigned e = 0; e < CATALOGUE_EVENT_COUNT; e++)
        for (uint32_t i = 0; i < catalogue_events[e].field_count; i++)
            suggestion_offer(&near, catalogue_events[e].fields[i].name);
    if (near.best)
        return complain(c, "FieldSizes field '%s' is invalid; did you mean '%s'?", field, near.best);
    return complain(c, "FieldSizes field '%s' is invalid; it is no field of any event", field);
}

static int parse_size(uint32_t *sizes, char *entry, const struct complaint *c)
{
    char *colon = strchr(entry, ':'), *end;
    unsigned long size;

    if (!colon) /* ignored, as in the original */
        return 0;
    *colon = '\0';
    if (!set_size(sizes, entry, 0))
        return unknown_size_field(entry, c);
    errno = 0;
    size = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || *end)
        return complain(c, "FieldSizes field '%s' has max size '%s', expected a number of characters", entry, colon + 1);
    if (size == 0 || errno || size > UINT32_MAX)
        return complain(c, "FieldSizes field '%s' has max size of %s", entry, colon + 1);
    set_size(sizes, entry, (uint32_t)size);
    return 0;
}

static int parse_sizes(uint32_t *sizes, const char *text, const struct complaint *c)
{
    char entry[128];
    int rc = 0;

    for (const char *p = text; *p; p++)
        if (!((*p >= '0' && *p <= '9') || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') || *p == ',' || *p == ':'))
            return complain(c, "FieldSizes option ('%s') has invalid character: '%c'; write Field:number,Field:number", text, *p);
    while (*text && !rc) {
        size_t size = strcspn(text, ",");

        if (size >= sizeof entry)
            return complain(c, "FieldSizes entry '%.40s…' is too long", text);
        memcpy(entry, text, size);
        entry[size] = '\0';
        rc = parse_size(sizes, entry, c);
        text += size + (text[size] == ',');
    }
    return rc;
}

static int set_field_sizes(struct config *config, const char *text, const struct complaint *c)
{
    uint32_t *sizes = calloc(CATALOGUE_EVENT_COUNT * CATALOGUE_MAX_FIELDS, sizeof *sizes);
    int rc;

    if (!sizes)
        return -ENOMEM;
    rc = parse_sizes(sizes, text ? text : "", c);
    if (rc) {
        free(sizes);
        return rc;
    }
    free(config->field_sizes);
    config->field_sizes = sizes;
    return 0;
}

/* ---- ProcessAccess ---- */

static void free_access(struct config_process_access *access, uint32_t count)
{
    while (count-- > 0)
        free(access[count].name);
}

/* `name[:mask]`, `::` being a literal colon. */
static int parse_access(struct config_process_access *out, char *entry, const struct complaint *c)
{
    char *from = entry, *to = entry, *end;

    out->mask = UINT32_MAX;
    for (; *from && (*from != ':' || from[1] == ':'); from++) {
        *to++ = *from;
        from += *from == ':';
    }
    if (*from) {
        errno = 0;
        unsigned long long mask = strtoull(from + 1, &end, from[1] == '0' && (from[2] | 0x20) == 'x' ? 16 : 10);

        if (end == from + 1 || *end || errno || mask > UINT32_MAX || from[1] == '-')
            return complain(c, "'%s' is not an access mask; write a decimal number or 0x and hexadecimal digits", from + 1);
        out->mask = (uint32_t)mask;
    }
    *to = '\0';
    if (!*entry)
        return complain(c, "an entry of the process access list has no name");
    out->name = strdup(entry);
    return out->name ? 0 : -ENOMEM;
}

static int set_process_access(struct config *config, const char *text, const struct complaint *c)
{
    struct config_process_access list[CONFIG_MAX_PROCESS_ACCESS];
    uint32_t count = 0;
    char entry[300];
    int rc = 0;

    while (!rc && next_entry(&text, entry, sizeof entry)) {
        if (count == CONFIG_MAX_PROCESS_ACCESS)
            rc = complain(c, "too many entries to monitor for process access; there may be at most %d", CONFIG_MAX_PROCESS_ACCESS);
        else
            rc = parse_access(&list[count], entry, c);
        count += !rc;
    }
    if (rc) {
        free_access(list, count);
        return rc;
    }
    free_access(config->process_access, config->process_access_count);
    memcpy(config->process_access, list, sizeof *list * count);
    config->process_access_count = count;
    return 0;
}

/* ---- small values ---- */

static bool blank(const char *text)
{
    return text[strspn(text, " \t\n\r")] == '\0';
}

/* Present without a value means on. */
static int set_boolean(bool *out, const char *text, const char *option, const struct complaint *c)
{
    static const char *const on[] = { "true", "1", "yes", "enabled", "on" }, *const off[] = { "false", "0", "no", "disabled", "off" };

    if (!text || blank(text)) {
        *out = true;
        return 0;
    }
    for (size_t i = 0; i < sizeof on / sizeof *on; i++) {
        if (same_word(text, on[i]) || same_word(text, off[i])) {
            *out = same_word(text, on[i]);
            return 0;
        }
    }
    return complain(c, "%s is true or false, not '%s'", option, text);
}

static int set_number(uint32_t *out, const char *text, const char *option, const struct complaint *c)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = text ? strtoul(text, &end, 10) : 0;
    if (!text || end == text || *end || errno || number == 0 || number > UINT32_MAX || text[0] == '-')
        return complain(c, "%s needs a positive number, not '%s'", option, text ? text : "");
    *out = (uint32_t)number;
    return 0;
}

static int check_directory(const char *text, const struct complaint *c)
{
    if (!text)
        return 0;
    if (strchr(text, '\\') || strchr(text, '/'))
        return complain(c, "archive directory must be a single path component, not '%s'", text);
    if (!strcmp(text, ".") || !strcmp(text, "..") || strpbrk(text, ":*?\"<>|\n\t"))
        return complain(c, "'%s' cannot be the name of an archive directory", text);
    return 0;
}

static int check_driver_name(const char *text, const struct complaint *c)
{
    if (!text || blank(text))
        return complain(c, "DriverName needs a name");
    if (strpbrk(text, "\\/:*?\"<>| \n\t"))
        return complain(c, "'%s' cannot be the name of a driver", text);
    return 0;
}

/* ---- setting ---- */

static int set_meaning(struct config *config, enum catalogue_option_id option, const char *text, const struct complaint *c)
{
    switch (option) {
    case OPTION_HashAlgorithms:
        return set_hashes(config, text, c);
    case OPTION_FieldSizes:
        return set_field_sizes(config, text, c);
    case OPTION_ProcessAccess:
        return set_process_access(config, text, c);
    case OPTION_CheckRevocation:
        return set_boolean(&config->check_revocation, text, "CheckRevocation", c);
    case OPTION_DnsLookup:
        return set_boolean(&config->dns_lookup, text, "DnsLookup", c);
    case OPTION_ArchiveDirectory:
        return check_directory(text, c);
    case OPTION_DriverName:
        return check_driver_name(text, c);
    case OPTION_DriverQueueSize:
        return set_number(&config->driver_queue_size, text, "DriverQueueSize", c);
    case OPTION_SigningQueueSize:
        return set_number(&config->signing_queue_size, text, "SigningQueueSize", c);
    default:
        return 0;
    }
}

int config_set_option(struct config *config, enum catalogue_option_id option, const char *text, char *error, size_t size)
{
    const struct complaint c = { error, size };
    struct config_option_value *value = &config->option[option];
    char *copy = NULL;
    int rc;

    if (text && !*text)
        text = NULL;
    if (text && !(copy = strdup(text)))
        return -ENOMEM;
    rc = set_meaning(config, option, text, &c);
    if (rc) {
        free(copy);
        return rc;
    }
    free(value->text);
    value->text = copy;
    value->set = true;
    return 0;
}

/* ---- elements ---- */

static bool allowed_in_file(const struct catalogue_option *option)
{
    return !(option->flags & OPTION_FLAG_NOCONFIG);
}

/* Drops a trailing `Config`, then looks for the exact name (spec 03 section 4). */
static int find_option(const char *name)
{
    size_t size = strlen(name);

    if (size > 7 && !strcmp(name + size - 6, "Config"))
        size -= 6;
    for (int i = 0; i < CATALOGUE_OPTION_COUNT; i++)
        if (strlen(catalogue_options[i].name) == size && !strncmp(catalogue_options[i].name, name, size))
            return i;
    return -1;
}

/* The usage text of the published product names these, its option table spells them with an underscore. */
static bool documented_without_effect(const char *name)
{
    static const char *const names[] = { "CopyOnDeletePE", "CopyOnDeleteSIDs", "CopyOnDeleteExtensions", "CopyOnDeleteProcesses" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

static void unknown_option(struct loader *l, const struct tree_node *node)
{
    struct suggestion near = suggestion_start(node->name);
    const char *skipped = l->newer ? " (newer schema: skipped)" : "";
    enum config_severity severity = l->newer ? CONFIG_WARNING : CONFIG_ERROR;
    size_t span = strlen(node->name);

    if (catalogue_find_tag(node->name, span) || same_word(node->name, "RuleGroup")) {
        report_add(&l->report, CONFIG_ERROR, node->offset + 1, span, "<%s> belongs inside <EventFiltering>", node->name);
        return;
    }
    suggestion_offer(&near, "EventFiltering");
    for (int i = 0; i < CATALOGUE_OPTION_COUNT; i++)
        if (allowed_in_file(&catalogue_options[i]))
            suggestion_offer(&near, catalogue_options[i].name);
    if (near.best)
        report_add(&l->report, severity, node->offset + 1, span, "unknown option '%s'; did you mean '%s'?%s", node->name, near.best,
                   skipped);
    else
        report_add(&l->report, severity, node->offset + 1, span, "unknown option '%s'%s", node->name, skipped);
}

/* An option element is text only. False: it was an event block or worse. */
static bool check_shape(struct loader *l, const struct tree_node *node)
{
    size_t span = strlen(node->name);

    if (node->first || tree_attribute(node, "onmatch")) {
        report_add(&l->report, CONFIG_ERROR, node->offset + 1, span,
                   catalogue_find_tag(node->name, span) ? "<%s> with rules belongs inside <EventFiltering>"
                                                        : "option %s holds text only, no elements", node->name);
        return false;
    }
    for (const struct tree_attribute *a = node->attributes; a->name; a++)
        if (!strchr(a->name, ':')) {
            struct tree_place place = tree_place_attribute(&l->report, node, a->name);

            report_add(&l->report, CONFIG_ERROR, place.offset, place.span, "option %s takes no attributes", node->name);
            return false;
        }
    if (node->text_size > CONFIG_MAX_VALUE) {
        report_add(&l->report, CONFIG_ERROR, node->offset, 1, "the value is longer than %u bytes", CONFIG_MAX_VALUE);
        return false;
    }
    return true;
}

/* CaptureClipboard: a word says whether it is set at all (spec 03 section 4 step 3). 1 set, 0 not, negative: wrong. */
static int read_word(struct loader *l, const struct tree_node *node)
{
    static const char *const on[] = { "true", "1", "enabled" }, *const off[] = { "false", "0", "NULL", "disabled" };
    struct tree_place place = tree_place_text(&l->report, node);

    if (blank(node->text))
        return 1;
    for (size_t i = 0; i < sizeof on / sizeof *on; i++)
        if (!strcmp(node->text, on[i]))
            return 1;
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        if (!strcmp(node->text, off[i]))
            return 0;
    report_add(&l->report, CONFIG_ERROR, place.offset, place.span,
               "incorrect value '%s' for '%s'; leave it empty, or write true or false in lower case", node->text, node->name);
    return -1;
}

static void note_use(struct loader *l, const struct tree_node *node, const struct catalogue_option *option)
{
    bool windows = l->parameters->system == CATALOGUE_WINDOWS;
    size_t span = strlen(node->name);

    if (option->flags & (windows ? OPTION_FLAG_LINUX : OPTION_FLAG_WINDOWS))
        report_add(&l->report, CONFIG_NOTE, node->offset + 1, span, "option %s has no effect on %s", node->name,
                   windows ? "Windows" : "Linux");
    else if (option->until)
        report_add(&l->report, CONFIG_NOTE, node->offset + 1, span, "option %s is of schema %u.%02u and older and has no effect",
                   node->name, (unsigned)(option->until >> 16), (unsigned)(option->until & 0xffff));
}

static void set_element(struct loader *l, const struct tree_node *node, int index)
{
    struct config_option_value *value = &l->config->option[index];
    struct tree_place place = tree_place_text(&l->report, node);
    char error[512];
    int rc;

    if (value->set)
        report_add(&l->report, CONFIG_WARNING, node->offset + 1, strlen(node->name), "option %s is given again; the last one counts",
                   node->name);
    rc = config_set_option(l->config, (enum catalogue_option_id)index, node->text, error, sizeof error);
    if (rc == -EINVAL)
        report_add(&l->report, CONFIG_ERROR, place.offset, place.span, "%s", error);
    else if (rc)
        l->error = rc;
    else
        report_position(&l->report, node->offset, &value->line, &value->column);
}

void options_element(struct loader *l, const struct tree_node *node)
{
    int index = find_option(node->name);

    if (documented_without_effect(node->name)) {
        report_add(&l->report, CONFIG_NOTE, node->offset + 1, strlen(node->name),
                   "option %s is documented but without effect, here as in the published product", node->name);
        return;
    }
    if (index < 0) {
        unknown_option(l, node);
        return;
    }
    if (!allowed_in_file(&catalogue_options[index])) {
        report_add(&l->report, CONFIG_ERROR, node->offset + 1, strlen(node->name), "%s is a command-line switch (-%s), not an option of a file",
                   node->name, catalogue_options[index].switch_text);
        return;
    }
    if (!check_shape(l, node))
        return;
    note_use(l, node, &catalogue_options[index]);
    if (catalogue_options[index].argument == OPTION_ARGUMENT_NONE && read_word(l, node) <= 0)
        return;
    set_element(l, node, index);
}
