/* SPDX-License-Identifier: MIT */
/*
 * What rules cost: compiling a configuration, and deciding about recorded events with the compiled matcher and with the
 * plain evaluator.
 *
 * usage: engine EVENTS-FOLDER CONFIG [MULTIPLIED...]   the same configuration with ten times the literals, in several manners
 *        engine compile CONFIG...
 *
 * Times are processor time of this process, the least of several passes. Events are taken in batches that fit a second-level
 * cache, as an event that has just been built does.
 */
#include "../unit/oracle.h"
#include "../unit/rule_memory.h"
#include "samples.h"
#include "sysmon/config.h"

#include "port/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STRIDE 4
#define BATCH 500
#define PASSES 9
#define PLAIN_PASSES 2

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- compiling ---- */

struct built {
    struct heap heap;
    struct config *config;
    struct ruleset *rules;
    void *scratch;
    double text_to_blob, blob_to_rules; /* seconds */
};

static int build(struct built *b, const char *path)
{
    struct config_parameters parameters = { .system = CATALOGUE_WINDOWS };
    struct config_diagnostics diagnostics = { 0 };
    struct ruleset_memory memory = heap_memory(&b->heap);
    void *data;
    size_t size;
    double start;

    if (file_read(path, CONFIG_MAX_FILE_SIZE, &data, &size))
        return -1;
    start = now();
    if (config_compile(&b->config, data, size, &parameters, &diagnostics)) {
        config_diagnostics_print(stderr, path, &diagnostics, CONFIG_ERROR);
        return -1;
    }
    b->text_to_blob = now() - start;
    config_diagnostics_free(&diagnostics);
    free(data);
    start = now();
    if (ruleset_create(&b->rules, b->config->blob, b->config->blob_size, NULL, &memory))
        return -1;
    b->blob_to_rules = now() - start;
    b->scratch = malloc(ruleset_scratch_size(b->rules) + 1);
    return 0;
}

static void discard(struct built *b)
{
    ruleset_destroy(b->rules);
    config_free(b->config);
    free(b->scratch);
}

static long resident_peak(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* In a process of its own, so that the peak of its memory is that of compiling. */
static void show_compile(const char *path)
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        struct built b = { .rules = NULL };
        long before = resident_peak();

        if (build(&b, path))
            _exit(1);
        printf("| %s | %u | %.1f | %.1f | %.1f | %.1f | %.1f |\n", strrchr(path, '/') + 1, b.config->filter_count,
               b.text_to_blob * 1e3, b.blob_to_rules * 1e3, (double)(resident_peak() - before) / 1024,
               (double)ruleset_size(b.rules) / 1048576, (double)ruleset_scratch_size(b.rules) / 1024);
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

/* ---- deciding ---- */

static double pass_compiled(const struct built *b, const struct sample *event, unsigned count, unsigned *logged)
{
    double start = now();

    for (unsigned i = 0; i < count; i++) {
        struct match_result result;

        ruleset_match(b->rules, event[i].type, event[i].fields, 0, b->scratch, &result);
        *logged += result.decision == MATCH_LOG;
    }
    return now() - start;
}

static double pass_plain(const struct oracle *oracle, const struct sample *event, unsigned count, unsigned *logged)
{
    double start = now();

    for (unsigned i = 0; i < count; i++) {
        struct oracle_result result;

        oracle_match(oracle, event[i].type, event[i].fields, 0, &result);
        *logged += result.decision == MATCH_LOG;
    }
    return now() - start;
}

/* One configuration, or the plain evaluator of the first one. */
struct contender {
    const char *path;
    struct built built;
    struct oracle *oracle; /* NULL: compiled */
    double least, seconds; /* of this batch, of all */
    unsigned found, logged;
};

static double pass(struct contender *c, const struct sample *event, unsigned count)
{
    c->found = 0;
    return c->oracle ? pass_plain(c->oracle, event, count, &c->found) : pass_compiled(&c->built, event, count, &c->found);
}

/* All contenders take turns on each batch, so that what disturbs the machine disturbs all of them. */
static void measure_batch(struct contender *contenders, unsigned contender_count, const struct sample *event, unsigned count)
{
    for (unsigned i = 0; i < contender_count; i++)
        contenders[i].least = 1e9;
    for (unsigned round = 0; round < PASSES; round++)
        for (unsigned i = 0; i < contender_count; i++) {
            double time;

            if (contenders[i].oracle && round >= PLAIN_PASSES)
                continue;
            time = pass(&contenders[i], event, count);
            if (time < contenders[i].least)
                contenders[i].least = time;
        }
    for (unsigned i = 0; i < contender_count; i++) {
        contenders[i].seconds += contenders[i].least;
        contenders[i].logged += contenders[i].found;
    }
}

/* The first is the configuration as it is, the last its plain evaluator. */
static void show(const struct contender *c, unsigned count, unsigned events)
{
    for (unsigned i = 0; i + 1 < count; i++) {
        printf("| %s | %u | %.0f | ", strrchr(c[i].path, '/') + 1, c[i].built.config->filter_count, c[i].seconds * 1e9 / events);
        if (i == 0)
            printf("%.0f | %.1f | | ", c[count - 1].seconds * 1e9 / events, c[count - 1].seconds / c[0].seconds);
        else
            printf("| | %.2f | ", c[i].seconds / c[0].seconds);
        printf("%u of %u |\n", c[i].logged, events);
    }
}

static int decide(const struct samples *samples, unsigned count, char **paths)
{
    struct contender *c = calloc(count + 1, sizeof(*c));
    int rc = c ? 0 : -1;

    for (unsigned i = 0; i < count && !rc; i++) {
        c[i].path = paths[i];
        rc = build(&c[i].built, paths[i]);
    }
    if (!rc) {
        c[count].oracle = oracle_create(c[0].built.config->blob, c[0].built.config->blob_size, 0);
        for (unsigned first = 0; first < samples->count; first += BATCH)
            measure_batch(c, count + 1, samples->event + first,
                          samples->count - first < BATCH ? samples->count - first : BATCH);
        show(c, count + 1, samples->count);
        rc = c[count].logged == c[0].logged ? 0 : -1;
        oracle_destroy(c[count].oracle);
    }
    for (unsigned i = 0; c && i < count; i++)
        discard(&c[i].built);
    free(c);
    return rc;
}

int main(int argc, char **argv)
{
    struct samples samples = { .event = NULL };
    int rc;

    if (argc < 3)
        return 87;
    if (!strcmp(argv[1], "compile")) {
        for (int i = 2; i < argc; i++)
            show_compile(argv[i]);
        return 0;
    }
    if (samples_read_folder(&samples, argv[1], STRIDE))
        return 2;
    rc = decide(&samples, (unsigned)argc - 2, argv + 2) ? 1 : 0;
    samples_free(&samples);
    return rc;
}
