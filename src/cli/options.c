/* SPDX-License-Identifier: MIT */
/*
 * The classic switch parser. It is the published one's exactly (spec 05 section 2): the table's order decides which switch
 * a prefix selects, and after a match the scan of the table continues instead of starting again, so that switches
 * combine in one argument in table order only.
 */
#include "cli/options.h"

#include <errno.h>
#include <string.h>

struct parser {
    struct cli_options options;
    int argc;
    char *const *argv;
    int index;      /* of the current argument */
    bool exclusive; /* one of the exclusive switches was seen */
};

static bool is_switch_character(char c)
{
#ifdef _WIN32
    return c == '-' || c == '/';
#else
    return c == '-';
#endif
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool starts_with(const char *text, const char *prefix)
{
    for (; *prefix; text++, prefix++)
        if (lower(*text) != lower(*prefix))
            return false;
    return true;
}

/* The next argument becomes the switch's value. False: there is already one. */
static bool take_value(struct parser *parser, struct cli_option *option)
{
    if (option->value)
        return false;
    option->value = parser->argv[++parser->index];
    return true;
}

enum scan { SCAN_NEXT, SCAN_DONE, SCAN_ERROR };

/* One table entry against the argument at `*j`; DONE ends the argument. */
static enum scan try_entry(struct parser *parser, unsigned entry, const char *argument, size_t *j)
{
    const struct catalogue_option *known = &catalogue_options[entry];
    struct cli_option *option = &parser->options.option[entry];
    size_t size = known->switch_text ? strlen(known->switch_text) : 0;
    const char *next = parser->index + 1 < parser->argc ? parser->argv[parser->index + 1] : NULL;
    bool last;

    if (!size || (*j != 1 && size > 1) || !starts_with(argument + *j, known->switch_text))
        return SCAN_NEXT;
    if (known->flags & OPTION_FLAG_EXCLUSIVE) {
        if (parser->exclusive)
            return SCAN_ERROR;
        parser->exclusive = true;
    }
    option->set = true;
    *j += size;
    last = !argument[*j];
    if (known->argument == OPTION_ARGUMENT_REQUIRED)
        return last && next && take_value(parser, option) ? SCAN_DONE : SCAN_ERROR;
    if (known->argument == OPTION_ARGUMENT_OPTIONAL && last && next && !is_switch_character(next[0]))
        return take_value(parser, option) ? SCAN_DONE : SCAN_ERROR;
    return size > 1 || last ? SCAN_DONE : SCAN_NEXT;
}

static enum scan parse_argument(struct parser *parser, const char *argument)
{
    enum scan result = SCAN_NEXT;
    size_t j = 1;

    if (!is_switch_character(argument[0]))
        return SCAN_ERROR;
    if (!argument[1])
        return SCAN_DONE;
    for (unsigned entry = 0; entry < CATALOGUE_OPTION_COUNT && result == SCAN_NEXT; entry++)
        result = try_entry(parser, entry, argument, &j);
    return result == SCAN_DONE ? SCAN_DONE : SCAN_ERROR;
}

int options_parse(struct cli_options *out, int argc, char *const *argv, int *wrong)
{
    struct parser parser = { .argc = argc, .argv = argv };

    for (parser.index = 1; parser.index < argc; parser.index++) {
        int current = parser.index;
        if (parse_argument(&parser, argv[current]) != SCAN_DONE) {
            *wrong = current;
            return -EINVAL;
        }
    }
    *out = parser.options;
    return 0;
}
