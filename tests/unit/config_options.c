/* SPDX-License-Identifier: MIT */
/* Option elements and command-line values (spec 03 section 4), the switches of blocks (section 5), -l and -n. */
#include "config_case.h"
#include "sysmon/blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct config_case options(const char *elements)
{
    char text[2048];

    snprintf(text, sizeof text, "<Sysmon schemaversion='4.90'>%s</Sysmon>", elements);
    return case_text(text);
}

static void hash_algorithms(void **state)
{
    static const struct {
        const char *text;
        uint32_t value; /* 0: refused */
    } samples[] = {
        { "*", 0x8000000f }, { "all", 0x8000000f }, { "ALL", 0x8000000f }, { "sha1", 1 }, { "SHA-1", 1 }, { "md5", 2 }, { "MD-5", 2 },
        { "sha256", 3 }, { "sha-256", 3 }, { "imphash", 4 }, { "IMP-HASH", 4 }, { "md5,sha256,IMPHASH", 0x8000000e },
        { "sha1,md5", 0x80000003 }, { "md5,md5", 0x80000002 }, { "MD5, SHA1", 0 }, { " md5", 0 }, { "md5,,sha1", 0 }, { "md5,", 0 },
        { "sha512", 0 }, { "*,md5", 0 }, { "", 0 },
    };
    struct config *config = config_new();
    char error[512];

    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        int rc = config_set_option(config, OPTION_HashAlgorithms, samples[i].text, error, sizeof error);

        assert_int_equal(rc == 0, samples[i].value != 0);
        if (samples[i].value)
            assert_int_equal(config->hash_algorithms, samples[i].value);
    }
    assert_int_equal(config->hash_algorithms, 0x80000002); /* what is refused changes nothing */
    config_free(config);
}

static void field_sizes(void **state)
{
    static const struct {
        const char *text, *says; /* NULL: fine */
    } samples[] = {
        { "CommandLine:100,Image:20", NULL }, { "", NULL }, { ",,Image:5,", NULL }, { "Image", NULL }, { "Image:4294967295", NULL },
        { "Image:5.User:6", "invalid character: '.'" }, { "Image:-5", "invalid character: '-'" }, { "Image: 5", "invalid character: ' '" },
        { "Imag:5", "field 'Imag' is invalid; did you mean 'Image'?" }, { "image:5", "did you mean 'Image'?" },
        { "Image:0", "has max size of 0" }, { "Image:", "has max size ''" }, { "Image:5x", "has max size '5x'" },
        { "Image:99999999999999999999", "has max size of" }, { "Qqqqqqqqqq:1", "it is no field of any event" },
    };
    struct config *config = config_new();
    char error[512];

    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        int rc = config_set_option(config, OPTION_FieldSizes, samples[i].text, error, sizeof error);

        if (samples[i].says ? rc == 0 || !strstr(error, samples[i].says) : rc != 0)
            fail_msg("%s: %d %s", samples[i].text, rc, error);
    }
    assert_int_equal(config_set_option(config, OPTION_FieldSizes, "Image:7", error, sizeof error), 0);
    for (unsigned e = 0; e < CATALOGUE_EVENT_COUNT; e++) {
        int field = catalogue_field_index(&catalogue_events[e], "Image", 5);

        if (field >= 0)
            assert_int_equal(config->field_sizes[e * CATALOGUE_MAX_FIELDS + (unsigned)field], 7);
    }
    config_free(config);
}

static void process_access(void **state)
{
    struct config *config = config_new();
    char error[512];

    (void)state;
    assert_int_equal(config_set_option(config, OPTION_ProcessAccess, "lsass.exe:0x10,a::b:16,c,d,,e", error, sizeof error), 0);
    assert_int_equal(config->process_access_count, 4);
    assert_string_equal(config->process_access[0].name, "lsass.exe");
    assert_int_equal(config->process_access[0].mask, 0x10);
    assert_string_equal(config->process_access[1].name, "a:b");
    assert_int_equal(config->process_access[1].mask, 16);
    assert_int_equal(config->process_access[2].mask, 0xffffffff);
    assert_string_equal(config->process_access[3].name, "d,e");
    assert_int_equal(config_set_option(config, OPTION_ProcessAccess, "1,2,3,4,5,6,7,8,9", error, sizeof error), 0);
    assert_int_not_equal(config_set_option(config, OPTION_ProcessAccess, "1,2,3,4,5,6,7,8,9,10", error, sizeof error), 0);
    assert_non_null(strstr(error, "too many entries"));
    assert_int_not_equal(config_set_option(config, OPTION_ProcessAccess, "a:zz", error, sizeof error), 0);
    assert_int_not_equal(config_set_option(config, OPTION_ProcessAccess, "a:0x1ffffffff", error, sizeof error), 0);
    assert_int_not_equal(config_set_option(config, OPTION_ProcessAccess, ":1", error, sizeof error), 0);
    assert_int_equal(config->process_access_count, 9);
    config_free(config);
}

static void elements(void **state)
{
    static const struct {
        const char *text, *says; /* NULL: no error */
    } samples[] = {
        { "<CaptureClipboard/>", NULL }, { "<CaptureClipboard>true</CaptureClipboard>", NULL },
        { "<CaptureClipboard>True</CaptureClipboard>", "incorrect value 'True' for 'CaptureClipboard'" },
        { "<CheckRevocation/>", NULL }, { "<CheckRevocation>False</CheckRevocation>", NULL },
        { "<CheckRevocation>Flase</CheckRevocation>", "CheckRevocation is true or false, not 'Flase'" },
        { "<DnsLookup>TRUE</DnsLookup>", NULL }, { "<PipeMonitoringConfig>a</PipeMonitoringConfig>", NULL },
        { "<ProcessAccessConfig>lsass.exe</ProcessAccessConfig>", NULL }, { "<HashAlgorithmsConfig>md5</HashAlgorithmsConfig>", NULL },
        { "<CopyOnDeletePE>True</CopyOnDeletePE>", NULL }, { "<CopyOnDelete_SIDs>a</CopyOnDelete_SIDs>", NULL },
        { "<ArchiveDirectory>a\\b</ArchiveDirectory>", "archive directory must be a single path component" },
        { "<ArchiveDirectory>a/b</ArchiveDirectory>", "archive directory must be a single path component" },
        { "<ArchiveDirectory>..</ArchiveDirectory>", "cannot be the name" }, { "<ArchiveDirectory>Sysmon</ArchiveDirectory>", NULL },
        { "<DriverName>a\\b</DriverName>", "cannot be the name of a driver" }, { "<DriverName>drv</DriverName>", NULL },
        { "<DriverQueueSize>1000</DriverQueueSize><SigningQueueSize>5</SigningQueueSize>", NULL },
        { "<DriverQueueSize>0</DriverQueueSize>", "needs a positive number" }, { "<DriverQueueSize/>", "needs a positive number" },
        { "<DriverQueueSize>-1</DriverQueueSize>", "needs a positive number" },
        { "<HashAlgorithms>md5, sha1</HashAlgorithms>", "blanks are not allowed" }, { "<HashAlgorithms/>", "HashAlgorithms needs a list" },
        { "<FieldSizes>CommandLine:100,Image:20</FieldSizes>", NULL },
        { "<Foo/>", "unknown option 'Foo'" }, { "<HashAlgoritms>md5</HashAlgoritms>", "did you mean 'HashAlgorithms'?" },
        { "<Install>x</Install>", "Install is a command-line switch (-i)" },
        { "<HashAlgorithms a='b'>md5</HashAlgorithms>", "takes no attributes" },
        { "<HashAlgorithms><a/></HashAlgorithms>", "holds text only" }, { "<RuleGroup/>", "belongs inside <EventFiltering>" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct config_case c = options(samples[i].text);

        if (samples[i].says ? !c.rc || !strstr(c.printed, samples[i].says) : c.rc || c.diagnostics.errors)
            fail_msg("%s: %d %s", samples[i].text, c.rc, c.printed);
        case_free(&c);
    }
}

static void values(void **state)
{
    struct config_case c = options("<CaptureClipboard>0</CaptureClipboard><CheckRevocation>False</CheckRevocation><DnsLookup/>"
                                   "<HashAlgorithms>md5</HashAlgorithms><HashAlgorithms>sha1</HashAlgorithms>");

    (void)state;
    assert_int_equal(c.rc, 0);
    assert_false(c.config->option[OPTION_CaptureClipboard].set);
    assert_true(c.config->option[OPTION_CheckRevocation].set);
    assert_false(c.config->check_revocation);
    assert_true(c.config->dns_lookup);
    assert_null(c.config->option[OPTION_DnsLookup].text);
    assert_int_equal(c.config->hash_algorithms, 1);
    assert_string_equal(c.config->option[OPTION_HashAlgorithms].text, "sha1");
    assert_int_equal(c.config->option[OPTION_HashAlgorithms].line, 1);
    assert_non_null(strstr(c.printed, "warning: option HashAlgorithms is given again"));
    case_free(&c);
}

static void unserved_is_noted(void **state)
{
    static const char text[] = "<Sysmon schemaversion='4.90'><CheckRevocation/><EventFiltering><RegistryEvent onmatch='include'/>"
                               "<RegistryEvent onmatch='exclude'/><eBPFEvent onmatch='include'/></EventFiltering></Sysmon>";
    struct config_case l = case_bytes(text, sizeof text - 1, (struct config_parameters){ .system = CATALOGUE_LINUX });
    struct config_case w = case_bytes(text, sizeof text - 1, (struct config_parameters){ .system = CATALOGUE_WINDOWS });

    (void)state;
    assert_int_equal(l.rc, 0);
    assert_non_null(strstr(l.printed, "note: option CheckRevocation has no effect on Linux"));
    assert_non_null(strstr(l.printed, "note: RegistryEvent is not observed on Linux"));
    assert_int_equal(l.diagnostics.notes, 2);
    assert_int_equal(w.rc, 0);
    assert_non_null(strstr(w.printed, "note: eBPFEvent is not observed on Windows"));
    assert_int_equal(w.diagnostics.notes, 1);
    case_free(&l);
    case_free(&w);
}

static void switches(void **state)
{
    struct config_case c = case_rules("4.90", "<NetworkConnect onmatch='include'/><DnsQuery onmatch='exclude'/>"
                                              "<ImageLoad onmatch='include'/><ImageLoad onmatch='include'><Image>x</Image></ImageLoad>");

    (void)state;
    assert_int_equal(c.config->switched[OPTION_NetworkConnect], CONFIG_SWITCH_OFF);
    assert_int_equal(c.config->switched[OPTION_DnsQuery], CONFIG_SWITCH_ON);
    assert_int_equal(c.config->switched[OPTION_ImageLoad], CONFIG_SWITCH_ON);
    assert_int_equal(c.config->switched[OPTION_ProcessAccess], CONFIG_SWITCH_NONE);
    case_free(&c);
}

static struct config_case with_lists(const char *rules, const char *image_load, const char *network)
{
    char text[1024];

    snprintf(text, sizeof text, "<Sysmon schemaversion='4.50'><EventFiltering>%s</EventFiltering></Sysmon>", rules);
    return case_bytes(text, strlen(text), (struct config_parameters){ .image_load = image_load, .network_connect = network });
}

/* Values of the filters of one event, joined by `|`, over all its blocks, which are separated by `/`. */
static void values_of(const struct config *config, uint32_t event, char *out)
{
    struct blob blob;
    struct blob_block block;
    struct blob_filter filter;

    assert_int_equal(blob_open(&blob, config->blob, config->blob_size), 0);
    assert_int_equal(blob_check(&blob), 0);
    for (int b = blob_first_block(&blob, &block); b == BLOB_ITEM; b = blob_next_block(&blob, &block)) {
        if (block.event_id != event)
            continue;
        *out++ = '/';
        for (int f = blob_first_filter(&blob, &block, &filter); f == BLOB_ITEM; f = blob_next_filter(&blob, &filter)) {
            assert_int_equal(filter.field, 4);
            out += blob_text_utf8(&filter.value, out, 64);
            *out++ = '|';
        }
    }
    *out = '\0';
}

static void command_line_filters(void **state)
{
    char text[512];
    struct config_case c = with_lists("<ImageLoad onmatch='include'><Image>x</Image></ImageLoad>"
                                      "<ImageLoad onmatch='exclude'/>", "a.exe,b,,c", "n.exe");

    (void)state;
    assert_int_equal(c.rc, 0);
    values_of(c.config, 7, text);
    assert_string_equal(text, "/a.exe|b,c|x|/");
    values_of(c.config, 3, text);
    assert_string_equal(text, "/n.exe|");
    assert_int_equal(c.config->schema_version, 0x40032);
    case_free(&c);

    c = with_lists("<NetworkConnect onmatch='exclude'/>", NULL, "n.exe");
    assert_int_not_equal(c.rc, 0);
    assert_non_null(strstr(c.printed, "incompatible configuration and command-line rule on NetworkConnect"));
    case_free(&c);

    c = case_bytes(NULL, 0, (struct config_parameters){ .network_connect = "n.exe" });
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.config->schema_version, CATALOGUE_SCHEMA_VERSION);
    values_of(c.config, 3, text);
    assert_string_equal(text, "/n.exe|");
    case_free(&c);

    c = case_bytes(NULL, 0, (struct config_parameters){ 0 });
    assert_int_equal(c.rc, 0);
    assert_null(c.config->blob);
    case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_algorithms), cmocka_unit_test(field_sizes), cmocka_unit_test(process_access), cmocka_unit_test(elements),
        cmocka_unit_test(values), cmocka_unit_test(unserved_is_noted), cmocka_unit_test(switches), cmocka_unit_test(command_line_filters),
    };

    return cmocka_run_group_tests_name("config_options", tests, NULL, NULL);
}
