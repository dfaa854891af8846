/* SPDX-License-Identifier: MIT */
/* From a decoded flow to event 3. Portable. */
#pragma once

#include "network_decode.h"
#include "translate.h"

/* Ports above are never looked up (spec 09 section 5.9). */
#define NETWORK_LAST_NAMED_PORT 49200u

/* Names that are known by now; each returns size 0 for none. NULL: no look-ups (DnsLookup off). */
struct network_names {
    struct match_text (*host)(void *context, struct pool *pool, const uint8_t address[16], bool ipv6);
    struct match_text (*port)(void *context, struct pool *pool, uint16_t port, bool udp);
    void *context;
};

/* IPv4 dotted decimal, IPv6 as eight groups (spec 02 section 3.11). */
struct match_text network_address_text(struct pool *pool, const uint8_t address[16], bool ipv6);

int network_event(struct translator *translator, struct pool *pool, const struct network_flow *flow, const struct network_names *names,
                  struct event *out);
