/* SPDX-License-Identifier: MIT */
/* Reading one JSON object. */
#include "../../src/engine/json_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* All members as `name=type:value;`, or `!error@offset`. Text and buffer have their exact size, for ASan. */
static const char *read_all(const char *text, size_t size)
{
    static char out[4096];
    char *exact = malloc(size + !size), *buffer = malloc(size + !size);
    struct json_reader reader;
    struct json_member m;
    size_t used = 0;
    int rc;

    memcpy(exact, text, size);
    json_open(&reader, exact, size, buffer);
    while ((rc = json_next(&reader, &m)) > 0)
        used += (size_t)snprintf(out + used, sizeof(out) - used, "%.*s=%c:%.*s;", (int)m.name.size, m.name.data,
                                 "sntfzoa"[m.type], (int)m.value.size, m.value.data);
    if (rc < 0)
        snprintf(out + used, sizeof(out) - used, "!%s@%zu", reader.error, (size_t)(reader.at - reader.start));
    else
        out[used] = '\0';
    assert_int_equal(json_next(&reader, &m), rc); /* the end stays the end */
    free(exact);
    free(buffer);
    return out;
}

static void assert_reads(const char *text, const char *expected)
{
    assert_string_equal(read_all(text, strlen(text)), expected);
}

static void assert_refused(const char *text)
{
    assert_non_null(strchr(read_all(text, strlen(text)), '!'));
}

static void values(void **state)
{
    assert_reads("{}", "");
    assert_reads(" { } \r\n", "");
    assert_reads("{\"a\":\"b\",\"c\":-1.5e+3,\"d\":true,\"e\":false,\"f\":null}", "a=s:b;c=n:-1.5e+3;d=t:true;e=f:false;f=z:null;");
    assert_reads("{\"a\":{\"x\":[1,{\"y\":\"}\"}]},\"b\":[ ],\"c\":0}", "a=o:{\"x\":[1,{\"y\":\"}\"}]};b=a:[ ];c=n:0;");
    assert_reads("{\"a\":\"1\",\"a\":\"2\"}", "a=s:1;a=s:2;");
    assert_reads("{\"\":\"\"}", "=s:;");
}

static void escapes(void **state)
{
    assert_reads("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a=s:\"\\/\b\f\n\r\t;");
    assert_reads("{\"\\u0061\":\"\\u00e9\\u20AC\"}", "a=s:\xc3\xa9\xe2\x82\xac;");
    assert_reads("{\"a\":\"\\ud83d\\ude00\"}", "a=s:\xf0\x9f\x98\x80;");
    assert_reads("{\"a\":\"\\ud83dx\\ude00\"}", "a=s:\xed\xa0\xbdx\xed\xb8\x80;"); /* halves apart */
    assert_reads("{\"a\":\"\\ud83d\\u0041\"}", "a=s:\xed\xa0\xbd" "A;");
    assert_reads("{\"a\":\"\xff\xc3\"}", "a=s:\xff\xc3;"); /* raw bytes pass */
}

static void refusals(void **state)
{
    static const char *const bad[] = {
        "", "x", "[]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{a:1}", "{\"a\":01}",
        "{\"a\":.5}", "{\"a\":1.}", "{\"a\":1e}", "{\"a\":-}", "{\"a\":tru}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\\u12",
        "{\"a\":\"b", "{\"a\":\"\t\"}", "{\"a\":[1,]}", "{\"a\":[1}", "{\"a\":{\"b\"}}", "{\"a\":{1:2}}", "{} x", "{\"a\":1}}",
        "{\"a\":\"\\", "{\"a\":+1}", "{\"a\":nan}", "{\"a\":\"\\ud83d\\u",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_refused(bad[i]);
}

static void depth(void **state)
{
    char text[1024] = "{\"a\":";
    size_t used = 5;

    memset(text + used, '[', 60);
    memset(text + used + 60, ']', 60);
    text[used + 120] = '}';
    assert_null(strchr(read_all(text, used + 121), '!'));
    memset(text + used, '[', 500);
    assert_non_null(strstr(read_all(text, used + 500), "nested too deeply"));
}

/* Every prefix of a good object is refused and read within its bounds. */
static void prefixes(void **state)
{
    const char *text = "{\"a\":\"\\ud83d\\ude00\\n\",\"b\":[1,2.5e3,{\"c\":null}],\"d\":-0.1}";

    for (size_t size = 0; size < strlen(text); size++)
        assert_non_null(strchr(read_all(text, size), '!'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values), cmocka_unit_test(escapes), cmocka_unit_test(refusals), cmocka_unit_test(depth),
        cmocka_unit_test(prefixes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
