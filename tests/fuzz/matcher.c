/* SPDX-License-Identifier: MIT */
/*
 * Any rules and any texts: the compiled matcher against the plain evaluator. Input: flags, event number, two bytes size of the
 * blob, the blob, then texts of fields, each ended by a zero byte.
 */
#include "../unit/oracle.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *allocate(void *context, size_t size)
{
    return malloc(size);
}

static void release(void *context, void *memory, size_t size)
{
    free(memory);
}

static int expand(void *context, uint32_t session, const char *value, size_t size, char *out, size_t capacity)
{
    size_t used = 0;

    for (size_t i = 0; i < size && used < capacity; i++)
        if (value[i] != '%')
            out[used++] = value[i];
    return (int)used;
}

/* Each text on the heap with its exact size. */
static void fill(struct match_text *fields, uint32_t count, const uint8_t *data, size_t size)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *end = size ? memchr(data, 0, size) : NULL;
        size_t length = end ? (size_t)(end - data) : size;
        char *text = malloc(length + !length);

        if (length)
            memcpy(text, data, length);
        fields[i] = (struct match_text){ text, (uint32_t)length };
        data += length + (end != NULL);
        size -= length + (end != NULL);
    }
}

static void compare(const struct ruleset *rules, const struct oracle *oracle, const struct catalogue_event *event,
                    const struct match_text *fields)
{
    void *scratch = malloc(ruleset_scratch_size(rules) + 1);
    struct match_result got;
    struct oracle_result want;

    ruleset_match(rules, event, fields, 0, scratch, &got);
    oracle_match(oracle, event, fields, 0, &want);
    if (got.decision != want.decision || got.block != want.block || got.rule_name_size != want.name_size ||
        (want.name_size && memcmp(got.rule_name, want.name, want.name_size) != 0))
        abort();
    if (got.decision == MATCH_LOG && !ruleset_wants(rules, event->id))
        abort();
    free(scratch);
}

static void run(uint32_t flags, const struct catalogue_event *event, const uint8_t *blob, size_t blob_size,
                const uint8_t *texts, size_t texts_size)
{
    const struct ruleset_memory memory = { allocate, release, NULL };
    const struct ruleset_options options = { .flags = flags, .expand = expand };
    struct match_text fields[CATALOGUE_MAX_FIELDS];
    struct ruleset *rules;
    struct oracle *oracle;

    if (ruleset_create(&rules, blob, blob_size, &options, &memory))
        return;
    oracle = oracle_create(blob, blob_size, flags);
    if (!oracle)
        abort();
    oracle_expand_with(oracle, &options);
    fill(fields, event->field_count, texts, texts_size);
    compare(rules, oracle, event, fields);
    for (uint32_t i = 0; i < event->field_count; i++)
        free((char *)(uintptr_t)fields[i].data);
    oracle_destroy(oracle);
    ruleset_destroy(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t blob_size;

    if (size < 4)
        return 0;
    blob_size = (size_t)(data[2] | data[3] << 8);
    if (blob_size > size - 4)
        blob_size = size - 4;
    run(data[0] & (RULESET_ENVIRONMENT | RULESET_SLASH_IMAGE | RULESET_EXPLAIN),
        &catalogue_events[data[1] % CATALOGUE_EVENT_COUNT], data + 4, blob_size, data + 4 + blob_size, size - 4 - blob_size);
    return 0;
}
