/* SPDX-License-Identifier: MIT */
/* `sysmon replay`: what would a configuration have logged? */
#include "cli/command.h"
#include "cli/config_file.h"
#include "cli/explain_text.h"
#include "cli/lines.h"
#include "cli/recorded.h"
#include "sysmon/render.h"
#include "sysmon/ruleset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: sysmon replay [-c CONFIG] [--all] [--explain] [--system windows|linux] FILE...\n"
    "\n"
    "Reads recorded events, one JSON object a line with EventID and the fields of the schema as members (gzip\n"
    "accepted, `-` is standard input), and prints those that CONFIG logs, in order, as JSON lines.\n"
    "\n"
    "  -c CONFIG      the configuration; without one, what is logged by default\n"
    "  --all          print every event, with \"Decision\": log or drop\n"
    "  --explain      add \"Why\": the blocks of the configuration that were asked, and the filters that decided\n"
    "  --system NAME  treat every event as one of that system (default: as its Provider says, else windows)\n"
    "\n"
    "Exit: 0 done; 1 lines were no events (each is reported as file:line); 2 a file cannot be read;\n"
    "3 the configuration has errors; 4 the output cannot be written; 87 wrong arguments.\n";

struct replay {
    const char *config_path;
    bool all, explain;
    enum catalogue_system system; /* 0: by event */
    struct config *config;
    struct ruleset *rules[CATALOGUE_LINUX + 1]; /* by system, made when first needed */
    void *scratch;
    size_t scratch_size;
    struct recorded recorded;
    struct render_buffer buffer;
    unsigned long bad_lines, others;
};

static void *heap_alloc(void *context, size_t size)
{
    return malloc(size);
}

static void heap_free(void *context, void *memory, size_t size)
{
    free(memory);
}

static bool parse_option(struct replay *r, int argc, char **argv, int *i)
{
    if (!strcmp(argv[*i], "--all"))
        r->all = true;
    else if (!strcmp(argv[*i], "--explain"))
        r->explain = true;
    else if (!strcmp(argv[*i], "-c") && *i + 1 < argc)
        r->config_path = argv[++*i];
    else if (!strcmp(argv[*i], "--system") && *i + 1 < argc && system_named(argv[*i + 1]))
        r->system = system_named(argv[++*i]);
    else
        return false;
    return true;
}

/* Options may stand anywhere; files are moved to the front of `argv`. Their number, or negative: wrong arguments. */
static int parse(struct replay *r, int argc, char **argv)
{
    int files = 0;

    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' || !argv[i][1])
            argv[files++] = argv[i];
        else if (!parse_option(r, argc, argv, &i))
            return -1;
    }
    return files ? files : -1;
}

static int load(struct replay *r)
{
    struct config_parameters parameters = { .system = r->system ? r->system : CATALOGUE_WINDOWS };

    if (!r->config_path)
        return EXIT_OK;
    return config_file_load(&r->config, r->config_path, &parameters, CONFIG_WARNING, stderr, NULL);
}

/* The rule set for events of one system, NULL when it cannot be made (said). */
static const struct ruleset *rules_for(struct replay *r, enum catalogue_system system)
{
    struct ruleset_memory memory = { heap_alloc, heap_free, NULL };
    struct ruleset_options options = {
        .flags = (system == CATALOGUE_LINUX ? RULESET_SLASH_IMAGE : RULESET_WINDOWS_DEFAULTS) |
                 (r->explain ? RULESET_EXPLAIN : 0),
    };
    void *scratch;

    if (r->rules[system])
        return r->rules[system];
    if (ruleset_create(&r->rules[system], r->config ? r->config->blob : NULL, r->config ? r->config->blob_size : 0, &options,
                       &memory)) {
        fprintf(stderr, "%s: the rules cannot be built: out of memory\n", r->config_path);
        return NULL;
    }
    if (ruleset_scratch_size(r->rules[system]) > r->scratch_size) {
        r->scratch_size = ruleset_scratch_size(r->rules[system]);
        scratch = realloc(r->scratch, r->scratch_size);
        if (!scratch)
            return NULL;
        r->scratch = scratch;
    }
    return r->rules[system];
}

static int print(struct replay *r, const struct event *event)
{
    struct render_host host = { .computer = r->recorded.computer[0] ? r->recorded.computer : "-" };

    r->buffer.size = 0;
    if (render_event(&r->buffer, RENDER_JSON, event, &host) < 0)
        return EXIT_INTERNAL;
    return fwrite(r->buffer.data, 1, r->buffer.size, stdout) == r->buffer.size ? EXIT_OK : EXIT_OUTPUT;
}

/* Decides about the event that was read last and prints it if it is asked for. */
static int replay_event(struct replay *r)
{
    struct event *event = &r->recorded.event;
    const struct ruleset *rules = rules_for(r, (enum catalogue_system)event->system);
    struct explain_text why = { .used = 0 };
    struct match_result result;
    bool log;

    if (!rules)
        return EXIT_INTERNAL;
    if (r->explain)
        ruleset_explain(rules, event->type, event->text, 0, r->scratch, explain_text_block, &why, &result);
    else
        ruleset_match(rules, event->type, event->text, 0, r->scratch, &result);
    log = result.decision == MATCH_LOG;
    if (!log && !r->all)
        return EXIT_OK;
    if (event->type->tag)
        event_set_text(event, 0, result.rule_name, result.rule_name_size);
    if (r->all)
        event_add_extra(event, "Decision", log ? "log" : "drop", log ? 3 : 4, false);
    if (r->explain)
        event_add_extra(event, "Why", why.used ? why.data : "no block: default", why.used ? why.used : 17, false);
    return print(r, event);
}

static int replay_line(struct replay *r, const char *path, unsigned long number, const char *line, size_t size)
{
    switch (recorded_read(&r->recorded, line, size, r->system)) {
    case RECORDED_EVENT: return replay_event(r);
    case RECORDED_OTHER: r->others++; return EXIT_OK;
    case RECORDED_BLANK: return EXIT_OK;
    default:
        fprintf(stderr, "%s:%lu: %s\n", path, number, r->recorded.error);
        r->bad_lines++;
        return EXIT_OK;
    }
}

static int replay_lines(struct replay *r, const char *path, struct lines *lines)
{
    const char *line;
    size_t size;
    int rc, code = EXIT_OK;

    while (code == EXIT_OK && (rc = lines_next(lines, &line, &size)) != 0) {
        if (rc == -E2BIG) {
            fprintf(stderr, "%s:%lu: longer than %u MB\n", path, lines_number(lines), LINES_MAX_SIZE >> 20);
            r->bad_lines++;
        } else if (rc < 0) {
            fprintf(stderr, "%s:%lu: cannot be read on: %s\n", path, lines_number(lines) + 1, strerror(-rc));
            code = EXIT_UNREADABLE;
        } else {
            code = replay_line(r, path, lines_number(lines), line, size);
        }
    }
    return code;
}

static int replay_file(struct replay *r, const char *path)
{
    struct lines *lines;
    int rc = lines_open(&lines, path), code;

    if (rc) {
        fprintf(stderr, "%s: cannot be opened: %s\n", path, strerror(-rc));
        return EXIT_UNREADABLE;
    }
    code = replay_lines(r, path, lines);
    lines_close(lines);
    return code;
}

/* A file that cannot be read does not keep the others from being read; nothing to write to does. */
static int replay_files(struct replay *r, int count, char **paths)
{
    int worst = EXIT_OK;

    for (int i = 0; i < count && worst <= EXIT_UNREADABLE; i++) {
        int code = replay_file(r, paths[i]);

        if (code > worst)
            worst = code;
    }
    if (fflush(stdout) && worst < EXIT_OUTPUT)
        worst = EXIT_OUTPUT;
    if (worst == EXIT_OUTPUT)
        fprintf(stderr, "sysmon: standard output cannot be written: %s\n", strerror(errno));
    if (r->bad_lines)
        fprintf(stderr, "sysmon: %lu lines were no events\n", r->bad_lines);
    if (r->others)
        fprintf(stderr, "sysmon: %lu events of other providers were left out\n", r->others);
    return worst == EXIT_OK && r->bad_lines ? EXIT_FOUND : worst;
}

static void release(struct replay *r)
{
    for (unsigned i = 0; i <= CATALOGUE_LINUX; i++)
        ruleset_destroy(r->rules[i]);
    config_free(r->config);
    recorded_free(&r->recorded);
    render_buffer_free(&r->buffer);
    free(r->scratch);
}

int cmd_replay(int argc, char **argv)
{
    struct replay replay = { .config_path = NULL };
    int files, code;

    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        fputs(usage, stdout);
        return EXIT_OK;
    }
    files = parse(&replay, argc, argv);
    if (files < 0) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    code = load(&replay);
    if (code == EXIT_OK)
        code = replay_files(&replay, files, argv);
    release(&replay);
    return code;
}
