/* SPDX-License-Identifier: MIT */
/*
 * UDP flows that were reported: process, both ends, direction. A flow is new again after half an hour of silence or when its process
 * has ended. Bounded; the flow that was silent longest gives way. Portable, not for several threads at once.
 */
#pragma once

#include "network_decode.h"

#define FLOW_SILENCE (30ull * 60 * 10000000) /* 100 ns */
#define FLOW_TABLE_LIMIT 131072u

struct flow_table;

struct flow_table_counters {
    uint32_t flows;
    uint64_t evicted; /* by the limit: such a flow may be reported again */
};

/* `limit` 0: FLOW_TABLE_LIMIT. `key`: 16 random bytes. -ENOMEM. */
int flow_table_create(struct flow_table **out, uint32_t limit, const uint8_t key[16]);
void flow_table_destroy(struct flow_table *table);
/* Remembers the flow at its time; true when it is to be reported. */
bool flow_table_is_new(struct flow_table *table, const struct network_flow *flow);
void flow_table_process_ended(struct flow_table *table, uint32_t pid);
struct flow_table_counters flow_table_counters(const struct flow_table *table);
