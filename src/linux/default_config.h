/* SPDX-License-Identifier: MIT */
/* packaging/linux/default.xml, built in. */
#pragma once

#include <stddef.h>

extern const unsigned char default_config[]; /* terminated */
extern const size_t default_config_size;
