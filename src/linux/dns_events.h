/* SPDX-License-Identifier: MIT */
/* Event 22 from packets of port 53: questions are held until they are answered. */
#pragma once

#include "sysmon/wire_linux.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct monitor;
struct dns_events;

int dns_events_create(struct dns_events **out, struct monitor *monitor);
void dns_events_destroy(struct dns_events *events);

/* A WIRE_DNS record. False: it cannot be decoded. */
bool dns_events_packet(struct dns_events *events, const void *record, size_t size);
/* A process ended: what it asked and was not answered goes out now. */
void dns_events_ended(struct dns_events *events, const struct wire_header *ended);
/* Tells what is due. */
void dns_events_settle(struct dns_events *events);
/* Milliseconds until dns_events_settle() wants to be called; -1: nothing waits. */
int dns_events_wait(const struct dns_events *events);
/* Nothing more will come. */
void dns_events_finish(struct dns_events *events);
