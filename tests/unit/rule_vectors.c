/* SPDX-License-Identifier: MIT */
/*
 * The vectors of spec 03 section 13, one TAP point each, on the way a configuration takes: text, compiled blob, rule set,
 * decision; and the plain evaluator beside it.
 */
#include "../../src/engine/json_read.h"
#include "corpus.h"
#include "oracle.h"
#include "rule_memory.h"
#include "sysmon/config.h"

#include <string.h>

struct vector {
    char id[16], rule[512];
    struct json_text version, cfg, fields;
    char *text; /* cfg with {n*255} written out */
    uint32_t event_id;
    bool log, no_rules;
};

static char *expand_names(struct json_text text)
{
    char *out = calloc(text.size + 1024, 1);
    size_t used = 0;

    for (size_t i = 0; i < text.size; i++) {
        if (text.size - i >= 7 && !memcmp(text.data + i, "{n*255}", 7)) {
            memset(out + used, 'n', 255);
            used += 255;
            i += 6;
        } else {
            out[used++] = text.data[i];
        }
    }
    return out;
}

static void copy_text(char *out, size_t size, struct json_text text)
{
    char *expanded = expand_names(text);

    snprintf(out, size, "%s", expanded);
    free(expanded);
}

static bool is(const struct json_member *member, const char *name)
{
    return member->name.size == strlen(name) && !memcmp(member->name.data, name, member->name.size);
}

static void take_member(struct vector *v, const struct json_member *m)
{
    if (is(m, "id"))
        copy_text(v->id, sizeof(v->id), m->value);
    else if (is(m, "rule"))
        copy_text(v->rule, sizeof(v->rule), m->value);
    else if (is(m, "v"))
        v->version = m->value;
    else if (is(m, "cfg"))
        v->cfg = m->value, v->no_rules = m->type == JSON_NULL;
    else if (is(m, "ev"))
        v->event_id = (uint32_t)strtoul(m->value.data, NULL, 10);
    else if (is(m, "f"))
        v->fields = m->value;
    else if (is(m, "out"))
        v->log = m->value.data[0] == 'l';
}

static int read_vector(struct vector *v, const char *line, size_t size, char *buffer)
{
    struct json_reader reader;
    struct json_member member;
    int rc;

    *v = (struct vector){ .rule = "-" };
    json_open(&reader, line, size, buffer);
    while ((rc = json_next(&reader, &member)) > 0)
        take_member(v, &member);
    if (rc == 0 && !v->no_rules)
        v->text = expand_names(v->cfg);
    return rc;
}

static void fill_event(struct event *event, const struct vector *v, char *buffer)
{
    struct json_reader reader;
    struct json_member m;

    event_init(event, catalogue_find(v->event_id), CATALOGUE_LINUX);
    json_open(&reader, v->fields.data, v->fields.size, buffer);
    while (json_next(&reader, &m) > 0)
        event_set_text(event, (unsigned)catalogue_field_index(event->type, m.name.data, m.name.size), m.value.data, m.value.size);
}

static struct config *compile(const struct vector *v)
{
    struct config_parameters parameters = { .system = CATALOGUE_LINUX };
    struct config_diagnostics diagnostics = { 0 };
    struct config *config = NULL;
    size_t capacity = strlen(v->text) + 200;
    char *file = malloc(capacity);
    int size = snprintf(file, capacity, "<Sysmon schemaversion=\"%.*s\"><EventFiltering>%s</EventFiltering></Sysmon>",
                        v->version.size ? (int)v->version.size : 4, v->version.size ? v->version.data : "4.90", v->text);

    if (config_compile(&config, file, (size_t)size, &parameters, &diagnostics) && diagnostics.count)
        printf("# %s\n", diagnostics.item[0].message);
    config_diagnostics_free(&diagnostics);
    free(file);
    return config;
}

static bool agrees(const struct vector *v, enum match_decision decision, const char *name, size_t size)
{
    if (size == 0)
        name = "-", size = 1;
    if ((decision == MATCH_LOG) != v->log || decision == MATCH_UNDECIDED)
        return false;
    return !v->log || (strlen(v->rule) == size && !memcmp(v->rule, name, size));
}

static bool decide(const struct vector *v, const void *blob, size_t size, const struct event *event)
{
    struct heap heap = { 0 };
    struct ruleset_memory memory = heap_memory(&heap);
    struct ruleset *rules = NULL;
    struct oracle *oracle = oracle_create(blob, size, 0);
    struct match_result result = { 0 };
    struct oracle_result plain = { 0 };
    void *scratch;
    bool good;

    if (ruleset_create(&rules, blob, size, NULL, &memory) || !oracle)
        return false;
    scratch = malloc(ruleset_scratch_size(rules) + 1);
    ruleset_match(rules, event->type, event->text, 0, scratch, &result);
    oracle_match(oracle, event->type, event->text, 0, &plain);
    good = agrees(v, result.decision, result.rule_name, result.rule_name_size) &&
           agrees(v, plain.decision, plain.name, plain.name_size);
    if (!good)
        printf("# decision %d name %.*s, plain %d %.*s\n", result.decision, (int)result.rule_name_size, result.rule_name,
               plain.decision, (int)plain.name_size, plain.name);
    free(scratch);
    ruleset_destroy(rules);
    oracle_destroy(oracle);
    return good;
}

static bool run(const struct vector *v, char *buffer)
{
    struct event event;
    struct config *config = v->no_rules ? NULL : compile(v);
    bool good = false;

    fill_event(&event, v, buffer);
    if (v->no_rules || config)
        good = decide(v, config ? config->blob : NULL, config ? config->blob_size : 0, &event);
    config_free(config);
    return good;
}

int main(void)
{
    static char path[4096], line[16384], strings[16384], fields[16384];
    struct vector v;
    unsigned count = 0, failed = 0;
    FILE *file;

    corpus_path(path, sizeof(path), "rule-vectors.jsonl");
    file = fopen(path, "r");
    if (!file) {
        printf("1..0 # SKIP no %s\nskipped: no corpus\n", path);
        return 77;
    }
    while (fgets(line, sizeof(line), file)) {
        bool good = read_vector(&v, line, strlen(line), strings) == 0 && run(&v, fields);

        printf("%sok %u - %s\n", good ? "" : "not ", ++count, v.id);
        failed += !good;
        free(v.text);
    }
    printf("1..%u\n", count);
    fclose(file);
    return failed || !count;
}
