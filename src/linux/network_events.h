/* SPDX-License-Identifier: MIT */
/* Event 3 NetworkConnect, filled from a connection record. */
#pragma once

#include "linux/processes.h"

#define ADDRESS_TEXT_SIZE 40

/* Texts are taken from the arena or borrowed from the table: emit the event before either changes. */
void network_event(struct event *event, struct processes *processes, const struct wire_connection *connection,
                   const struct process *process, struct text_arena *arena);

/* Spec 02 section 3.11: dotted decimal, or eight groups without padding and `::`. Returns the size. */
unsigned address_format(char out[ADDRESS_TEXT_SIZE], const uint8_t address[16], bool ipv6);
