/* SPDX-License-Identifier: MIT */
/* Explanations of rules in words. */
#pragma once

#include "sysmon/ruleset.h"

/* Text that is cut at its end when it is full; start with `used` 0. */
struct explain_text {
    char data[8192];
    size_t used;
};

/* Appends one block, in one line without its end; for ruleset_explain(), with a struct explain_text as context. */
void explain_text_block(void *context, const struct explain_block *block);
