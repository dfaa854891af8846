/* SPDX-License-Identifier: MIT */
#include "config_load.h"
void lint_block(struct loader *l, const struct config_block *b) { (void)l, (void)b; }
void lint_blocks(struct loader *l) { (void)l; }
