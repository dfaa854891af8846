/* SPDX-License-Identifier: MIT */
/* One filter under scrutiny: is its value one that the field can have? */
#pragma once

#include "config_load.h"

/* Reports what is odd about the value of one filter of a block that compiles. */
void lint_value(struct loader *loader, const struct config_block *block, const struct tree_node *filter);
