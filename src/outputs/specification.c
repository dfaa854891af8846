/* SPDX-License-Identifier: MIT */
#include "specification.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int specification_reject(struct specification *specification, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(specification->error, specification->error_size, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

/* The text up to an unescaped comma, unescaped in place; moves `*at` behind the comma, NULL at the end. */
static char *next_part(char **at)
{
    char *start = *at, *from = start, *to = start;

    while (*from && *from != ',') {
        if (from[0] == '\\' && from[1] == ',')
            from++;
        *to++ = *from++;
    }
    *at = *from ? from + 1 : NULL;
    *to = '\0';
    return start;
}

static int add_option(struct specification *specification, char *word)
{
    char *equals = strchr(word, '=');

    if (specification->option_count == SPECIFICATION_MAX_OPTIONS)
        return specification_reject(specification, "output %s: more than %d options", specification->kind, SPECIFICATION_MAX_OPTIONS);
    if (equals)
        *equals++ = '\0';
    specification->option[specification->option_count].name = word;
    specification->option[specification->option_count++].value = equals;
    return 0;
}

/* Where the options may begin: `kafka:a:1,b:2/topic` has commas of its own. */
static char *skip_brokers(const struct specification *specification, char *target)
{
    char *slash = strcmp(specification->kind, "kafka") ? NULL : strchr(target, '/');

    return slash ? slash : target;
}

int specification_parse(struct specification *out, const char *text, char *error, size_t size)
{
    struct specification parsed = { .error = error, .error_size = size };
    char *at, *colon;
    bool has_target;
    int result = 0;

    parsed.text = strdup(text);
    if (!parsed.text)
        return -ENOMEM;
    colon = parsed.text + strcspn(parsed.text, ":,");
    has_target = *colon == ':';
    at = *colon ? colon + 1 : NULL;
    *colon = '\0';
    parsed.kind = parsed.text;
    parsed.target = "";
    if (has_target) {
        parsed.target = at;
        at = skip_brokers(&parsed, at);
        next_part(&at);
    }
    while (at && !result)
        result = add_option(&parsed, next_part(&at));
    if (result) {
        free(parsed.text);
        return result;
    }
    *out = parsed;
    return 0;
}

void specification_free(struct specification *specification)
{
    free(specification->text);
    specification->text = NULL;
}

static int find(const struct specification *specification, const char *name)
{
    for (unsigned i = 0; i < specification->option_count; i++)
        if (!strcmp(specification->option[i].name, name))
            return (int)i;
    return -1;
}

static void take(struct specification *specification, int index)
{
    specification->option[index] = specification->option[--specification->option_count];
}

int specification_take_flag(struct specification *specification, const char *name, bool *out)
{
    int index = find(specification, name);

    if (index < 0)
        return 0;
    if (specification->option[index].value)
        return specification_reject(specification, "output option '%s' takes no value", name);
    *out = true;
    take(specification, index);
    return 0;
}

int specification_take_text(struct specification *specification, const char *name, const char **out)
{
    int index = find(specification, name);

    if (index < 0)
        return 0;
    if (!specification->option[index].value || !specification->option[index].value[0])
        return specification_reject(specification, "output option '%s' needs a value: %s=…", name, name);
    *out = specification->option[index].value;
    take(specification, index);
    return 0;
}

/* A number times the factor of its suffix: `suffixes` and `factors` go together, no suffix means the first factor. */
static int parse_scaled(const char *text, const char *suffixes, const uint64_t *factors, uint64_t *out)
{
    char *end;
    const char *suffix;
    uint64_t value;

    if (text[0] < '0' || text[0] > '9')
        return -EINVAL;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno)
        return -ERANGE;
    suffix = *end ? strchr(suffixes, *end) : suffixes;
    if (!suffix || (*end && end[1]))
        return -EINVAL;
    if (value > UINT64_MAX / factors[suffix - suffixes])
        return -ERANGE;
    *out = value * factors[suffix - suffixes];
    return 0;
}

int specification_take_size(struct specification *specification, const char *name, uint64_t least, uint64_t most, uint64_t *out)
{
    static const uint64_t factors[] = { 1, 1 << 10, 1 << 20, 1 << 30 };
    const char *text = NULL;
    uint64_t value;
    int error = specification_take_text(specification, name, &text);

    if (error || !text)
        return error;
    if (parse_scaled(text, "\001KMG", factors, &value))
        return specification_reject(specification, "output option '%s=%s' is no number (with K, M or G behind it)", name, text);
    if (value < least || value > most)
        return specification_reject(specification, "output option '%s=%s' must lie between %llu and %llu", name, text,
                                    (unsigned long long)least, (unsigned long long)most);
    *out = value;
    return 0;
}

int specification_take_duration(struct specification *specification, const char *name, uint64_t *seconds)
{
    static const uint64_t factors[] = { 1, 60, 3600, 86400 };
    const char *text = NULL;
    uint64_t value;
    int error = specification_take_text(specification, name, &text);

    if (error || !text)
        return error;
    if (parse_scaled(text, "smhd", factors, &value) || !value || value > UINT32_MAX)
        return specification_reject(specification, "output option '%s=%s' is no duration (such as 30s, 10m, 1h, 1d)", name, text);
    *seconds = value;
    return 0;
}

int specification_finish(struct specification *specification)
{
    if (!specification->option_count)
        return 0;
    return specification_reject(specification, "output %s:%s does not know the option '%s' (docs/output.md lists them; a comma in a name is written '\\,')",
                                specification->kind, specification->target, specification->option[0].name);
}
