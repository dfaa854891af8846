/* SPDX-License-Identifier: MIT */
/* Any bytes as ETW events of the network and of DNS, one after the other, through to finished events. */
#include "dns_decode.h"
#include "flow_table.h"
#include "network_event.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool condition)
{
    if (!condition)
        abort();
}

static void one(struct translator *translator, struct flow_table *flows, const struct trace_record *record)
{
    struct pool pool = { 0 };
    struct network_flow flow;
    struct dns_query query;
    struct event event;

    if (network_decode(&flow, record) == 1) {
        if (flow.udp)
            flow_table_is_new(flows, &flow);
        need(!network_event(translator, &pool, &flow, NULL, &event));
        need(event.text[NETWORK_CONNECT_DestinationIp].size >= 7);
        if (flow.pid & 1)
            flow_table_process_ended(flows, flow.pid);
    }
    if (dns_decode(&query, record) == 1) {
        need(query.name + query.name_size <= record->data + record->size);
        need(query.results + query.results_size <= record->data + record->size);
        dns_event(translator, &pool, &query, &event);
    }
    pool_free(&pool);
}

/* Per event: provider, id or opcode, version, size, bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sysmon_guid *const providers[] = { &network_tcp_class, &network_udp_class, &dns_client_provider };
    static const struct facts facts;
    static const uint8_t key[16];
    const struct process process = { .pid = 5000, .create_time = 1 };
    struct translator translator = { NULL, &facts, NULL, 0, 0, 0 };
    struct flow_table *flows;

    need(!process_table_create(&translator.processes, NULL, key) && !flow_table_create(&flows, 8, key));
    need(!process_table_add(translator.processes, &process, 1, NULL));
    while (size >= 4) {
        struct trace_record record = { .provider = *providers[data[0] % 3], .opcode = data[1], .version = data[2], .pointer_size = 8, .pid = 5000, .time = 2 };
        uint8_t *exact;

        record.id = data[0] % 3 == 2 ? 3008 : 0;
        record.size = data[3] < size - 4 ? data[3] : size - 4;
        record.data = exact = malloc(record.size + 1);
        need(exact);
        memcpy(exact, data + 4, record.size);
        record.data = exact = realloc(exact, record.size ? record.size : 1);
        one(&translator, flows, &record);
        data += 4 + record.size;
        size -= 4 + record.size;
        free(exact);
    }
    flow_table_destroy(flows);
    process_table_destroy(translator.processes);
    return 0;
}
