/* SPDX-License-Identifier: MIT */
/* `sysmon view`, also called sysmonLogView: events of a log for people (spec 07 section 6). */
#include "cli/command.h"
#include "cli/lines.h"
#include "cli/view_record.h"
#include "sysmon/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILTERS 64

static const char usage[] =
    "Usage: sysmon view [OPTION…] [FILE…]\n"
    "\n"
    "Reads events from FILEs, or from standard input: lines of a syslog with event XML, event XML or JSON lines (gzip accepted),\n"
    "and prints each with its fields. Events that were sent in parts are joined.\n"
    "\n"
    "  -e IDS           only these event ids (1,3,11); repeatable\n"
    "  -r MIN,MAX       only these record ids\n"
    "  -t START,END     only this time: YYYY-MM-DD HH:MM[:SS[.nnn]]; either may be empty\n"
    "  -f FIELD=VALUE   only with exactly this value; repeatable, all must match\n"
    "  -E ID=FIELD,…    of this event print these fields only; repeatable\n"
    "  -X               a blank line between events\n"
    "  -h, -?           this text\n"
    "\n"
    "Exit: 0 done; 1 lines could not be read as events; 2 a file cannot be read; 87 wrong arguments.\n";

struct view {
    bool event_filter, wanted[CATALOGUE_MAX_EVENT_ID + 1];
    uint64_t least, most;
    const char *start, *end; /* NULL: open */
    const char *match[MAX_FILTERS]; /* FIELD=VALUE */
    unsigned match_count;
    const char *shown[CATALOGUE_MAX_EVENT_ID + 1]; /* comma list, NULL: all */
    bool spaced, printed;
    unsigned long bad;
    struct view_record record;
    struct render_buffer buffer;
};

static bool parse_ids(struct view *view, const char *text)
{
    view->event_filter = true;
    while (*text) {
        char *end;
        unsigned long id = strtoul(text, &end, 10);
        if (end == text || id > CATALOGUE_MAX_EVENT_ID || (*end && *end != ','))
            return false;
        view->wanted[id] = true;
        text = *end ? end + 1 : end;
    }
    return true;
}

static bool parse_range(struct view *view, const char *text)
{
    char *end;

    view->least = strtoull(text, &end, 10);
    if (*end != ',')
        return false;
    text = end + 1;
    view->most = *text ? strtoull(text, &end, 10) : UINT64_MAX;
    return !*text || !*end;
}

/* `START,END`, split in place. */
static bool parse_times(struct view *view, char *text)
{
    char *comma = strchr(text, ',');

    if (!comma)
        return false;
    *comma = '\0';
    view->start = *text ? text : NULL;
    view->end = comma[1] ? comma + 1 : NULL;
    return true;
}

static bool parse_match(struct view *view, const char *text)
{
    if (view->match_count == MAX_FILTERS || !strchr(text, '='))
        return false;
    view->match[view->match_count++] = text;
    return true;
}

static bool parse_shown(struct view *view, const char *text)
{
    char *end;
    unsigned long id = strtoul(text, &end, 10);

    if (end == text || *end != '=' || id > CATALOGUE_MAX_EVENT_ID)
        return false;
    view->shown[id] = end + 1;
    return true;
}

static bool parse_option(struct view *view, char letter, char *value)
{
    switch (letter) {
    case 'e': return parse_ids(view, value);
    case 'r': return parse_range(view, value);
    case 't': return parse_times(view, value);
    case 'f': return parse_match(view, value);
    case 'E': return parse_shown(view, value);
    default: return false;
    }
}

/* Index of the first file, or the negative of an exit code: -EXIT_USAGE; 0 when help was asked for. */
static int parse_arguments(struct view *view, int argc, char **argv)
{
    int i;

    for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "-?"))
            return 0;
        if (!strcmp(argv[i], "-X")) {
            view->spaced = true;
            continue;
        }
        if (argv[i][2] || i + 1 == argc || !parse_option(view, argv[i][1], argv[i + 1])) {
            fprintf(stderr, "sysmon view: cannot understand '%s%s%s'\n%s", argv[i], i + 1 < argc ? " " : "", i + 1 < argc ? argv[i + 1] : "", usage);
            return -EXIT_USAGE;
        }
        i++;
    }
    return i;
}

/* Times compare as text, as far as the limit is written. */
static bool in_time(const struct view *view)
{
    const char *time = view->record.time;

    return (!view->start || strncmp(time, view->start, strlen(view->start)) >= 0) &&
           (!view->end || strncmp(time, view->end, strlen(view->end)) <= 0);
}

static bool matches(const struct view *view)
{
    for (unsigned i = 0; i < view->match_count; i++) {
        const char *equals = strchr(view->match[i], '=');
        const struct view_field *field = view_record_field(&view->record, view->match[i], (size_t)(equals - view->match[i]));
        size_t size = strlen(equals + 1);
        if (!field || field->text.size != size || memcmp(field->text.data, equals + 1, size) != 0)
            return false;
    }
    return true;
}

static bool is_wanted(const struct view *view)
{
    const struct view_record *record = &view->record;

    if (view->event_filter && (record->event_id > CATALOGUE_MAX_EVENT_ID || !view->wanted[record->event_id]))
        return false;
    return record->record_id >= view->least && record->record_id <= view->most && in_time(view) && matches(view);
}

/* Is the name in the comma list? */
static bool is_listed(const char *list, const char *name)
{
    size_t size = strlen(name);

    for (; *list; list += strcspn(list, ","), list += *list == ',')
        if (strcspn(list, ",") == size && !memcmp(list, name, size))
            return true;
    return false;
}

static void print_field(struct view *view, const struct view_field *field)
{
    view->buffer.size = 0;
    if (render_text_value(&view->buffer, field->text.data, field->text.size) < 0)
        return;
    printf("\t%s: ", field->name);
    if (field->text.size)
        fwrite(view->buffer.data, 1, view->buffer.size, stdout);
    else
        fputs("--NULL--", stdout);
    putchar('\n');
}

static void print_event(struct view *view)
{
    const struct view_record *record = &view->record;
    const struct catalogue_event *type = catalogue_find(record->event_id);
    const char *list = record->event_id <= CATALOGUE_MAX_EVENT_ID ? view->shown[record->event_id] : NULL;

    if (view->spaced && view->printed)
        putchar('\n');
    view->printed = true;
    if (type)
        printf("Event %s\n", type->symbol);
    else
        printf("Event %u\n", record->event_id);
    for (unsigned i = 0; i < record->field_count; i++)
        if (!list || is_listed(list, record->field[i].name))
            print_field(view, &record->field[i]);
}

static int view_file(struct view *view, const char *path)
{
    struct lines *lines;
    const char *text;
    size_t size;
    int rc = lines_open(&lines, path);

    if (rc < 0) {
        fprintf(stderr, "sysmon view: cannot read '%s': %s\n", path, strerror(-rc));
        return EXIT_UNREADABLE;
    }
    while ((rc = lines_next(lines, &text, &size)) > 0 || rc == -E2BIG) {
        enum view_result result = rc > 0 ? view_record_read(&view->record, text, size) : VIEW_BAD;
        if (result == VIEW_BAD) {
            fprintf(stderr, "%s:%lu: not a whole event\n", path, lines_number(lines));
            view->bad++;
        } else if (result == VIEW_EVENT && is_wanted(view)) {
            print_event(view);
        }
    }
    lines_close(lines);
    if (!rc)
        return EXIT_OK;
    fprintf(stderr, "sysmon view: cannot read on in '%s': %s\n", path, strerror(-rc));
    return EXIT_UNREADABLE;
}

int cmd_view(int argc, char **argv)
{
    static struct view view = { .most = UINT64_MAX };
    char standard_input[] = "-", *none[] = { standard_input, NULL }, **file = none;
    int first = parse_arguments(&view, argc, argv), code = EXIT_OK;

    if (first <= 0) {
        if (!first)
            fputs(usage, stdout);
        return -first;
    }
    if (first < argc)
        file = argv + first;
    for (; *file && !code; file++)
        code = view_file(&view, *file);
    view_record_free(&view.record);
    render_buffer_free(&view.buffer);
    if (fflush(stdout) || ferror(stdout))
        return EXIT_OUTPUT;
    return code ? code : view.bad ? EXIT_FOUND : EXIT_OK;
}
