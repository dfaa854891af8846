/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "verify.h"

static unsigned number, failures;
static bool failed, open;
static char current[160];

void tap_begin(const char *name)
{
    snprintf(current, sizeof current, "%s", name);
    failed = false;
    open = true;
    bug_reset();
}

void tap_end(void)
{
    bool bad = failed || bug_count() > 0;

    printf("%sok %u - %s\n", bad ? "not " : "", ++number, current);
    failures += bad;
    open = false;
    fflush(stdout);
}

void tap_skip(const char *name, const char *why) { printf("ok %u - %s # skip %s\n", ++number, name, why); }
void tap_fail(void) { failed = true; }
bool tap_failed(void) { return failed || bug_count() > 0; }

void tap_bail(const char *why)
{
    if (open)
        printf("not ok %u - %s\n", ++number, current);
    printf("1..%u\nBail out! %s\n", number, why);
}

int tap_finish(void)
{
    printf("1..%u\n", number);
    return failures ? 1 : 0;
}

bool check(bool condition, const char *format, ...)
{
    va_list arguments;

    if (condition)
        return true;
    printf("# FAILED: ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    failed = true;
    return false;
}
