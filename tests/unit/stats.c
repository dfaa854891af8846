/* SPDX-License-Identifier: MIT */
/* Counters: their three printed forms, loss accounting, rule hits. */
#include "sysmon/stats.h"

#include "sysmon/accounting.h"
#include "sysmon/rule_hits.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct stats *sample(void)
{
    struct stats *stats = stats_create();

    stats_family(stats, "version", STATS_INFO, "Version of the monitor.", "version", NULL, NULL);
    stats_value(stats, 0, "1.0 \"x\"\\\n\xff", NULL, NULL);
    stats_family(stats, "events_seen", STATS_COUNTER, "Events that happened.", "event", NULL, NULL);
    stats_value(stats, 12, "ProcessCreate", NULL, NULL);
    stats_value(stats, 0, "FileCreate", NULL, NULL);
    stats_family(stats, "events_filtered", STATS_COUNTER, "Events no rule wants.", "event", NULL, NULL);
    stats_value(stats, 7, "ProcessCreate", NULL, NULL);
    stats_value(stats, 0, "FileCreate", NULL, NULL);
    stats_family(stats, "events_lost", STATS_COUNTER, "Lost.", "event", "stage", "cause");
    stats_value(stats, 1, "A", "kernel", "full");
    stats_value(stats, 2, "A", "kernel", "busy");
    stats_value(stats, 3, "A", "decode", "bad");
    stats_value_sized(stats, 4, "B", "decode", "badly", 3);
    stats_family(stats, "nothing", STATS_COUNTER, "None.", "event", "stage", NULL);
    stats_family(stats, "cpu", STATS_TIME_COUNTER, "Processor time.", NULL, NULL, NULL);
    stats_value(stats, 1234567, NULL, NULL, NULL);
    stats_family(stats, "memory_bytes", STATS_GAUGE, "Resident.", NULL, NULL, NULL);
    stats_value(stats, 18446744073709551615ull, NULL, NULL, NULL);
    return stats;
}

static void assert_rendered(enum stats_format format, const char *expected)
{
    struct stats *stats = sample();
    char *text;
    size_t size;

    assert_int_equal(stats_render(stats, format, &text, &size), 0);
    assert_string_equal(text, expected);
    assert_int_equal(size, strlen(text));
    free(text);
    stats_destroy(stats);
}

static void prometheus(void **state)
{
    assert_rendered(STATS_PROMETHEUS,
        "# HELP sysmon_version_info Version of the monitor.\n# TYPE sysmon_version_info gauge\n"
        "sysmon_version_info{version=\"1.0 \\\"x\\\"\\\\\\n\xef\xbf\xbd\"} 1\n"
        "# HELP sysmon_events_seen_total Events that happened.\n# TYPE sysmon_events_seen_total counter\n"
        "sysmon_events_seen_total{event=\"ProcessCreate\"} 12\nsysmon_events_seen_total{event=\"FileCreate\"} 0\n"
        "# HELP sysmon_events_filtered_total Events no rule wants.\n# TYPE sysmon_events_filtered_total counter\n"
        "sysmon_events_filtered_total{event=\"ProcessCreate\"} 7\nsysmon_events_filtered_total{event=\"FileCreate\"} 0\n"
        "# HELP sysmon_events_lost_total Lost.\n# TYPE sysmon_events_lost_total counter\n"
        "sysmon_events_lost_total{event=\"A\",stage=\"kernel\",cause=\"full\"} 1\n"
        "sysmon_events_lost_total{event=\"A\",stage=\"kernel\",cause=\"busy\"} 2\n"
        "sysmon_events_lost_total{event=\"A\",stage=\"decode\",cause=\"bad\"} 3\n"
        "sysmon_events_lost_total{event=\"B\",stage=\"decode\",cause=\"bad\"} 4\n"
        "# HELP sysmon_nothing_total None.\n# TYPE sysmon_nothing_total counter\n"
        "# HELP sysmon_cpu_seconds_total Processor time.\n# TYPE sysmon_cpu_seconds_total counter\nsysmon_cpu_seconds_total 1.234567\n"
        "# HELP sysmon_memory_bytes Resident.\n# TYPE sysmon_memory_bytes gauge\nsysmon_memory_bytes 18446744073709551615\n");
}

static void json(void **state)
{
    assert_rendered(STATS_JSON, "{\n\"version\":\"1.0 \\\"x\\\"\\\\\\u000a\xef\xbf\xbd\",\n"
                                "\"events_seen\":{\"ProcessCreate\":12,\"FileCreate\":0},\n"
                                "\"events_filtered\":{\"ProcessCreate\":7,\"FileCreate\":0},\n"
                                "\"events_lost\":{\"A\":{\"kernel\":{\"full\":1,\"busy\":2},\"decode\":{\"bad\":3}},\"B\":{\"decode\":{\"bad\":4}}},\n"
                                "\"nothing\":{},\n\"cpu_seconds\":1.234567,\n\"memory_bytes\":18446744073709551615\n}\n");
}

static void text(void **state)
{
    struct stats *stats = sample();
    enum stats_format format;
    char *out;
    size_t size;

    assert_int_equal(stats_render(stats, STATS_TEXT, &out, &size), 0);
    assert_non_null(strstr(out, "                                   events_seen   events_filtered\n"
                                "ProcessCreate                               12                 7\n\n"));
    assert_null(strstr(out, "FileCreate")); /* nothing but zeros */
    assert_non_null(strstr(out, "1.234567 s\n"));
    free(out);
    stats_destroy(stats);
    assert_int_equal(stats_format_parse("json", &format), 0);
    assert_int_equal(format, STATS_JSON);
    assert_int_equal(stats_format_parse("xml", &format), -EINVAL);
}

static void accounting(void **state)
{
    static struct accounting accounting;
    struct accounting_row *row = accounting_of(&accounting, catalogue_find(EVENT_FILE_CREATE));
    struct loss_report report;
    char out[128];

    assert_false(accounting_next_report(&accounting, &report));
    row->seen = 10;
    row->filtered = 3;
    row->logged = 4;
    assert_int_equal(accounting_unexplained(row), 3);
    row->lost[LOSS_RING_FULL] = 2;
    row->held = 1;
    assert_int_equal(accounting_unexplained(row), 0);
    assert_true(accounting_next_report(&accounting, &report));
    loss_report_text(&report, out, sizeof out);
    assert_string_equal(out, "2 events of type 11 FileCreate lost at kernel: ring full");
    assert_false(accounting_next_report(&accounting, &report));
    row->lost[LOSS_RING_FULL]++;
    row->lost[LOSS_BAD_RECORD]++;
    assert_true(accounting_next_report(&accounting, &report));
    assert_int_equal(report.count, 1);
    assert_true(accounting_next_report(&accounting, &report));
    assert_int_equal(report.cause, LOSS_BAD_RECORD);
    assert_false(accounting_next_report(&accounting, &report));
}

static void rule_hits(void **state)
{
    const struct catalogue_event *process = catalogue_find(EVENT_CREATE_PROCESS), *file = catalogue_find(EVENT_FILE_CREATE);
    static char names[20000];
    struct match_result result = { MATCH_LOG, names, 1, 0 };
    struct rule_hits *hits;
    uint64_t sum = 0;

    assert_int_equal(rule_hits_create(&hits), 0);
    rule_hits_count(hits, process, &result);
    rule_hits_count(hits, process, &result);
    result.decision = MATCH_DROP;
    rule_hits_count(hits, process, &result);
    rule_hits_count(hits, file, &result);
    result.rule_name = NULL;
    rule_hits_count(hits, process, &result);
    assert_int_equal(rule_hits_size(hits), 3);
    assert_int_equal(rule_hits_get(hits, 0)->logged, 2);
    assert_int_equal(rule_hits_get(hits, 0)->dropped, 1);
    assert_ptr_equal(rule_hits_get(hits, 1)->type, file);
    assert_null(rule_hits_get(hits, 2)->name);
    result.decision = MATCH_LOG;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof names; i++) { /* more names than are told apart */
            result.rule_name = names + i;
            rule_hits_count(hits, process, &result);
        }
    assert_true(rule_hits_size(hits) <= RULE_HITS_MAX);
    for (unsigned i = 0; i < rule_hits_size(hits); i++)
        sum += rule_hits_get(hits, i)->logged;
    assert_int_equal(sum, 2 + 2 * sizeof names);
    rule_hits_destroy(hits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prometheus), cmocka_unit_test(json),      cmocka_unit_test(text),
        cmocka_unit_test(accounting), cmocka_unit_test(rule_hits),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
