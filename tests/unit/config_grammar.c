/* SPDX-License-Identifier: MIT */
/* Every rule of the grammar (spec 03 sections 2, 3, 6, 11): what loads, what is refused, and in which words. */
#include "config_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PROCESS(inner) "<ProcessCreate onmatch='include'>" inner "</ProcessCreate>"

struct sample {
    const char *version, *rules;
    const char *says; /* part of the printed findings; NULL: nothing but notes */
};

static const struct sample accepted[] = {
    { "4.90", "", NULL },
    { "4.90", "<ProcessCreate onmatch='include'/>", NULL },
    { "4.90", "<ProcessCreate onmatch='EXCLUDE'/>", NULL },
    { "4.90", "<ProcessCreate default='include'/>", NULL },
    { "4.90", "<RuleGroup name='G'>" PROCESS("<Image>x</Image>") "</RuleGroup>", "warning: RuleGroup without groupRelation" },
    { "4.90", "<RuleGroup groupRelation='OR'>" PROCESS("<Image>x</Image>") "</RuleGroup>", NULL },
    { "4.90", "<rulegroup groupRelation='And'>" PROCESS("<Image>x</Image>") "</rulegroup>", NULL },
    { "4.90", "<RuleGroup groupRelation='or'><RuleGroup groupRelation='or'>" PROCESS("<Image>x</Image>") "</RuleGroup></RuleGroup>",
      "warning: RuleGroup inside a RuleGroup" },
    { "4.90", PROCESS("<rule groupRelation='AND'><Image>x</Image></rule>"), NULL },
    { "4.90", PROCESS("<Image condition='Begin With'>x</Image>"), NULL },
    { "4.90", PROCESS("<Image condition=''>x</Image>"), NULL },
    { "4.90", PROCESS("<Image name=''>x</Image>"), NULL },
    { "4.90", "<RegistryEvent onmatch='include'><Details>x</Details></RegistryEvent>", NULL },
    { "4.90", "<FileBlockExecutable onmatch='include'/><FileExecutableDetected onmatch='include'/><eBPFEvent onmatch='include'/>", NULL },
    { "4.0", PROCESS("<Image>x</Image>"), NULL },
    { "4.9", PROCESS("<Image>x</Image>"), NULL },
    { "4.901", PROCESS("<Image>x</Image>"), NULL },
    { "4.91", PROCESS("<Image>x</Image>"), "warning: schema version 4.91 is newer than ours, 4.90" },
    { "10.5", PROCESS("<Image>x</Image>"), "warning: schema version 10.50 is newer than ours" },
    { "4.91", "<NewEvent onmatch='include'><A><B/></A></NewEvent>", "warning: unknown event 'NewEvent' (newer schema: skipped)" },
    { "4.91", PROCESS("<NewField>x</NewField>"), "warning: incorrect field 'NewField'" },
    { "4.91", PROCESS("<Image new='1'>x</Image>"), "warning: unknown attribute 'new' of Image" },
};

static const struct sample refused[] = {
    { "", "", "invalid schema version number ''" },
    { "x", "", "invalid schema version number 'x'" },
    { "0.5", "", "invalid schema version number '0.5'" },
    { "99999", "", "invalid schema version number" },
    { "nan", "", "invalid schema version number" },
    { "3.99", "", "incorrect or unsupported schema version 3.99; 4.00 is the oldest, ours is 4.90" },
    { "4.90", "<ProcesCreate onmatch='include'/>", "f:1:47: error: unknown event 'ProcesCreate'; did you mean 'ProcessCreate'?" },
    { "4.90", "<processcreate onmatch='include'/>", "did you mean 'ProcessCreate'?" },
    { "4.90", "<NoSuchEvent onmatch='include'/>", "error: unknown event 'NoSuchEvent'\n" },
    { "4.90", "<Image>x</Image>", "<Image> outside of an event element" },
    { "4.90", "<Rule/>", "<Rule> outside of an event element" },
    { "4.90", "<HashAlgorithms>md5</HashAlgorithms>", "option <HashAlgorithms> belongs directly under <Sysmon>" },
    { "4.90", "<ProcessCreate><Image>x</Image></ProcessCreate>", "ProcessCreate needs onmatch=\"include\"" },
    { "4.90", "<ProcessCreate onmatch='include' default='exclude'/>", "can't specify onmatch and default on ProcessCreate" },
    { "4.90", "<ProcessCreate onmatch='maybe'/>", "onmatch is 'include' or 'exclude', not 'maybe'" },
    { "4.90", "<ProcessCreate default=''/>", "default is 'include' or 'exclude', not ''" },
    { "4.90", "<ProcessCreate onmach='include'/>", "unknown attribute 'onmach' of ProcessCreate; did you mean 'onmatch'?" },
    { "4.90", PROCESS("<CommandLin>x</CommandLin>"), "did you mean 'CommandLine'?" },
    { "4.90", PROCESS("<image>x</image>"), "incorrect field 'image': event ProcessCreate has no such field; did you mean 'Image'?" },
    { "4.90", PROCESS("<QueryName>x</QueryName>"), "(it belongs to DnsQuery)" },
    { "4.90", PROCESS("<Image condition='contians'>x</Image>"), "unknown condition 'contians'; did you mean 'contains'?" },
    { "4.90", PROCESS("<Image condition='starts with'>x</Image>"), "did you mean 'begin with'?" },
    { "4.90", PROCESS("<Image condition='matches regex'>x</Image>"), "expected values are is, is not, contains," },
    { "4.90", PROCESS("<Image condition='is '>x</Image>"), "unknown condition 'is '; did you mean 'is'?" },
    { "4.90", PROCESS("<Image nam='n'>x</Image>"), "unknown attribute 'nam' of Image; did you mean 'name'?" },
    { "4.90", PROCESS("<Image><User>x</User></Image>"), "element <User> inside filter <Image>" },
    { "4.90", PROCESS("<Rule><Rule><Image>x</Image></Rule></Rule>"), "a Rule inside a Rule" },
    { "4.90", PROCESS("<Rule groupRelation='xor'><Image>x</Image></Rule>"), "groupRelation is 'and' or 'or', not 'xor'" },
    { "4.90", "<RuleGroup groupRelation=''>" PROCESS("") "</RuleGroup>", "groupRelation is 'and' or 'or', not ''" },
    { "4.90", "<RuleGroup groupRelaton='or'>" PROCESS("") "</RuleGroup>", "did you mean 'groupRelation'?" },
    { "4.90", "<RuleGroup groupRelation='or'>stray " PROCESS("") "</RuleGroup>", "text directly inside <RuleGroup>" },
    { "4.90", PROCESS("stray"), "text directly inside <ProcessCreate>" },
    { "4.90", PROCESS("<ProcessTerminate onmatch='include'/>"), "event elements do not nest; is </ProcessCreate> missing" },
    { "4.90", "<RegistryEvent onmatch='include'><Details>a</Details><NewName>b</NewName></RegistryEvent>",
      "no single event of RegistryEvent has it together with the fields above" },
    { "4.91", PROCESS("<Image condition='new condition'>x</Image>"), "unknown condition 'new condition'" },
    { "4.91", PROCESS("<NewField condition='new condition'>x</NewField>"), "unknown condition 'new condition'" },
};

static void accepts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        struct config_case c = case_rules(accepted[i].version, accepted[i].rules);

        if (c.rc || c.diagnostics.errors || (accepted[i].says ? !strstr(c.printed, accepted[i].says) : c.diagnostics.warnings))
            fail_msg("%s %s: rc %d, %s", accepted[i].version, accepted[i].rules, c.rc, c.printed);
        case_free(&c);
    }
}

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct config_case c = case_rules(refused[i].version, refused[i].rules);

        if (!c.rc || c.config || !c.diagnostics.errors || !strstr(c.printed, refused[i].says))
            fail_msg("%s %s: rc %d, %s", refused[i].version, refused[i].rules, c.rc, c.printed);
        case_free(&c);
    }
}

static void version_is_rounded(void **state)
{
    static const struct {
        const char *text;
        uint32_t version;
    } samples[] = { { "4.1", 0x4000a }, { "4.10", 0x4000a }, { "4.9", 0x4005a }, { "4.901", 0x4005a }, { "4.905", 0x4005b },
                    { " 4.22 and more", 0x40016 }, { "4", 0x40000 }, { "4.999", 0x50000 }, { "4.90e0", 0x4005a } };

    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct config_case c = case_rules(samples[i].text, "");

        assert_int_equal(c.rc, 0);
        assert_int_equal(c.config->schema_version, samples[i].version);
        case_free(&c);
    }
}

static void reports_every_error(void **state)
{
    struct config_case c = case_rules("x", "<Foo/>" PROCESS("<A/><Image condition='b'/>") "<ProcessCreate/>");

    (void)state;
    assert_int_equal(c.diagnostics.errors, 5);
    for (unsigned i = 1; i < c.diagnostics.count; i++)
        assert_true(c.diagnostics.item[i].column >= c.diagnostics.item[i - 1].column);
    case_free(&c);
}

static void names_of_rules(void **state)
{
    char rules[1024], name[300];
    struct config_case c;

    (void)state;
    memset(name, 'n', sizeof name);
    name[255] = '\0';
    snprintf(rules, sizeof rules, PROCESS("<Image name='%s'>x</Image>"), name);
    c = case_rules("4.90", rules);
    assert_int_equal(c.rc, 0);
    case_free(&c);
    name[255] = 'n';
    name[256] = '\0';
    for (int i = 0; i < 3; i++) {
        static const char *const form[] = { PROCESS("<Image name='%s'>x</Image>"), PROCESS("<Rule name='%s'><Image>x</Image></Rule>"),
                                            "<RuleGroup name='%s' groupRelation='or'>" PROCESS("<Image>x</Image>") "</RuleGroup>" };

        snprintf(rules, sizeof rules, form[i], name);
        c = case_rules("4.90", rules);
        assert_non_null(strstr(c.printed, "larger than 255 characters (256 bytes of UTF-8)"));
        case_free(&c);
    }
}

static void roots(void **state)
{
    static const struct {
        const char *text, *says;
    } samples[] = {
        { "<sysmon schemaversion='4.90'/>", "the root element is 'sysmon', expected 'Sysmon'" },
        { "<Sysmon/>", "Sysmon needs a schemaversion" },
        { "<Sysmon schemaversion='4.90'>x</Sysmon>", "text directly inside <Sysmon>" },
        { "<Sysmon schemaversion='4.90'><eventfiltering/></Sysmon>", "did you mean 'EventFiltering'?" },
        { "<Sysmon schemaversion='4.90'><EventFiltering a='b'/></Sysmon>", "unknown attribute 'a' of EventFiltering" },
        { "<Sysmon schemaversion='4.90'><ProcessCreate onmatch='include'/></Sysmon>", "<ProcessCreate> belongs inside <EventFiltering>" },
        { "<Sysmon schemaversion='4.90'><NetworkConnect onmatch='include'/></Sysmon>", "with rules belongs inside <EventFiltering>" },
        { "<Sysmon schemaversion='4.90'>", "the file ends before the end of <Sysmon> opened at line 1" },
        { "<!-- x -->", "there is no Sysmon element" },
        { "<Sysmon schemaversion='4.90'/><a/>", "content after the end of the root element" },
        { "<!DOCTYPE Sysmon [<!ENTITY x 'y'>]><Sysmon schemaversion='4.90'/>", "f:1:1: error: document type declarations are refused" },
        { "<!DOCTYPE Sysmon SYSTEM 'file:///etc/passwd'><Sysmon schemaversion='4.90'/>", "document type declarations are refused" },
        { "<Sysmon schemaversion='4.90'>&x;</Sysmon>", "unknown entity" },
        { "<Sysmon schemaversion='4.90'>\n<EventFiltering>\n</Sysmon>", "f:3:3: error: this end tag does not close <EventFiltering> opened at line 2" },
        { "<Sysmon schemaversion='4.90' schemaversion='4.90'/>", "an attribute of this element is given twice" },
        { "<Sysmon schemaversion='4.90'><HashAlgorithms>a & b</HashAlgorithms></Sysmon>", "f:1:48: error: not well-formed XML: write & as &amp;" },
        { "<Sysmon schemaversion='4.90'><HashAlgorithms>a < b</HashAlgorithms></Sysmon>", "write < as &lt; inside a value" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct config_case c = case_text(samples[i].text);

        if (!c.rc || !strstr(c.printed, samples[i].says))
            fail_msg("%s: rc %d, %s", samples[i].text, c.rc, c.printed);
        case_free(&c);
    }
}

static void text_is_kept(void **state)
{
    /* Parts joined around comments and CDATA, white space kept, entities resolved: one filter value per row. */
    static const struct {
        const char *written, *value;
    } samples[] = { { " a ", " a " }, { " ", " " }, { "\n\ta", "\n\ta" }, { "a<!-- x -->b", "ab" }, { "a<![CDATA[<&]]>b", "a<&b" },
                    { "&lt;&#65;&#x42;&gt;", "<AB>" }, { "a\r\nb\rc", "a\nb\nc" }, { "&#228;\xf0\x9d\x84\x9e", "\xc3\xa4\xf0\x9d\x84\x9e" } };

    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        char rules[256];
        struct config_case c;
        const char *value = samples[i].value;
        size_t units = 0;

        snprintf(rules, sizeof rules, PROCESS("<Image>%s</Image>"), samples[i].written);
        c = case_rules("4.90", rules);
        assert_int_equal(c.rc, 0);
        for (size_t k = 0; value[k]; k++)
            units += ((value[k] & 0xc0) != 0x80) + ((unsigned char)value[k] >= 0xf0);
        assert_int_equal(c.config->blob[24 + 24 + 524], (units + 1) * 2);
        if ((unsigned char)value[0] < 0x80)
            assert_int_equal(c.config->blob[24 + 24 + 536], value[0]);
        case_free(&c);
    }
}

static void limits(void **state)
{
    char *text = malloc(CONFIG_MAX_VALUE + 400), *p = text;
    struct config_case c;

    (void)state;
    for (int i = 0; i < CONFIG_MAX_DEPTH + 1; i++)
        p += snprintf(p, 4, "<a>");
    c = case_text(text);
    assert_non_null(strstr(c.printed, "nested more than 16 deep"));
    case_free(&c);

    p = text + snprintf(text, 64, "<Sysmon schemaversion='4.90'");
    for (int i = 0; i < CONFIG_MAX_ATTRIBUTES; i++)
        p += snprintf(p, 16, " a%d=''", i);
    snprintf(p, 8, "/>");
    c = case_text(text);
    assert_non_null(strstr(c.printed, "more than 32 attributes"));
    case_free(&c);

    p = text + snprintf(text, 200, "<Sysmon schemaversion='4.90'><EventFiltering><ProcessCreate onmatch='include'><Image>");
    memset(p, 'x', CONFIG_MAX_VALUE + 1);
    snprintf(p + CONFIG_MAX_VALUE + 1, 100, "</Image></ProcessCreate></EventFiltering></Sysmon>");
    c = case_text(text);
    assert_non_null(strstr(c.printed, "the value is longer than 1048576 bytes"));
    case_free(&c);
    free(text);
}

static void many_diagnostics(void **state)
{
    char *text = malloc(600 * 64), *p = text;
    struct config_case c;

    (void)state;
    p += snprintf(p, 200, "<Sysmon schemaversion='4.90'><EventFiltering>"
                          "<RuleGroup groupRelation='or'><ProcessCreate onmatch='exclude'>\n");
    for (int i = 0; i < 300; i++)
        p += snprintf(p, 64, "<Image> %d</Image>\n", i);
    for (int i = 0; i < 250; i++)
        p += snprintf(p, 64, "<Imag>%d</Imag>\n", i);
    snprintf(p, 200, "</ProcessCreate></RuleGroup></EventFiltering></Sysmon>");
    c = case_text(text);
    assert_int_equal(c.diagnostics.count, CONFIG_MAX_DIAGNOSTICS);
    assert_int_equal(c.diagnostics.errors, 250);
    for (unsigned i = 0; i < c.diagnostics.count; i++) /* no room was left to notes */
        assert_int_equal(c.diagnostics.item[i].severity, CONFIG_ERROR);
    assert_non_null(strstr(c.printed, "f: 50 more not shown"));
    case_free(&c);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),        cmocka_unit_test(refuses),       cmocka_unit_test(version_is_rounded),
        cmocka_unit_test(reports_every_error), cmocka_unit_test(names_of_rules), cmocka_unit_test(roots),
        cmocka_unit_test(text_is_kept),   cmocka_unit_test(limits),        cmocka_unit_test(many_diagnostics),
    };

    return cmocka_run_group_tests_name("config_grammar", tests, NULL, NULL);
}
