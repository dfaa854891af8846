/* SPDX-License-Identifier: MIT */
/* Encodings (spec 03 section 1): every form of the same file must compile to the same blob. */
#include "config_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define BODY "<Sysmon schemaversion=\"4.90\">\n<EventFiltering><ProcessCreate onmatch=\"include\"><Image name=\"%s\">%s</Image>" \
             "</ProcessCreate></EventFiltering></Sysmon>\n"
#define DECLARATION(encoding) "<?xml version=\"1.0\" encoding=\"" encoding "\"?>\n"

enum form { UTF8, LATIN1, WIDE };

struct encoded {
    uint8_t data[2048];
    size_t size;
};

static void put(struct encoded *e, uint32_t c, enum form form)
{
    if (form == WIDE) {
        e->data[e->size++] = (uint8_t)c;
        e->data[e->size++] = (uint8_t)(c >> 8);
    } else if (form == LATIN1 || c < 0x80) {
        e->data[e->size++] = (uint8_t)c;
    } else {
        e->data[e->size++] = (uint8_t)(0xc0 | c >> 6);
        e->data[e->size++] = (uint8_t)(0x80 | (c & 63));
    }
}

/* `text` is Latin-1. */
static struct encoded encode(const char *mark, size_t mark_size, enum form form, const char *declaration)
{
    struct encoded e = { { 0 }, 0 };
    char text[1024];

    memcpy(e.data, mark, mark_size);
    e.size = mark_size;
    snprintf(text, sizeof text, "%s" BODY, declaration, "\xe4", "\xe9t\xe9");
    for (const char *p = text; *p; p++)
        put(&e, (uint8_t)*p, form);
    return e;
}

static void all_forms(void **state)
{
    static const struct {
        const char *mark;
        enum form form;
        const char *declaration;
    } samples[] = {
        { "", UTF8, "" }, { "\xef\xbb\xbf", UTF8, "" }, { "", UTF8, DECLARATION("UTF-8") }, { "\xef\xbb\xbf", UTF8, DECLARATION("utf-8") },
        { "", LATIN1, DECLARATION("ISO-8859-1") }, { "", LATIN1, DECLARATION("iso-8859-1") },
        { "", WIDE, "" }, { "\xff\xfe", WIDE, "" }, { "", WIDE, DECLARATION("UTF-16LE") }, { "\xff\xfe", WIDE, DECLARATION("UTF-16") },
        { "", UTF8, "  \r\n\t" }, { "", UTF8, "\n" DECLARATION("UTF-8") }, { "", WIDE, "\n\n" }, { "", UTF8, "<!-- c -->" },
        { "\xff\xfe", WIDE, DECLARATION("utf-8") }, { "", UTF8, DECLARATION("UTF-16") },
    };
    struct encoded e = encode("", 0, UTF8, "");
    struct config_case reference = case_bytes(e.data, e.size, (struct config_parameters){ 0 });

    (void)state;
    assert_int_equal(reference.rc, 0);
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct config_case c;

        e = encode(samples[i].mark, strlen(samples[i].mark), samples[i].form, samples[i].declaration);
        c = case_bytes(e.data, e.size, (struct config_parameters){ 0 });
        if (c.rc)
            fail_msg("form %zu: %s", i, c.printed);
        assert_int_equal(c.config->blob_size, reference.config->blob_size);
        assert_memory_equal(c.config->blob, reference.config->blob, c.config->blob_size);
        case_free(&c);
    }
    case_free(&reference);
}

static void refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } samples[] = {
        { "", 0, "f: error: the file is empty" }, { "<", 1, "the file is empty" },
        { "\xfe\xff\0<", 4, "big-endian UTF-16 is not supported" }, { "\0<\0S", 4, "big-endian UTF-16 is not supported" },
        { "MZ\x90", 3, "not an XML file: it starts with byte 0x4D" },
        { "<Sysmon schemaversion='4.90'>\n \xe4</Sysmon>", 42, "f:2:2: error: byte 0xE4 is not valid UTF-8" },
        { "<a>\xc0\x80</a>", 9, "byte 0xC0 is not valid UTF-8" }, { "<a>\xed\xa0\x80</a>", 10, "byte 0xED is not valid UTF-8" },
        { "<a>\xf5\x80\x80\x80</a>", 11, "byte 0xF5 is not valid" }, { "<a>\xe2\x82", 5, "byte 0xE2 is not valid" },
        { "<a>\x01</a>", 8, "control character 0x01" }, { "<a\0b>", 5, "control character 0x00" },
        { "<\0a\0>\0\0\xd8<\0", 10, "is not valid UTF-8" },
        { "<?xml version='1.0' encoding='EBCDIC'?><Sysmon/>", 48, "f:1:31: error: encoding 'EBCDIC' is not supported" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct config_case c = case_bytes(samples[i].bytes, samples[i].size, (struct config_parameters){ 0 });

        if (!c.rc || !strstr(c.printed, samples[i].says))
            fail_msg("%zu: rc %d, %s", i, c.rc, c.printed);
        case_free(&c);
    }
}

static void white_space_before(void **state)
{
    char text[4096];
    struct config_case c;

    (void)state;
    memset(text, ' ', sizeof text);
    snprintf(text + 2048, 64, "<Sysmon schemaversion='4.90'/>");
    c = case_text(text);
    assert_int_equal(c.rc, 0);
    case_free(&c);
    memset(text, ' ', sizeof text);
    snprintf(text + 2049, 64, "<Sysmon schemaversion='4.90'/>");
    c = case_text(text);
    assert_non_null(strstr(c.printed, "too much white space before the first '<'"));
    case_free(&c);
}

static void columns_count_characters(void **state)
{
    struct config_case c = case_text("<Sysmon schemaversion='4.90'>\r\n<EventFiltering><!--\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e--><Foo/></EventFiltering></Sysmon>");

    (void)state;
    assert_non_null(strstr(c.printed, "f:2:28: error: unknown event 'Foo'"));
    case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms), cmocka_unit_test(refused), cmocka_unit_test(white_space_before),
        cmocka_unit_test(columns_count_characters),
    };

    return cmocka_run_group_tests_name("config_text", tests, NULL, NULL);
}
