/* SPDX-License-Identifier: MIT */
/* Network events of ETW: decoding in all versions, which end is which, flows of UDP, and the finished event 3. */
#include "flow_table.h"
#include "network_event.h"
#include "trace_vectors.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const uint8_t key[16] = { 1, 2, 3 };

struct sample {
    uint8_t data[128];
    struct trace_record record;
};

static void load(struct sample *sample, const struct vector *vector)
{
    memset(sample, 0, sizeof(*sample));
    sample->record.provider = vector->udp ? network_udp_class : network_tcp_class;
    sample->record.opcode = vector->opcode;
    sample->record.version = 2;
    sample->record.pointer_size = 8;
    sample->record.pid = 0xFFFFFFFF; /* of any thread: must not be used */
    sample->record.time = T0;
    sample->record.data = sample->data;
    sample->record.size = from_hex(sample->data, vector->hex);
}

static struct network_flow decoded(const struct vector *vector)
{
    struct sample sample;
    struct network_flow flow = { 0 };

    load(&sample, vector);
    assert_int_equal(network_decode(&flow, &sample.record), 1);
    assert_true(flow.time == T0);
    return flow;
}

/* `address:port>address:port` */
static void check_ends(const struct network_flow *flow, const char *want)
{
    struct pool pool = { 0 };
    char text[200];

    snprintf(text, sizeof(text), "%s %u>%s %u", network_address_text(&pool, flow->source.address, flow->ipv6).data, flow->source.port,
             network_address_text(&pool, flow->destination.address, flow->ipv6).data, flow->destination.port);
    assert_string_equal(text, want);
    pool_free(&pool);
}

static void decodes(void **state)
{
    struct network_flow n1 = decoded(&network_vectors[0]), n2 = decoded(&network_vectors[1]), n3 = decoded(&network_vectors[2]);
    struct network_flow n4 = decoded(&network_vectors[3]), n6 = decoded(&network_vectors[5]);

    assert_true(n1.kind == NETWORK_CONNECT && n1.initiated && !n1.udp && !n1.ipv6 && n1.pid == 4660);
    check_ends(&n1, "192.168.1.10 50000>93.184.216.34 443");
    assert_true(n2.kind == NETWORK_ACCEPT && !n2.initiated && !n2.udp && n2.ipv6 && n2.pid == 1084);
    check_ends(&n2, "fe80:0:0:0:1:2:3:4 51515>fe80:0:0:0:a:b:c:d 3389");
    assert_true(n3.kind == NETWORK_SEND && n3.initiated && n3.udp && n3.pid == 1276);
    check_ends(&n3, "10.0.2.17 61400>224.0.0.252 5355");
    assert_true(n4.kind == NETWORK_RECEIVE && !n4.initiated && n4.udp && n4.ipv6);
    check_ends(&n4, "ff02:0:0:0:0:0:1:3 5355>fe80:0:0:0:647b:25b7:1cc4:b972 49478");
    assert_true(n6.pid == 4 && !n6.initiated);
    check_ends(&n6, "10.0.3.255 137>10.0.3.15 137");
}

static void ignores(void **state)
{
    struct sample sample;
    struct network_flow flow;

    load(&sample, &network_vectors[4]);
    assert_int_equal(network_decode(&flow, &sample.record), 0);
    for (unsigned opcode = 0; opcode < 256; opcode++) {
        load(&sample, &network_vectors[0]);
        sample.record.opcode = (uint8_t)opcode;
        sample.record.size = 48;
        assert_int_equal(network_decode(&flow, &sample.record) != 0, opcode == 12 || opcode == 28 || opcode == 15 || opcode == 31);
        load(&sample, &network_vectors[3]);
        sample.record.opcode = (uint8_t)opcode;
        assert_int_equal(network_decode(&flow, &sample.record) != 0, opcode == 10 || opcode == 11 || opcode == 26 || opcode == 27 ||
                                                                         opcode == 42 || opcode == 43 || opcode == 58 || opcode == 59);
    }
    load(&sample, &network_vectors[0]);
    sample.record.provider.bytes[0] ^= 1;
    assert_int_equal(network_decode(&flow, &sample.record), 0);
}

static void refuses(void **state)
{
    struct sample sample;
    struct network_flow flow;

    for (unsigned i = 0; i < 6; i++) {
        size_t least = i == 1 || i == 3 ? 44 : 20;

        if (i == 4)
            continue;
        for (size_t size = 0; size <= 48; size++) {
            uint8_t *exact = malloc(size + 1); /* a byte too far is seen by the sanitizer */

            load(&sample, &network_vectors[i]);
            memcpy(exact, sample.data, size);
            sample.record.data = realloc(exact, size ? size : 1);
            sample.record.size = size;
            assert_int_equal(network_decode(&flow, &sample.record), size < least ? -EBADMSG : 1);
            free((void *)sample.record.data);
        }
    }
    load(&sample, &network_vectors[0]);
    memset(sample.data, 0xFF, 4);
    assert_int_equal(network_decode(&flow, &sample.record), -EBADMSG);
    load(&sample, &network_vectors[1]);
    sample.record.version = 1; /* there was no IPv6 */
    assert_int_equal(network_decode(&flow, &sample.record), -EBADMSG);
    load(&sample, &network_vectors[2]);
    sample.record.version = 0; /* no process in it */
    assert_int_equal(network_decode(&flow, &sample.record), -EBADMSG);
}

static void older_versions(void **state)
{
    static const struct vector version_0 = { "", false, 12, "5db8d822 c0a8010a 01bb c350 00000000 34120000" };
    struct sample sample;
    struct network_flow flow;

    load(&sample, &network_vectors[0]);
    sample.record.version = 1;
    sample.record.size = 20;
    assert_int_equal(network_decode(&flow, &sample.record), 1);
    check_ends(&flow, "192.168.1.10 50000>93.184.216.34 443");
    load(&sample, &version_0);
    sample.record.version = 0;
    assert_int_equal(network_decode(&flow, &sample.record), 1);
    assert_int_equal(flow.pid, 4660);
    check_ends(&flow, "192.168.1.10 50000>93.184.216.34 443");
}

static void flows(void **state)
{
    struct network_flow sent = decoded(&network_vectors[2]), received = decoded(&network_vectors[5]), other;
    struct flow_table *table;

    assert_int_equal(flow_table_create(&table, 0, key), 0);
    assert_true(flow_table_is_new(table, &sent));
    assert_false(flow_table_is_new(table, &sent));
    assert_true(flow_table_is_new(table, &received));
    other = sent;
    other.initiated = false;
    assert_true(flow_table_is_new(table, &other));
    other = sent;
    other.pid++;
    assert_true(flow_table_is_new(table, &other));
    other = sent;
    other.destination.port++;
    assert_true(flow_table_is_new(table, &other));
    sent.time += FLOW_SILENCE - 1;
    assert_false(flow_table_is_new(table, &sent));
    sent.time += FLOW_SILENCE - 1; /* the datagram before counts, not the first one */
    assert_false(flow_table_is_new(table, &sent));
    sent.time -= 10; /* late from another processor */
    assert_false(flow_table_is_new(table, &sent));
    sent.time += FLOW_SILENCE + 10;
    assert_true(flow_table_is_new(table, &sent));
    flow_table_process_ended(table, sent.pid);
    assert_int_equal(flow_table_counters(table).flows, 2);
    assert_true(flow_table_is_new(table, &sent));
    assert_false(flow_table_is_new(table, &received));
    flow_table_destroy(table);
}

/* A limit of 100 and thousands of flows of a few processes, some of which end: against a plain list. */
static void bounded(void **state)
{
    enum { LIMIT = 100 };
    struct network_flow flow = decoded(&network_vectors[2]), kept[LIMIT];
    unsigned count = 0, seed = 7;
    struct flow_table *table;

    assert_int_equal(flow_table_create(&table, LIMIT, key), 0);
    for (unsigned step = 0; step < 20000; step++) {
        unsigned at;

        seed = seed * 1103515245u + 12345;
        flow.pid = 100 + (seed >> 16) % 7;
        flow.source.port = (uint16_t)((seed >> 20) % 40);
        flow.time++;
        if (step % 97 == 0) {
            flow_table_process_ended(table, flow.pid);
            for (unsigned i = at = 0; i < count; i++)
                if (kept[i].pid != flow.pid)
                    kept[at++] = kept[i];
            count = at;
        }
        for (at = 0; at < count && (kept[at].pid != flow.pid || kept[at].source.port != flow.source.port);)
            at++;
        assert_int_equal(flow_table_is_new(table, &flow), at == count);
        if (at == count && count == LIMIT)
            at = 0;
        if (at < count)
            memmove(&kept[at], &kept[at + 1], (--count - at) * sizeof(kept[0]));
        kept[count++] = flow;
        assert_int_equal(flow_table_counters(table).flows, count);
    }
    assert_true(flow_table_counters(table).evicted > 100);
    flow_table_destroy(table);
}

static struct match_text host(void *context, struct pool *pool, const uint8_t address[16], bool ipv6)
{
    return address[0] == 93 ? (struct match_text){ "example.com", 11 } : (struct match_text){ NULL, 0 };
}

static struct match_text port(void *context, struct pool *pool, uint16_t number, bool udp)
{
    assert_true(number <= NETWORK_LAST_NAMED_PORT);
    return (struct match_text){ udp ? "u" : "https", udp ? 1 : 5 };
}

static void events(void **state)
{
    const struct network_names names = { host, port, NULL };
    struct network_flow flow = decoded(&network_vectors[0]);
    struct translator translator = { NULL, &no_facts, NULL, 0xAABBCCDD, 0, 0 };
    struct process process = { .pid = 4660, .create_time = T0 - 50, .guid = { { 9 } } };
    struct pool pool = { 0 };
    struct event event;

    assert_int_equal(process_table_create(&translator.processes, NULL, key), 0);
    process.text[PROCESS_IMAGE] = (struct match_text){ "C:\\a.exe", 8 };
    process.text[PROCESS_USER] = (struct match_text){ "L\\u", 3 };
    assert_int_equal(process_table_add(translator.processes, &process, 1, NULL), 0);
    assert_int_equal(network_event(&translator, &pool, &flow, &names, &event), 0);
#define FIELD(name, want)                                                                        \
    do {                                                                                          \
        assert_int_equal(event.text[NETWORK_CONNECT_##name].size, strlen(want));                  \
        assert_memory_equal(event.text[NETWORK_CONNECT_##name].data, want, strlen(want));         \
    } while (0)
    FIELD(ProcessGuid, "{00000009-0000-0000-0000-000000000000}");
    FIELD(ProcessId, "4660");
    FIELD(Image, "C:\\a.exe");
    FIELD(User, "L\\u");
    FIELD(Protocol, "tcp");
    FIELD(Initiated, "true");
    FIELD(SourceIsIpv6, "false");
    FIELD(SourceIp, "192.168.1.10");
    FIELD(SourceHostname, "-");
    FIELD(SourcePort, "50000");
    FIELD(SourcePortName, "-");
    FIELD(DestinationIsIpv6, "false");
    FIELD(DestinationIp, "93.184.216.34");
    FIELD(DestinationHostname, "example.com");
    FIELD(DestinationPort, "443");
    FIELD(DestinationPortName, "https");
    assert_true(event.time == T0);
    flow.pid = 77;
    assert_int_equal(network_event(&translator, &pool, &flow, NULL, &event), 0);
    FIELD(Image, "<unknown process>");
    FIELD(User, "-");
    FIELD(DestinationPortName, "-");
    FIELD(ProcessGuid, "{00000000-0000-0000-0000-000000000000}");
    process_table_destroy(translator.processes);
    pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes), cmocka_unit_test(ignores), cmocka_unit_test(refuses), cmocka_unit_test(older_versions),
        cmocka_unit_test(flows),   cmocka_unit_test(bounded), cmocka_unit_test(events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
