/* SPDX-License-Identifier: MIT */
#include "linux/dns_queries.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024u
#define MAX_SOCKETS 4 /* the last that carried the question */

struct waiting {
    struct dns_query query;
    struct waiting *next_bucket;
    struct waiting *previous, *next; /* by the time they were last sent */
    uint64_t socket[MAX_SOCKETS];
    unsigned sockets;
    uint64_t sent;
    char name[]; /* results are allocated apart */
};

struct dns_queries {
    dns_answered_function *answered;
    void *context;
    unsigned count;
    struct waiting *oldest, *newest;
    struct waiting *bucket[BUCKETS]; /* by id */
};

int dns_queries_create(struct dns_queries **out, dns_answered_function *answered, void *context)
{
    struct dns_queries *queries = calloc(1, sizeof *queries);

    if (!queries)
        return -ENOMEM;
    queries->answered = answered;
    queries->context = context;
    *out = queries;
    return 0;
}

static void unlink_age(struct dns_queries *queries, struct waiting *waiting)
{
    if (waiting->previous)
        waiting->previous->next = waiting->next;
    else
        queries->oldest = waiting->next;
    if (waiting->next)
        waiting->next->previous = waiting->previous;
    else
        queries->newest = waiting->previous;
}

static void link_newest(struct dns_queries *queries, struct waiting *waiting)
{
    waiting->next = NULL;
    waiting->previous = queries->newest;
    if (queries->newest)
        queries->newest->next = waiting;
    else
        queries->oldest = waiting;
    queries->newest = waiting;
}

static void take_out(struct dns_queries *queries, struct waiting *waiting)
{
    struct waiting **link = &queries->bucket[waiting->query.id % BUCKETS];

    while (*link != waiting)
        link = &(*link)->next_bucket;
    *link = waiting->next_bucket;
    unlink_age(queries, waiting);
    queries->count--;
}

static void forget(struct waiting *waiting)
{
    free(waiting->query.results);
    free(waiting);
}

void dns_queries_destroy(struct dns_queries *queries)
{
    while (queries && queries->oldest) {
        struct waiting *waiting = queries->oldest;

        take_out(queries, waiting);
        forget(waiting);
    }
    free(queries);
}

static void tell(struct dns_queries *queries, struct waiting *waiting, unsigned status, const char *results, size_t size)
{
    take_out(queries, waiting);
    queries->answered(queries->context, &waiting->query, status, results, size);
    forget(waiting);
}

/* No more will come: what a cut answer said, or `status`. */
static void close_question(struct dns_queries *queries, struct waiting *waiting, unsigned status)
{
    const struct dns_query *query = &waiting->query;

    tell(queries, waiting, query->cut_answer ? query->status : status, query->results, query->results_size);
}

static bool same_question(const struct waiting *waiting, const struct dns_message *message)
{
    return waiting->query.type == message->type &&
           dns_same_name(waiting->query.name, waiting->query.name_size, message->name, message->name_size);
}

static bool same_process(const struct waiting *waiting, const struct wire_header *header)
{
    return waiting->query.header.pid == header->pid && waiting->query.header.start == header->start;
}

static struct waiting *find_asked(struct dns_queries *queries, const struct wire_dns *packet, const struct dns_message *message)
{
    struct waiting *waiting = queries->bucket[message->id % BUCKETS];

    while (waiting && !(waiting->query.id == message->id && same_process(waiting, &packet->header) &&
                        same_question(waiting, message)))
        waiting = waiting->next_bucket;
    return waiting;
}

/* Its answer was cut, and it is asked again by TCP, perhaps under another id. */
static struct waiting *find_cut(struct dns_queries *queries, const struct wire_dns *packet, const struct dns_message *message)
{
    struct waiting *waiting = packet->protocol == IPPROTO_TCP ? queries->newest : NULL;

    while (waiting && !(waiting->query.cut_answer && same_process(waiting, &packet->header) && same_question(waiting, message)))
        waiting = waiting->previous;
    return waiting;
}

static void note_sent(struct dns_queries *queries, struct waiting *waiting, const struct wire_dns *packet)
{
    unsigned i = 0;

    while (i < waiting->sockets && waiting->socket[i] != packet->socket)
        i++;
    if (i == waiting->sockets) {
        if (waiting->sockets == MAX_SOCKETS)
            memmove(waiting->socket, waiting->socket + 1, (--waiting->sockets) * sizeof *waiting->socket);
        waiting->socket[waiting->sockets++] = packet->socket;
    }
    waiting->sent = packet->header.time;
    waiting->query.ipv6 = packet->ipv6;
    waiting->query.protocol = packet->protocol;
    waiting->query.remote_port = packet->remote_port;
    memcpy(waiting->query.remote, packet->remote, sizeof waiting->query.remote);
}

static void rename_question(struct dns_queries *queries, struct waiting *waiting, uint16_t id)
{
    struct waiting **link = &queries->bucket[waiting->query.id % BUCKETS];

    while (*link != waiting)
        link = &(*link)->next_bucket;
    *link = waiting->next_bucket;
    waiting->query.id = id;
    waiting->next_bucket = queries->bucket[id % BUCKETS];
    queries->bucket[id % BUCKETS] = waiting;
}

static struct waiting *create(struct dns_queries *queries, const struct wire_dns *packet, const struct dns_message *message)
{
    struct waiting *waiting = calloc(1, sizeof *waiting + message->name_size + 1u);

    if (!waiting)
        return NULL;
    waiting->query.header = packet->header;
    waiting->query.id = message->id;
    waiting->query.type = message->type;
    waiting->query.name_size = message->name_size;
    waiting->query.name = waiting->name;
    memcpy(waiting->name, message->name, message->name_size);
    waiting->next_bucket = queries->bucket[message->id % BUCKETS];
    queries->bucket[message->id % BUCKETS] = waiting;
    queries->count++;
    return waiting;
}

int dns_queries_asked(struct dns_queries *queries, const struct wire_dns *packet, const struct dns_message *message)
{
    struct waiting *waiting = find_asked(queries, packet, message);
    bool known = waiting;

    if (!known && (waiting = find_cut(queries, packet, message))) {
        known = true;
        rename_question(queries, waiting, message->id);
    }
    if (known)
        unlink_age(queries, waiting);
    else if (queries->count >= DNS_QUERIES_MAX)
        close_question(queries, queries->oldest, DNS_STATUS_PENDING);
    if (!known && !(waiting = create(queries, packet, message)))
        return -ENOMEM;
    note_sent(queries, waiting, packet);
    link_newest(queries, waiting);
    return !known;
}

static bool carried(const struct waiting *waiting, uint64_t socket)
{
    for (unsigned i = 0; i < waiting->sockets; i++)
        if (waiting->socket[i] == socket)
            return true;
    return false;
}

/* A cut answer is kept until the whole one comes. */
static void keep_answer(struct waiting *waiting, unsigned status, const char *results, size_t size)
{
    char *copy = malloc(size + 1);

    if (!copy)
        return;
    memcpy(copy, results, size);
    free(waiting->query.results);
    waiting->query.results = copy;
    waiting->query.results_size = (uint32_t)size;
    waiting->query.status = status;
    waiting->query.cut_answer = true;
}

void dns_queries_answered(struct dns_queries *queries, const struct wire_dns *packet, const struct dns_message *message,
                          const uint8_t *data, size_t size)
{
    struct waiting *waiting = queries->bucket[message->id % BUCKETS];
    char results[DNS_RESULTS_SIZE];
    size_t used;
    unsigned status;

    while (waiting && !(waiting->query.id == message->id && carried(waiting, packet->socket) && same_question(waiting, message)))
        waiting = waiting->next_bucket;
    if (!waiting)
        return;
    used = dns_results(results, message, data, size);
    status = dns_status(message, used);
    if (message->truncated && packet->protocol == IPPROTO_UDP)
        keep_answer(waiting, status == DNS_STATUS_NO_RECORDS ? 0 : status, results, used);
    else
        tell(queries, waiting, status, results, used);
}

void dns_queries_expire(struct dns_queries *queries, uint64_t now)
{
    while (queries->oldest && queries->oldest->sent + DNS_PATIENCE_NS <= now)
        close_question(queries, queries->oldest, DNS_STATUS_TIMEOUT);
}

void dns_queries_abandoned(struct dns_queries *queries, const struct wire_header *ended)
{
    struct waiting *waiting = queries->oldest;

    while (waiting) {
        struct waiting *next = waiting->next;

        if (same_process(waiting, ended))
            close_question(queries, waiting, DNS_STATUS_TIMEOUT);
        waiting = next;
    }
}

void dns_queries_finish(struct dns_queries *queries)
{
    while (queries->oldest)
        close_question(queries, queries->oldest, DNS_STATUS_PENDING);
}

uint64_t dns_queries_due(const struct dns_queries *queries)
{
    return queries->oldest ? queries->oldest->sent + DNS_PATIENCE_NS : UINT64_MAX;
}
