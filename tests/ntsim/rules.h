/* SPDX-License-Identifier: MIT */
/* Rules for the driver: configurations compiled by the engine, as the service would write them into the registry. */
#ifndef NTSIM_RULES_H
#define NTSIM_RULES_H

#include <stddef.h>
#include <stdint.h>

/* The blob of a configuration's text; cached, never freed. Ends the program on an invalid one. */
const uint8_t *rules_compile(const char *xml, size_t *size);
/* Every event is logged. */
const uint8_t *rules_everything(size_t *size);

#endif
