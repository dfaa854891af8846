/* SPDX-License-Identifier: MIT */
/* Rule sets as a whole: what is wanted, defaults, refused blobs, memory that runs out, explanations. */
#include "oracle.h"
#include "random_rules.h"
#include "rule_memory.h"
#include "sysmon/blob.h"
#include "sysmon/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

struct built {
    struct heap heap;
    struct config *config;
    struct ruleset *rules;
    void *scratch;
};

static void build(struct built *b, const char *filtering, uint32_t flags)
{
    struct config_parameters parameters = { .system = CATALOGUE_WINDOWS };
    struct config_diagnostics diagnostics = { 0 };
    struct ruleset_options options = { .flags = flags };
    struct ruleset_memory memory;
    char text[8192];
    int size = snprintf(text, sizeof(text), "<Sysmon schemaversion=\"4.90\"><EventFiltering>%s</EventFiltering></Sysmon>", filtering);

    *b = (struct built){ .rules = NULL };
    memory = heap_memory(&b->heap);
    assert_int_equal(config_compile(&b->config, text, (size_t)size, &parameters, &diagnostics), 0);
    config_diagnostics_free(&diagnostics);
    assert_int_equal(ruleset_create(&b->rules, b->config->blob, b->config->blob_size, &options, &memory), 0);
    b->scratch = malloc(ruleset_scratch_size(b->rules) + 1);
}

static void discard(struct built *b)
{
    assert_int_equal(ruleset_size(b->rules), b->heap.used);
    ruleset_destroy(b->rules);
    assert_int_equal(b->heap.used, 0);
    config_free(b->config);
    free(b->scratch);
}

static struct match_result match(struct built *b, struct event *event)
{
    struct match_result result;

    ruleset_match(b->rules, event->type, event->text, 0, b->scratch, &result);
    return result;
}

static bool wants(const char *filtering, uint32_t event_id)
{
    struct built b;
    bool answer;

    build(&b, filtering, 0);
    answer = ruleset_wants(b.rules, event_id);
    discard(&b);
    return answer;
}

static void wanted(void **state)
{
    const char *details = "<RegistryEvent onmatch='include'><Details>x</Details></RegistryEvent>";

    /* no block: the default decides */
    assert_true(wants("", EVENT_CREATE_PROCESS));
    assert_false(wants("", EVENT_NETWORK_CONNECT));
    /* one block */
    assert_false(wants("<ProcessCreate onmatch='include'/>", EVENT_CREATE_PROCESS));
    assert_true(wants("<NetworkConnect onmatch='exclude'/>", EVENT_NETWORK_CONNECT));
    assert_true(wants("<NetworkConnect onmatch='exclude'><Image>x</Image></NetworkConnect>", EVENT_NETWORK_CONNECT));
    assert_true(wants("<NetworkConnect onmatch='include'><Image>x</Image></NetworkConnect>", EVENT_NETWORK_CONNECT));
    /* several: only an include block can log */
    assert_false(wants("<NetworkConnect onmatch='exclude'/><NetworkConnect onmatch='exclude'/>", EVENT_NETWORK_CONNECT));
    assert_true(wants("<NetworkConnect onmatch='exclude'/><NetworkConnect onmatch='include'><Image>x</Image></NetworkConnect>",
                      EVENT_NETWORK_CONNECT));
    /* a shared tag: 12 has no Details, 14 something else in its place */
    assert_false(wants(details, 12));
    assert_true(wants(details, 13));
    assert_false(wants(details, 14));
    /* never filtered; unknown */
    assert_true(wants("", 4));
    assert_true(wants("", 255));
    assert_false(wants("", 9999));
}

static void windows_defaults(void **state)
{
    struct built b;
    struct event event;

    build(&b, "<NetworkConnect onmatch='include'/>", RULESET_WINDOWS_DEFAULTS);
    event_init(&event, catalogue_find(EVENT_DRIVER_LOAD), CATALOGUE_WINDOWS);
    assert_int_equal(match(&b, &event).decision, MATCH_LOG);
    assert_true(ruleset_wants(b.rules, EVENT_FILE_TIME));
    discard(&b);
    build(&b, "<DriverLoad onmatch='include'/>", RULESET_WINDOWS_DEFAULTS);
    assert_int_equal(match(&b, &event).decision, MATCH_DROP);
    assert_false(ruleset_wants(b.rules, EVENT_DRIVER_LOAD));
    discard(&b);
    build(&b, "", 0);
    assert_int_equal(match(&b, &event).decision, MATCH_DROP);
    discard(&b);
}

/* A NULL text reads `-` in user mode and cannot be decided about in a kernel. */
static void missing_text(void **state)
{
    const char *filtering = "<ProcessCreate onmatch='include'><Company>-</Company></ProcessCreate>";
    struct built b;
    struct event event;

    event_init(&event, catalogue_find(EVENT_CREATE_PROCESS), CATALOGUE_WINDOWS);
    event.text[CREATE_PROCESS_Company] = (struct match_text){ NULL, 0 };
    build(&b, filtering, 0);
    assert_int_equal(match(&b, &event).decision, MATCH_LOG);
    discard(&b);
    build(&b, filtering, RULESET_KERNEL);
    assert_int_equal(match(&b, &event).decision, MATCH_UNDECIDED);
    discard(&b);
    /* the exclude block decides without it */
    build(&b, "<ProcessCreate onmatch='include'><Company>-</Company></ProcessCreate>"
              "<ProcessCreate onmatch='exclude'><User>-</User></ProcessCreate>", RULESET_KERNEL);
    assert_int_equal(match(&b, &event).decision, MATCH_DROP);
    discard(&b);
}

static void slash_images(void **state)
{
    const char *filtering = "<ProcessCreate onmatch='include'><Image condition='image'>bash</Image></ProcessCreate>";
    struct built b;
    struct event event;

    event_init(&event, catalogue_find(EVENT_CREATE_PROCESS), CATALOGUE_LINUX);
    event_set_string(&event, CREATE_PROCESS_Image, "/usr/bin/bash");
    build(&b, filtering, 0);
    assert_int_equal(match(&b, &event).decision, MATCH_DROP);
    discard(&b);
    build(&b, filtering, RULESET_SLASH_IMAGE);
    assert_int_equal(match(&b, &event).decision, MATCH_LOG);
    discard(&b);
}

static int create(const void *blob, size_t size)
{
    struct heap heap = { 0 };
    struct ruleset_memory memory = heap_memory(&heap);
    struct ruleset *rules = NULL;
    int rc = ruleset_create(&rules, blob, size, NULL, &memory);

    assert_true((rc == 0) == (rules != NULL));
    ruleset_destroy(rules);
    assert_int_equal(heap.used, 0);
    return rc;
}

static void refused_blobs(void **state)
{
    static uint8_t blob[RANDOM_BLOB_SIZE];
    const struct catalogue_event *event;
    struct random random = { 5 };
    uint32_t size = random_blob(&random, blob, &event);

    assert_int_equal(create(NULL, 0), 0);
    assert_int_equal(create(blob, size), 0);
    for (uint32_t cut = 1; cut < 48; cut++)
        assert_int_not_equal(create(blob, cut), 0);
    blob[2] = 17; /* another major binary version */
    assert_int_equal(create(blob, size), RULESET_E_VERSION);
    blob[2] = 18;
    blob[24 + 4] = 2; /* a default that is none */
    assert_int_equal(create(blob, size), RULESET_E_INVALID);
}

/* Every allocation fails once: nothing is left behind, nothing is returned. */
static void memory_runs_out(void **state)
{
    static uint8_t blob[RANDOM_BLOB_SIZE];
    const struct catalogue_event *event;

    for (uint64_t seed = 1; seed < 12; seed++) {
        struct random random = { seed };
        uint32_t size = random_blob(&random, blob, &event);
        struct ruleset *rules = NULL;
        int rc = RULESET_E_MEMORY;

        for (unsigned allowed = 1; rc; allowed++) {
            struct heap heap = { .fail_after = allowed };
            struct ruleset_memory memory = heap_memory(&heap);

            rc = ruleset_create(&rules, blob, size, NULL, &memory);
            assert_true(rc == 0 || rc == RULESET_E_MEMORY);
            if (rc)
                assert_null(rules);
            ruleset_destroy(rules);
            assert_int_equal(heap.used, 0);
        }
    }
}

/* ---- explanations ---- */

struct story {
    struct explain_block block[4];
    struct explain_filter filter[4][8];
    unsigned count;
};

static void tell(void *context, const struct explain_block *block)
{
    struct story *story = context;

    assert_true(story->count < 4 && block->deciding_count <= 8);
    story->block[story->count] = *block;
    memcpy(story->filter[story->count], block->deciding, block->deciding_count * sizeof(*block->deciding));
    story->count++;
}

static void explain(struct built *b, struct event *event, struct story *story)
{
    struct match_result result;

    story->count = 0;
    ruleset_explain(b->rules, event->type, event->text, 0, b->scratch, tell, story, &result);
}

static void assert_filter(const struct explain_filter *filter, const char *field, const char *condition, const char *value,
                          enum explain_result result, uint32_t rule)
{
    assert_string_equal(filter->field, field);
    assert_string_equal(filter->condition, condition);
    assert_int_equal(filter->value.size, strlen(value));
    assert_memory_equal(filter->value.data, value, strlen(value));
    assert_int_equal(filter->result, result);
    assert_int_equal(filter->rule, rule);
}

static void explanations(void **state)
{
    struct story story;
    struct built b;
    struct event event;

    build(&b, "<RuleGroup groupRelation='and'><ProcessCreate onmatch='exclude'><Image>A</Image><Image>C</Image><User>u</User>"
              "</ProcessCreate></RuleGroup>"
              "<RuleGroup groupRelation='or'><ProcessCreate onmatch='include'><Image>Q</Image>"
              "<Rule name='R' groupRelation='and'><Image condition='begin with'>B</Image><User>v</User></Rule>"
              "</ProcessCreate></RuleGroup>", RULESET_EXPLAIN);
    event_init(&event, catalogue_find(EVENT_CREATE_PROCESS), CATALOGUE_WINDOWS);
    event_set_string(&event, CREATE_PROCESS_Image, "bx");
    event_set_string(&event, CREATE_PROCESS_User, "v");
    explain(&b, &event, &story);
    assert_int_equal(story.count, 2);
    assert_true(story.block[0].exclude && story.block[0].and_relation && story.block[0].filter_count == 3);
    assert_int_equal(story.block[0].result, EXPLAIN_NOMATCH);
    assert_int_equal(story.block[0].deciding_count, 2);
    assert_filter(&story.filter[0][0], "Image", "is", "A", EXPLAIN_NOMATCH, 0);
    assert_filter(&story.filter[0][1], "Image", "is", "C", EXPLAIN_NOMATCH, 0);
    assert_false(story.block[1].exclude || story.block[1].and_relation);
    assert_int_equal(story.block[1].result, EXPLAIN_MATCH);
    assert_int_equal(story.block[1].deciding_count, 2);
    assert_filter(&story.filter[1][0], "Image", "begin with", "B", EXPLAIN_MATCH, 1);
    assert_filter(&story.filter[1][1], "User", "is", "v", EXPLAIN_MATCH, 1);
    assert_memory_equal(story.filter[1][0].name.data, "R", 1);
    event_set_string(&event, CREATE_PROCESS_Image, "zz");
    explain(&b, &event, &story);
    assert_int_equal(story.count, 2);
    assert_int_equal(story.block[1].result, EXPLAIN_NOMATCH);
    assert_int_equal(story.block[1].deciding_count, 0);
    discard(&b);
}

/* A block bound to event 13 asked about event 12, which has another field in the place of Details. */
static void explanation_of_another_member(void **state)
{
    struct story story;
    struct built b;
    struct event event;

    build(&b, "<RuleGroup groupRelation='and'><RegistryEvent onmatch='include'><Details>x</Details></RegistryEvent></RuleGroup>",
          RULESET_EXPLAIN);
    event_init(&event, catalogue_find(EVENT_REG_KEY), CATALOGUE_WINDOWS);
    explain(&b, &event, &story);
    assert_int_equal(story.block[0].deciding_count, 1);
    assert_filter(&story.filter[0][0], "Details", "is", "x", EXPLAIN_NOMATCH, 0);
    assert_null(story.filter[0][0].text.data);
    discard(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wanted),         cmocka_unit_test(windows_defaults), cmocka_unit_test(missing_text),
        cmocka_unit_test(slash_images),   cmocka_unit_test(refused_blobs),    cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(explanations),   cmocka_unit_test(explanation_of_another_member),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
