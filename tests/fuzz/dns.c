/* SPDX-License-Identifier: MIT */
/* Any bytes as a DNS message, and as segments of a stream of them: texts stay printable and within bounds, questions are told once. */
#include "linux/dns_message.h"
#include "linux/dns_queries.h"
#include "linux/dns_streams.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
    struct dns_queries *queries;
    struct wire_dns packet;
    unsigned asked, told;
};

static void check_text(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            abort();
}

static void told(void *context, const struct dns_query *query, unsigned status, const char *results, size_t size)
{
    struct state *state = context;

    state->told++;
    check_text(query->name, query->name_size);
    check_text(results, size);
    if (size && results[size - 1] != ';')
        abort();
}

static void on_message(void *context, const uint8_t *data, size_t size)
{
    struct state *state = context;
    char results[DNS_RESULTS_SIZE];
    struct dns_message message;

    if (size > DNS_STREAM_WINDOW)
        abort();
    if (dns_parse(&message, data, size))
        return;
    if (message.name_size > DNS_NAME_SIZE || !message.name_size || message.answers > size)
        abort();
    check_text(message.name, message.name_size);
    check_text(results, dns_results(results, &message, data, size));
    if (message.response)
        dns_queries_answered(state->queries, &state->packet, &message, data, size);
    else
        state->asked += dns_queries_asked(state->queries, &state->packet, &message) == 1;
}

/* Byte 0: bit 0 = TCP. Then parts: offset step, size, bytes. */
static void feed(struct state *state, struct dns_streams *streams, const uint8_t *data, size_t size)
{
    uint32_t sequence = 0xffffff00; /* it wraps */
    bool tcp = data[0] & 1;

    state->packet.protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP;
    for (size_t at = 1; at + 3 <= size;) {
        size_t part = (size_t)data[at + 1] << 8 | data[at + 2];

        sequence += (uint32_t)(int8_t)data[at] * 8u;
        at += 3;
        if (part > size - at)
            part = size - at;
        if (!tcp)
            on_message(state, data + at, part);
        else
            dns_streams_add(streams, 1, true, sequence, data + at, part, on_message, state);
        sequence += (uint32_t)part;
        state->packet.header.time += 1000000000u;
        dns_queries_expire(state->queries, state->packet.header.time);
        at += part;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct state state = { .packet.socket = 1 };
    struct dns_streams *streams;

    if (!size || dns_streams_create(&streams))
        return 0;
    if (!dns_queries_create(&state.queries, told, &state)) {
        feed(&state, streams, data, size);
        dns_queries_finish(state.queries);
        if (state.asked != state.told)
            abort();
        dns_queries_destroy(state.queries);
    }
    dns_streams_destroy(streams);
    return 0;
}
