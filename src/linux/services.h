/* SPDX-License-Identifier: MIT */
/* Names of ports, from /etc/services as it is when first asked. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* NULL when the port has no name. The text is kept for the life of the program. */
const char *service_name(uint16_t port, bool udp);
