/* SPDX-License-Identifier: MIT */
/* A scenario: what happens in the world and what must come out. Runs on every profile that it names. */
#ifndef NTSIM_SCENARIO_H
#define NTSIM_SCENARIO_H

#include "client.h"
#include "profile.h"
#include "tap.h"
#include "verify.h"
#include "world.h"

enum { ON_ALL = 0, NEEDS_OBJECT_CALLBACKS = 1, NEEDS_MINIFILTER = 2, NEEDS_LEGACY = 4, NO_SWEEP = 8, SELF_TEST = 16, BARE = 32 };

struct scenario {
    const char *name;
    void (*run)(void);    /* with the driver loaded and the client reading, unless BARE */
    void (*prepare)(void); /* before the driver is loaded: registry, files; NULL */
    unsigned flags;
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;
extern const struct scenario self_tests[];
extern const size_t self_test_count;

#endif
