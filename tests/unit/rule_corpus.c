/* SPDX-License-Identifier: MIT */
/* Real configurations and real events: the compiled matcher and the plain evaluator must agree on every pair. */
#include "../bench/samples.h"
#include "corpus.h"
#include "oracle.h"
#include "rule_memory.h"
#include "sysmon/config.h"

#include "port/file.h"

#include <glob.h>
#include <string.h>

#define STRIDE 12 /* of the events */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static struct config *compile(const char *path)
{
    struct config_parameters parameters = { .system = CATALOGUE_WINDOWS };
    struct config_diagnostics diagnostics = { 0 };
    struct config *config = NULL;
    void *data;
    size_t size;

    if (file_read(path, CONFIG_MAX_FILE_SIZE, &data, &size))
        return NULL;
    if (config_compile(&config, data, size, &parameters, &diagnostics))
        config_diagnostics_print(stdout, base_name(path), &diagnostics, CONFIG_ERROR);
    config_diagnostics_free(&diagnostics);
    free(data);
    return config;
}

static bool same(const struct match_result *got, const struct oracle_result *want)
{
    return got->decision == want->decision && got->block == want->block && got->rule_name_size == want->name_size &&
           (want->name_size == 0 || !memcmp(got->rule_name, want->name, want->name_size));
}

/* ruleset_explain() must come to the same decision. */
struct last_block {
    uint32_t index;
    bool matched;
};

static void note_block(void *context, const struct explain_block *block)
{
    *(struct last_block *)context = (struct last_block){ block->index, block->result == EXPLAIN_MATCH };
}

static bool explains(const struct ruleset *rules, const struct sample *event, void *scratch, const struct match_result *got)
{
    struct last_block last = { 0, false };
    struct match_result again;

    ruleset_explain(rules, event->type, event->fields, 0, scratch, note_block, &last, &again);
    return again.decision == got->decision && last.matched == (got->block >= 0) &&
           (!last.matched || last.index == (uint32_t)got->block);
}

static bool compare(const struct ruleset *rules, const struct oracle *oracle, const struct samples *samples, unsigned *logged)
{
    void *scratch = malloc(ruleset_scratch_size(rules) + 1);
    bool good = true;

    for (unsigned i = 0; i < samples->count && good; i++) {
        struct match_result got;
        struct oracle_result want;

        ruleset_match(rules, samples->event[i].type, samples->event[i].fields, 0, scratch, &got);
        oracle_match(oracle, samples->event[i].type, samples->event[i].fields, 0, &want);
        *logged += got.decision == MATCH_LOG;
        good = same(&got, &want) && (i % 8 || explains(rules, &samples->event[i], scratch, &got));
        if (!good)
            printf("# event %u (id %u): got %d block %d `%.*s`, want %d block %d `%.*s`\n", i, samples->event[i].type->id,
                   got.decision, got.block, (int)got.rule_name_size, got.rule_name ? got.rule_name : "", want.decision,
                   want.block, (int)want.name_size, want.name);
    }
    free(scratch);
    return good;
}

static bool run(unsigned number, const char *path, const struct samples *samples)
{
    struct config *config = compile(path);
    struct heap heap = { 0 };
    struct ruleset_memory memory = heap_memory(&heap);
    struct ruleset_options options = { .flags = RULESET_EXPLAIN };
    struct ruleset *rules = NULL;
    struct oracle *oracle = config ? oracle_create(config->blob, config->blob_size, 0) : NULL;
    unsigned logged = 0;
    bool good = oracle && !ruleset_create(&rules, config->blob, config->blob_size, &options, &memory) &&
                compare(rules, oracle, samples, &logged);

    printf("%sok %u - %s: %u events, %u logged\n", good ? "" : "not ", number, base_name(path), samples->count, logged);
    ruleset_destroy(rules);
    oracle_destroy(oracle);
    config_free(config);
    return good && heap.used == 0;
}

int main(void)
{
    char pattern[4096], folder[4096];
    struct samples samples = { .event = NULL };
    bool good = true;
    glob_t found;

    corpus_path(pattern, sizeof(pattern), "configs/*.xml");
    corpus_path(folder, sizeof(folder), "events-json");
    if (samples_read_folder(&samples, folder, STRIDE) || glob(pattern, 0, NULL, &found)) {
        printf("1..0 # SKIP no corpus\nskipped: no %s\n", folder);
        samples_free(&samples);
        return 77;
    }
    printf("1..%zu\n", found.gl_pathc);
    for (size_t i = 0; i < found.gl_pathc; i++)
        good &= run((unsigned)i + 1, found.gl_pathv[i], &samples);
    globfree(&found);
    samples_free(&samples);
    return !good;
}
