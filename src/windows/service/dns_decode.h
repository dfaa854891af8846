/* SPDX-License-Identifier: MIT */
/* Event 3008 of Microsoft-Windows-DNS-Client, a finished query (spec 09 section 6), and event 22 of it. Portable. */
#pragma once

#include "trace_record.h"
#include "translate.h"

#define DNS_EVENT_QUERY_COMPLETED 3008
#define DNS_NAME_LIMIT 1024 /* characters; names of the protocol have at most 255 */

struct dns_query {
    uint64_t time;
    uint32_t pid;
    uint32_t type, status;
    uint64_t options;
    const uint8_t *name, *results; /* UTF-16 inside the record, not aligned, without terminator */
    uint32_t name_size, results_size; /* bytes, even */
};

extern const struct sysmon_guid dns_client_provider;

/* 1: `out` points into the record; 0: another event; -EBADMSG: the bytes end too early, or the name never does. */
int dns_decode(struct dns_query *out, const struct trace_record *record);

/* 0; -EEXIST: this process has had the same answer to the same question (spec 09 section 6.4). */
int dns_event(struct translator *translator, struct pool *pool, const struct dns_query *query, struct event *out);
