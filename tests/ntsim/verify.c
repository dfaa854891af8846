/* SPDX-License-Identifier: MIT */
#include "verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "loader.h"
#include "module.h"
#include "profile.h"
#include "sched.h"
#include "tap.h"

enum { DEPTH = 40, SHOWN_MAX = 20 };

static unsigned bugs, expected_seen;
static const char *expected;
static void *fault_context;

unsigned bug_count(void) { return bugs; }
void bug_reset(void) { bugs = 0; }
void bug_context(void *context) { fault_context = context; }

unsigned bug_expect(const char *rule)
{
    unsigned seen = expected_seen;

    expected = rule;
    expected_seen = 0;
    return seen;
}

const char *place(uintptr_t pc)
{
    static char texts[8][160];
    static unsigned turn;
    char *text = texts[turn++ % 8];
    uint32_t offset = 0;
    const char *symbol;

    if (!pc)
        return "the simulator";
    if (!loader_contains(pc)) {
        const char *module = module_place(pc);

        snprintf(text, sizeof texts[0], "%s", module ? module : "the simulator");
        return text;
    }
    symbol = loader_symbol(pc, &offset);
    if (symbol)
        snprintf(text, sizeof texts[0], "driver+0x%x (%s+0x%x)", loader_offset(pc), symbol, offset);
    else
        snprintf(text, sizeof texts[0], "driver+0x%x", loader_offset(pc));
    return text;
}

void say(const char *format, ...)
{
    va_list arguments;

    printf("# ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

/* Only the driver's frames: the simulator's are no news. */
static void show_stack(void)
{
    uintptr_t pcs[DEPTH];
    size_t count = host_backtrace(fault_context, pcs, DEPTH);

    for (size_t i = 0; i < count; i++)
        if (loader_contains(pcs[i]))
            printf("#     at %s\n", place(pcs[i]));
    fault_context = NULL;
}

static void show(const char *rule, const char *format, va_list arguments)
{
    struct runner *me = self();

    printf("# BUG %s: ", rule);
    vprintf(format, arguments);
    printf("\n#     on %s, thread %s, IRQL %u, in %s called from %s\n", profile ? profile->name : "-", me ? me->name : "-",
           me ? me->irql : 0, me ? gate_name(me->gate) : "-", me ? place(me->gate_caller) : "-");
    show_stack();
    fflush(stdout);
}

void bug(const char *rule, const char *format, ...)
{
    va_list arguments;

    if (expected && strcmp(rule, expected) == 0) {
        expected_seen++;
        return;
    }
    if (bugs++ >= SHOWN_MAX)
        return;
    va_start(arguments, format);
    show(rule, format, arguments);
    va_end(arguments);
}

void bugcheck(const char *rule, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    show(rule, format, arguments);
    va_end(arguments);
    tap_bail(rule);
    host_exit(1);
    __builtin_unreachable();
}

void sim_error(const char *format, ...)
{
    va_list arguments;

    printf("# the simulator failed: ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    tap_bail("simulator");
    host_exit(99);
    __builtin_unreachable();
}
