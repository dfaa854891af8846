/* SPDX-License-Identifier: MIT */
/* The rules blob (spec 04): the worked example, records and chains, what undo leaves behind, hostile bytes, the listing. */
#include "config_case.h"
#include "sysmon/blob.h"
#include "sysmon/listing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char example[] =
    "<RuleGroup name='G' groupRelation='or'><ProcessCreate onmatch='include'><Image condition='image'>cmd.exe</Image>"
    "<Rule name='R' groupRelation='and'><User>a</User></Rule></ProcessCreate></RuleGroup><FileCreate onmatch='exclude'/>";

static uint32_t get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

/* Spec 04 section 8. */
static void worked_example(void **state)
{
    static const uint32_t words[][2] = { /* offset, value */
        { 0, 0x120000 }, { 4, 2 }, { 8, 24 }, { 12, 0x4005a }, { 16, 24 }, { 20, 608 },
        { 24, 1 }, { 28, 1 }, { 32, 0 }, { 36, 1448 }, { 40, 2 }, { 44, 48 },
        { 48, 4 }, { 52, 'G' }, { 48 + 516, 13 }, { 48 + 520, 904 }, { 48 + 524, 16 }, { 48 + 528, 0 }, { 48 + 532, 0 },
        { 608, 'R' }, { 608 + 264, 1 }, { 608 + 268, 904 }, { 608 + 272, 0 }, { 608 + 276, 1 }, { 608 + 280, 1 },
        { 904, 12 }, { 908, 'R' }, { 904 + 516, 0 }, { 904 + 520, 0 }, { 904 + 524, 4 }, { 904 + 528, 1 }, { 904 + 532, 608 },
        { 904 + 536, 'a' }, { 1448, 11 }, { 1452, 0 }, { 1456, 1 }, { 1460, 0 }, { 1464, 0 }, { 1468, 0 },
    };
    struct config_case c = case_rules("4.90", example);

    (void)state;
    assert_int_equal(c.config->blob_size, 1472);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_int_equal(get32(c.config->blob + words[i][0]), words[i][1]);
    assert_memory_equal(c.config->blob + 48 + 536, "c\0m\0d\0.\0e\0x\0e\0\0", 16);
    case_free(&c);
}

static void minimal(void **state)
{
    struct config_case c = case_rules("4.50", "<RuleGroup groupRelation='or'><ProcessTampering onmatch='exclude'/></RuleGroup>");

    (void)state;
    assert_int_equal(c.config->blob_size, 48);
    assert_int_equal(get32(c.config->blob + 20), 0);
    case_free(&c);
    c = case_rules("4.50", "");
    assert_null(c.config->blob);
    assert_int_equal(c.config->blob_size, 0);
    case_free(&c);
}

/* Spec 04 section 6: ids go on, a header written anew does not know its first aggregation, the chain may turn on itself. */
static void undo_leaves_traces(void **state)
{
    static const char rule[] = "<Rule groupRelation='and'><TargetObject>t</TargetObject><Details>d</Details></Rule>";
    char rules[1024];
    struct config_case c;

    (void)state;
    snprintf(rules, sizeof rules, "<RegistryEvent onmatch='include'>%s%s</RegistryEvent>", rule, rule);
    c = case_rules("4.70", rules);
    assert_int_equal(get32(c.config->blob + 4), 1);       /* blocks */
    assert_int_equal(get32(c.config->blob + 20), 0);      /* first aggregation */
    assert_int_equal(get32(c.config->blob + 24), 13);     /* event */
    assert_int_equal(get32(c.config->blob + 48 + 264), 2); /* id */
    assert_int_equal(get32(c.config->blob + 48 + 272), 48 + 296 + 2 * 544); /* next aggregation */
    case_free(&c);

    snprintf(rules, sizeof rules, "<ProcessCreate onmatch='include'/><RegistryEvent onmatch='include'>%s</RegistryEvent>", rule);
    c = case_rules("4.70", rules);
    assert_int_equal(get32(c.config->blob + 4), 2);
    assert_int_equal(get32(c.config->blob + 20), 72); /* chained by the attempt that was taken back */
    assert_int_equal(get32(c.config->blob + 36), 48); /* first block's next */
    assert_int_equal(get32(c.config->blob + 72 + 264), 2);
    assert_int_equal(get32(c.config->blob + 72 + 272), 72);
    case_free(&c);
}

static void names_are_cut(void **state)
{
    char rules[1024], name[256];
    struct blob_filter filter;
    struct blob_block block;
    struct blob_aggregation rule;
    struct config_case c;
    struct blob blob;

    (void)state;
    memset(name, 'n', 255);
    name[255] = '\0';
    snprintf(rules, sizeof rules, "<ProcessCreate onmatch='include'><Rule name='%s'><Image>x</Image></Rule></ProcessCreate>", name);
    c = case_rules("4.90", rules);
    assert_int_equal(blob_open(&blob, c.config->blob, c.config->blob_size), 0);
    assert_int_equal(blob_first_block(&blob, &block), BLOB_ITEM);
    assert_int_equal(blob_first_filter(&blob, &block, &filter), BLOB_ITEM);
    assert_int_equal(blob_aggregation(&blob, &filter, &rule), BLOB_ITEM);
    assert_int_equal(filter.name.units, 255);
    assert_int_equal(rule.name.units, 127);
    case_free(&c);
}

static void text_survives(void **state)
{
    static const char value[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e";
    struct config_case c = case_rules("4.90", "<ProcessCreate onmatch='include'><Image name='\xe2\x82\xac'>a\xc3\xa4\xe2\x82\xac"
                                              "\xf0\x9d\x84\x9e</Image></ProcessCreate>");
    struct blob_filter filter;
    struct blob_block block;
    struct blob blob;
    char text[32];

    (void)state;
    assert_int_equal(blob_open(&blob, c.config->blob, c.config->blob_size), 0);
    assert_int_equal(blob_first_block(&blob, &block), BLOB_ITEM);
    assert_int_equal(blob_first_filter(&blob, &block, &filter), BLOB_ITEM);
    assert_int_equal(filter.value.units, 5);
    assert_int_equal(blob_text_utf8(&filter.value, text, sizeof text), sizeof value - 1);
    assert_memory_equal(text, value, sizeof value - 1);
    assert_int_equal(blob_text_utf8(&filter.value, text, 3), sizeof value - 1); /* counts what does not fit */
    assert_int_equal(filter.name.units, 1);
    assert_int_equal(blob_unit(&filter.name, 0), 0x20ac);
    case_free(&c);
}

static int check(const void *data, size_t size)
{
    struct blob blob;
    int rc = blob_open(&blob, data, size);

    return rc ? rc : blob_check(&blob);
}

/* One damage per row, in the worked example. */
static void damages(void **state)
{
    static const struct {
        uint32_t offset, value;
        int result;
    } samples[] = {
        { 0, 0x000e0001, BLOB_E_VERSION }, { 0, 0x00010000, BLOB_E_VERSION }, { 0, 0x000f0000, 0 }, { 4, 0, BLOB_E_INVALID },
        { 4, 3, BLOB_E_INVALID }, { 4, 1, BLOB_END }, { 8, 20, BLOB_E_INVALID }, { 16, 0, BLOB_E_INVALID }, { 16, 1472, BLOB_E_INVALID },
        { 16, 0xfffffff0, BLOB_E_INVALID }, { 20, 0xffffffff, 0 }, { 24, 2000, BLOB_E_INVALID }, { 28, 2, BLOB_E_INVALID },
        { 32, 2, BLOB_E_INVALID }, { 36, 24, BLOB_E_INVALID }, { 36, 0, BLOB_E_INVALID }, { 36, 1465, BLOB_E_INVALID },
        { 36, 900, BLOB_E_INVALID }, { 40, 3, BLOB_E_INVALID }, { 40, 0, BLOB_E_INVALID }, { 44, 0, BLOB_E_INVALID },
        { 44, 24, BLOB_E_INVALID }, { 44, 1400, BLOB_E_INVALID }, { 48, 99, 0 }, { 48 + 516, 16, BLOB_E_INVALID },
        { 48 + 516, 0xffffffff, BLOB_E_INVALID }, { 48 + 516, 0x4000000d, 0 }, { 48 + 520, 48, BLOB_E_INVALID },
        { 48 + 520, 0, BLOB_E_INVALID }, { 48 + 520, 2000, BLOB_E_INVALID }, { 48 + 524, 15, BLOB_E_INVALID },
        { 48 + 524, 14, BLOB_E_INVALID }, { 48 + 524, 0, BLOB_E_INVALID }, { 48 + 524, 0xfffffffe, BLOB_E_INVALID },
        { 904 + 528, 0, BLOB_E_INVALID }, { 904 + 528, 2, BLOB_E_INVALID }, { 904 + 532, 0, BLOB_E_INVALID },
        { 904 + 532, 904, BLOB_E_INVALID }, { 904 + 532, 2, BLOB_E_INVALID }, { 608 + 280, 2, BLOB_E_INVALID },
        { 608 + 272, 608, 0 }, { 1460, 0xffffffff, 0 },
    };
    struct config_case c = case_rules("4.90", example);
    uint8_t *copy = malloc(c.config->blob_size);

    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        int rc;

        memcpy(copy, c.config->blob, c.config->blob_size);
        put32(copy + samples[i].offset, samples[i].value);
        rc = check(copy, c.config->blob_size);
        if (rc != samples[i].result)
            fail_msg("offset %u value %x: %d", samples[i].offset, samples[i].value, rc);
    }
    free(copy);
    case_free(&c);
}

/* Reads everything there is to read. Under ASan every byte beyond is fatal. */
static void read_through(const uint8_t *data, size_t size)
{
    char text[64], *printed = NULL;
    size_t length;
    FILE *out;

    if (check(data, size) == 0) {
        struct blob blob;
        struct blob_block block;

        assert_int_equal(blob_open(&blob, data, size), 0);
        for (int b = blob_first_block(&blob, &block); b == BLOB_ITEM; b = blob_next_block(&blob, &block)) {
            struct blob_filter filter;

            for (int f = blob_first_filter(&blob, &block, &filter); f == BLOB_ITEM; f = blob_next_filter(&blob, &filter)) {
                blob_text_utf8(&filter.name, text, sizeof text);
                blob_text_utf8(&filter.value, text, sizeof text);
            }
        }
    }
    out = open_memstream(&printed, &length);
    listing_print(out, data, size, LISTING_TITLE | LISTING_ALL);
    fclose(out);
    free(printed);
}

static void hostile(void **state)
{
    struct config_case c = case_rules("4.90", example);
    size_t size = c.config->blob_size;
    uint32_t seed = 12345;

    (void)state;
    for (size_t cut = 0; cut < size; cut++) { /* its own allocation, so that ASan sees the end */
        uint8_t *copy = malloc(cut ? cut : 1);

        memcpy(copy, c.config->blob, cut);
        assert_true(check(copy, cut) < 0);
        read_through(copy, cut);
        free(copy);
    }
    for (size_t bit = 0; bit < size * 8; bit++) {
        uint8_t *copy = malloc(size);

        memcpy(copy, c.config->blob, size);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        read_through(copy, size);
        free(copy);
    }
    for (int round = 0; round < 3000; round++) {
        uint8_t *copy = malloc(size);

        memcpy(copy, c.config->blob, size);
        for (int k = 0; k < 4; k++) {
            seed = seed * 1664525 + 1013904223;
            put32(copy + (seed >> 8) % (size - 4), seed % 3 ? (seed >> 4) % 2000 : seed);
        }
        read_through(copy, size);
        free(copy);
    }
    case_free(&c);
}

/* Blocks that all claim the same filters would make a walk quadratic: the reader refuses the second. */
static void overlapping_blocks(void **state)
{
    struct config_case c = case_rules("4.90", "<ProcessCreate onmatch='include'/><ProcessCreate onmatch='include'>"
                                              "<Image>x</Image></ProcessCreate>");

    (void)state;
    assert_int_equal(check(c.config->blob, c.config->blob_size), 0);
    put32(c.config->blob + 24 + 16, 1);
    put32(c.config->blob + 24 + 20, 72);
    assert_int_equal(check(c.config->blob, c.config->blob_size), BLOB_E_INVALID);
    case_free(&c);
}

static char *listing(const void *blob, size_t size, unsigned flags)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    assert_int_equal(listing_print(out, blob, size, flags), 0);
    fclose(out);
    return text;
}

static void listings(void **state)
{
    struct config_case c = case_rules("4.90", example);
    char *text = listing(c.config->blob, c.config->blob_size, LISTING_TITLE);

    (void)state;
    assert_string_equal(text, "Rule configuration (version 4.90):\n"
                              " - ProcessCreate                      onmatch: include   combine rules using 'Or'\n"
                              "\tImage                          filter: image        value: 'cmd.exe'\n"
                              "\tCompound Rule R   combine using And\n"
                              "\t    User                           filter: is           value: 'a'\n"
                              " - FileCreate                         onmatch: exclude   combine rules using 'And'\n");
    free(text);
    case_free(&c);
    text = listing(NULL, 0, LISTING_TITLE);
    assert_string_equal(text, "No rules installed\n");
    free(text);

    c = case_rules("4.90", "<ProcessCreate onmatch='include'/><ProcessCreate onmatch='include'><Rule><Image>\x7f</Image></Rule></ProcessCreate>"
                           "<ProcessCreate onmatch='exclude'/>");
    text = listing(c.config->blob, c.config->blob_size, 0);
    assert_null(strstr(text, "Compound")); /* the second of two include blocks is not shown */
    assert_non_null(strstr(text, "exclude"));
    free(text);
    text = listing(c.config->blob, c.config->blob_size, LISTING_ALL);
    assert_non_null(strstr(text, "\tCompound Rule 0001   combine using Or\n"));
    free(text);
    case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_example), cmocka_unit_test(minimal), cmocka_unit_test(undo_leaves_traces), cmocka_unit_test(names_are_cut),
        cmocka_unit_test(text_survives), cmocka_unit_test(damages), cmocka_unit_test(hostile), cmocka_unit_test(overlapping_blocks),
        cmocka_unit_test(listings),
    };

    return cmocka_run_group_tests_name("blob", tests, NULL, NULL);
}
