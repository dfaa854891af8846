/* SPDX-License-Identifier: MIT */
/*
 * The compiled matcher against the plain evaluator on random rules and events: decision, name and block must agree.
 *
 * usage: rule_oracle [ROUNDS [SEED]]      a round is one rule set and EVENTS events
 */
#include "oracle.h"
#include "random_rules.h"
#include "rule_memory.h"

#include <stdio.h>
#include <string.h>

#define EVENTS 40
#define COMPLETIONS 6

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
#define ROUNDS 3000
#else
#define ROUNDS 40000
#endif

struct pair {
    struct heap heap;
    struct ruleset *rules;
    struct oracle *oracle;
    void *scratch;
};

static unsigned compared, logged, dropped, undecided;

/* Stands in for the environment: `%` becomes a text that depends on the session; some sessions have none. */
static int expand(void *context, uint32_t session, const char *value, size_t size, char *out, size_t capacity)
{
    size_t used = 0;

    if (session == 3)
        return -1;
    for (size_t i = 0; i < size && used + 2 <= capacity; i++) {
        if (value[i] != '%') {
            out[used++] = value[i];
        } else if (session) {
            out[used++] = 'A';
            if (session == 2)
                out[used++] = '.';
        }
    }
    return (int)used;
}

static bool open_pair(struct pair *p, const uint8_t *blob, uint32_t size, const struct ruleset_options *options)
{
    struct ruleset_memory memory = heap_memory(&p->heap);

    if (ruleset_create(&p->rules, blob, size, options, &memory))
        return false;
    p->oracle = oracle_create(blob, size, options->flags);
    oracle_expand_with(p->oracle, options);
    /* exactly what was asked for: ASan guards the end */
    p->scratch = malloc(ruleset_scratch_size(p->rules));
    return true;
}

static void close_pair(struct pair *p)
{
    ruleset_destroy(p->rules);
    oracle_destroy(p->oracle);
    free(p->scratch);
}

static void show_text(const char *text, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        printf(text[i] >= ' ' && text[i] <= '~' ? "%c" : "\\x%02x", (unsigned char)text[i]);
}

static void show(const struct catalogue_event *event, const struct match_text *fields, const struct match_result *got,
                 const struct oracle_result *want)
{
    printf("# event %u: got decision %d block %d name %.*s, want %d %d %.*s\n", event->id, got->decision, got->block,
           (int)got->rule_name_size, got->rule_name ? got->rule_name : "", want->decision, want->block,
           (int)want->name_size, want->name);
    for (uint32_t i = 0; i < event->field_count; i++) {
        printf("#   %s = ", event->fields[i].name);
        show_text(fields[i].data ? fields[i].data : "(none)", fields[i].data ? fields[i].size : 6);
        printf("\n");
    }
}

static bool same(const struct match_result *got, const struct oracle_result *want)
{
    return got->decision == want->decision && got->block == want->block && got->rule_name_size == want->name_size &&
           (want->name_size == 0 || !memcmp(got->rule_name, want->name, want->name_size));
}

static bool compare_event(const struct pair *p, const struct catalogue_event *event, const struct match_text *fields,
                          uint32_t session)
{
    struct match_result got;
    struct oracle_result want;

    memset(p->scratch, 0xa5, ruleset_scratch_size(p->rules));
    ruleset_match(p->rules, event, fields, session, p->scratch, &got);
    oracle_match(p->oracle, event, fields, session, &want);
    compared++;
    logged += got.decision == MATCH_LOG;
    dropped += got.decision == MATCH_DROP;
    if (same(&got, &want) && (got.decision != MATCH_LOG || ruleset_wants(p->rules, event->id)))
        return true;
    show(event, fields, &got, &want);
    return false;
}

/* Exact texts on the heap, so that ASan sees a read beyond any of them. */
static void guard(struct match_text *fields, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char *copy = fields[i].data ? malloc(fields[i].size) : NULL;

        if (copy)
            memcpy(copy, fields[i].data, fields[i].size);
        fields[i].data = fields[i].data ? copy : NULL;
    }
}

static void unguard(struct match_text *fields, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free((char *)(uintptr_t)fields[i].data);
}

static bool user_round(struct random *r, uint32_t flags)
{
    static uint8_t blob[RANDOM_BLOB_SIZE];
    char storage[CATALOGUE_MAX_FIELDS][RANDOM_TEXT_SIZE];
    struct match_text fields[CATALOGUE_MAX_FIELDS];
    const struct catalogue_event *first;
    struct ruleset_options options = { .flags = flags, .expand = expand };
    struct pair p = { .rules = NULL };
    uint32_t size = random_blob(r, blob, &first), members = catalogue_tag_members(first);
    bool good = open_pair(&p, blob, size, &options);

    for (uint32_t i = 0; good && i < EVENTS; i++) {
        const struct catalogue_event *event = first + random_below(r, members);

        random_fields(r, event, false, storage, fields);
        guard(fields, event->field_count);
        good = compare_event(&p, event, fields, random_below(r, 4));
        unguard(fields, event->field_count);
    }
    close_pair(&p);
    return good && p.heap.used == 0;
}

/*
 * A kernel that knows some texts only: what it decides must be what user mode decides whatever the other texts are, and
 * where the plain kernel evaluation decides, so must it.
 */
static bool kernel_event(struct random *r, const struct pair *kernel, const struct pair *user,
                         const struct catalogue_event *event)
{
    char storage[CATALOGUE_MAX_FIELDS][RANDOM_TEXT_SIZE], more[CATALOGUE_MAX_FIELDS][RANDOM_TEXT_SIZE];
    struct match_text fields[CATALOGUE_MAX_FIELDS], full[CATALOGUE_MAX_FIELDS];
    struct match_result got;
    struct oracle_result want;

    random_fields(r, event, true, storage, fields);
    ruleset_match(kernel->rules, event, fields, 0, kernel->scratch, &got);
    oracle_match(kernel->oracle, event, fields, 0, &want);
    compared++;
    logged += got.decision == MATCH_LOG;
    dropped += got.decision == MATCH_DROP;
    undecided += got.decision == MATCH_UNDECIDED;
    if (want.decision != MATCH_UNDECIDED && want.decision != got.decision) {
        show(event, fields, &got, &want);
        return false;
    }
    for (unsigned i = 0; got.decision != MATCH_UNDECIDED && i < COMPLETIONS; i++) {
        random_fields(r, event, false, more, full);
        for (uint32_t k = 0; k < event->field_count; k++)
            if (fields[k].data)
                full[k] = fields[k];
        oracle_match(user->oracle, event, full, random_below(r, 4), &want);
        if (want.decision != got.decision) {
            show(event, full, &got, &want);
            return false;
        }
    }
    return true;
}

static bool kernel_round(struct random *r, uint32_t flags)
{
    static uint8_t blob[RANDOM_BLOB_SIZE];
    const struct catalogue_event *first;
    struct ruleset_options options = { .flags = flags | RULESET_KERNEL, .expand = expand }, full = { .flags = flags, .expand = expand };
    struct pair kernel = { .rules = NULL }, user = { .rules = NULL };
    uint32_t size = random_blob(r, blob, &first), members = catalogue_tag_members(first);
    bool good = open_pair(&kernel, blob, size, &options) && open_pair(&user, blob, size, &full);

    for (uint32_t i = 0; good && i < EVENTS; i++)
        good = kernel_event(r, &kernel, &user, first + random_below(r, members));
    close_pair(&kernel);
    close_pair(&user);
    return good;
}

static bool run(const char *title, unsigned number, unsigned rounds, uint64_t seed, uint32_t flags, bool kernel)
{
    struct random r = { seed };
    bool good = true;
    unsigned round = 0;

    compared = logged = dropped = undecided = 0;
    for (; good && round < rounds; round++) {
        uint64_t state = r.state;

        good = kernel ? kernel_round(&r, flags) : user_round(&r, flags);
        if (!good)
            printf("# round %u, seed %llu\n", round, (unsigned long long)state);
    }
    printf("%sok %u - %s: seed %llu, %u rule sets, %u decisions (%u logged, %u dropped, %u undecided)\n", good ? "" : "not ",
           number, title, (unsigned long long)seed, round, compared, logged, dropped, undecided);
    return good;
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : ROUNDS;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 20240229;
    bool good = true;

    printf("1..4\n");
    good &= run("user mode", 1, rounds, seed, 0, false);
    good &= run("images split at slashes", 2, rounds / 4, seed + 1, RULESET_SLASH_IMAGE, false);
    good &= run("environment values", 3, rounds / 4, seed + 2, RULESET_ENVIRONMENT, false);
    good &= run("kernel mode", 4, rounds / 4, seed + 3, RULESET_ENVIRONMENT, true);
    return !good;
}
