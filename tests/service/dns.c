/* SPDX-License-Identifier: MIT */
/* Event 3008 of the DNS client: decoding, damaged records, and one event 22 per process and answer. */
#include "dns_decode.h"
#include "trace_vectors.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t key[16] = { 1, 2, 3 };

struct sample {
    uint8_t data[256];
    struct trace_record record;
};

static void load(struct sample *sample, const char *hex)
{
    memset(sample, 0, sizeof(*sample));
    sample->record = (struct trace_record){ .provider = dns_client_provider, .id = 3008, .pointer_size = 8, .pid = 5000, .time = T0 };
    sample->record.data = sample->data;
    sample->record.size = from_hex(sample->data, hex);
}

static void check(struct match_text text, const char *want)
{
    assert_int_equal(text.size, strlen(want));
    assert_memory_equal(text.data, want, text.size);
}

static void decodes(void **state)
{
    struct pool pool = { 0 };
    struct sample sample;
    struct dns_query query;

    load(&sample, dns_vector);
    assert_int_equal(sample.record.size, 138);
    assert_int_equal(dns_decode(&query, &sample.record), 1);
    check(pool_utf16(&pool, query.name, query.name_size), "www.example.com");
    check(pool_utf16(&pool, query.results, query.results_size), "type:  5 edge.example.net;::ffff:192.0.2.10;");
    assert_true(query.type == 1 && query.options == 0x4000 && query.status == 0 && query.pid == 5000 && query.time == T0);
    sample.record.size -= 3; /* no terminator, half a character */
    assert_int_equal(dns_decode(&query, &sample.record), 1);
    check(pool_utf16(&pool, query.results, query.results_size), "type:  5 edge.example.net;::ffff:192.0.2.10");
    load(&sample, dns_failure_vector);
    assert_int_equal(dns_decode(&query, &sample.record), 1);
    assert_true(query.status == 9003 && query.results_size == 0);
    pool_free(&pool);
}

static void refuses(void **state)
{
    struct sample sample;
    struct dns_query query;

    for (size_t size = 0; size < 138; size++) {
        uint8_t *exact = malloc(size ? size : 1);

        load(&sample, dns_vector);
        memcpy(exact, sample.data, size);
        sample.record.data = exact;
        sample.record.size = size;
        assert_int_equal(dns_decode(&query, &sample.record), size < 32 + 16 ? -EBADMSG : 1);
        free(exact);
    }
    load(&sample, dns_vector);
    sample.record.id = 3006;
    assert_int_equal(dns_decode(&query, &sample.record), 0);
    load(&sample, dns_vector);
    sample.record.provider = (struct sysmon_guid){ { 1 } };
    assert_int_equal(dns_decode(&query, &sample.record), 0);
}

static void long_name(void **state)
{
    static uint8_t data[2 * (DNS_NAME_LIMIT + 40)];
    struct sample sample;
    struct dns_query query;

    load(&sample, dns_vector);
    memset(data, 'a', sizeof(data));
    sample.record.data = data;
    sample.record.size = sizeof(data);
    assert_int_equal(dns_decode(&query, &sample.record), -EBADMSG);
    data[2 * (DNS_NAME_LIMIT + 1)] = data[2 * (DNS_NAME_LIMIT + 1) + 1] = 0;
    assert_int_equal(dns_decode(&query, &sample.record), -EBADMSG);
    data[2 * DNS_NAME_LIMIT] = data[2 * DNS_NAME_LIMIT + 1] = 0;
    assert_int_equal(dns_decode(&query, &sample.record), 1);
}

static int event_of(struct translator *translator, struct pool *pool, struct sample *sample, struct event *event)
{
    struct dns_query query;

    assert_int_equal(dns_decode(&query, &sample->record), 1);
    return dns_event(translator, pool, &query, event);
}

static void events(void **state)
{
    struct translator translator = { NULL, &no_facts, NULL, 0, 0, 0 };
    struct process process = { .pid = 5000, .create_time = T0 - 50, .guid = { { 9 } } };
    struct pool pool = { 0 };
    struct sample sample;
    struct event event;

    assert_int_equal(process_table_create(&translator.processes, NULL, key), 0);
    process.text[PROCESS_IMAGE] = (struct match_text){ "C:\\a.exe", 8 };
    process.text[PROCESS_USER] = (struct match_text){ "L\\u", 3 };
    load(&sample, dns_vector);
    assert_int_equal(event_of(&translator, &pool, &sample, &event), 0); /* process not known: always reported */
    assert_int_equal(event_of(&translator, &pool, &sample, &event), 0);
    check(event.text[DNS_QUERY_Image], "<unknown process>");
    assert_int_equal(process_table_add(translator.processes, &process, 1, NULL), 0);
    assert_int_equal(event_of(&translator, &pool, &sample, &event), 0);
    check(event.text[DNS_QUERY_QueryName], "www.example.com");
    check(event.text[DNS_QUERY_QueryStatus], "0");
    check(event.text[DNS_QUERY_QueryResults], "type:  5 edge.example.net;::ffff:192.0.2.10;");
    check(event.text[DNS_QUERY_Image], "C:\\a.exe");
    check(event.text[DNS_QUERY_User], "L\\u");
    check(event.text[DNS_QUERY_ProcessId], "5000");
    assert_int_equal(event_of(&translator, &pool, &sample, &event), -EEXIST);
    sample.data[0] = 'W';
    assert_int_equal(event_of(&translator, &pool, &sample, &event), -EEXIST);
    load(&sample, dns_failure_vector);
    assert_int_equal(event_of(&translator, &pool, &sample, &event), 0);
    check(event.text[DNS_QUERY_QueryStatus], "9003");
    check(event.text[DNS_QUERY_QueryResults], "-");
    process_table_destroy(translator.processes);
    pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(decodes), cmocka_unit_test(refuses), cmocka_unit_test(long_name), cmocka_unit_test(events) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
