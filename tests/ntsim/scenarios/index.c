/* SPDX-License-Identifier: MIT */
#include "../scenario.h"

void load_and_unload(void);
void self_clean(void);

const struct scenario scenarios[] = {
    {"load", load_and_unload, NULL, BARE},
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
const struct scenario self_tests[] = {
    {"load", load_and_unload, NULL, BARE},
};
const size_t self_test_count = sizeof self_tests / sizeof self_tests[0];
