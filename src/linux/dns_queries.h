/* SPDX-License-Identifier: MIT */
/*
 * Questions that wait for their answer. A question is (process, id, name, type): sent again, by the same socket or another
 * one (another server, or TCP after an answer that did not fit), it is still the same. An answer belongs to the question whose
 * socket, id, name and type it has.
 */
#pragma once

#include "linux/dns_message.h"
#include "sysmon/wire_linux.h"

/* Beyond it the oldest is told as DNS_STATUS_PENDING. */
#define DNS_QUERIES_MAX 8192u
/* After the last time a question was sent. */
#define DNS_PATIENCE_NS 10000000000ull

struct dns_queries;

struct dns_query {
    struct wire_header header; /* of the first time it was sent: when, and by whom */
    uint16_t id, type;
    uint8_t ipv6, protocol;  /* of the last server asked */
    uint8_t remote[16];
    uint16_t remote_port;
    uint32_t name_size;
    uint32_t results_size;   /* of an answer that was cut */
    unsigned status;         /* valid when results or cut_answer */
    bool cut_answer;         /* answered, but TC: the rest may come by TCP */
    char *name, *results;
};

/* Called once for each question: `status` and results are final. `query` is freed afterwards. */
typedef void dns_answered_function(void *context, const struct dns_query *query, unsigned status, const char *results,
                                   size_t results_size);

int dns_queries_create(struct dns_queries **out, dns_answered_function *answered, void *context);
void dns_queries_destroy(struct dns_queries *queries); /* questions that still wait are not told: see _finish */

/* A question was sent. 1: it is new and waits now; 0: it was sent before; -ENOMEM: it is lost. */
int dns_queries_asked(struct dns_queries *queries, const struct wire_dns *packet, const struct dns_message *message);
/* An answer came. */
void dns_queries_answered(struct dns_queries *queries, const struct wire_dns *packet, const struct dns_message *message,
                          const uint8_t *data, size_t size);
/* Tells those whose answer did not come until `now` (CLOCK_BOOTTIME, ns): DNS_STATUS_TIMEOUT. */
void dns_queries_expire(struct dns_queries *queries, uint64_t now);
/* The process ended: nobody waits for its answers. */
void dns_queries_abandoned(struct dns_queries *queries, const struct wire_header *ended);
/* Tells all that wait: DNS_STATUS_PENDING. */
void dns_queries_finish(struct dns_queries *queries);
/* When the next one is due, CLOCK_BOOTTIME ns; UINT64_MAX: none. */
uint64_t dns_queries_due(const struct dns_queries *queries);
