/* SPDX-License-Identifier: MIT */
/* What Driver Verifier would do: every broken rule is a bug with the place in the driver; some end the run. */
#ifndef NTSIM_VERIFY_H
#define NTSIM_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A rule was broken; the run goes on and the current test fails. `rule` is a word to search for. */
void bug(const char *rule, const char *format, ...) __attribute__((format(gnu_printf, 2, 3)));
/* A rule was broken in a way that nothing after it could be believed: report, close the TAP stream, end the program. */
void bugcheck(const char *rule, const char *format, ...) __attribute__((format(gnu_printf, 2, 3), noreturn));
/* The simulator itself is at fault (not the driver). */
void sim_error(const char *format, ...) __attribute__((format(gnu_printf, 1, 2), noreturn));

unsigned bug_count(void);        /* since the last bug_reset */
void bug_reset(void);
/* From now on bugs of this rule are what a test wants: counted apart, not printed. NULL ends it and gives the number seen. */
unsigned bug_expect(const char *rule);
/* The context of a fault, so that the report shows where it happened instead of where it was handled. */
void bug_context(void *context);

/* "SysmonDrv+0x1234 (PreCreate)" in a static buffer of the calling thread's turn. */
const char *place(uintptr_t pc);

/* Printed in front of every TAP point's comments; off = silent (fault sweep). */
void say(const char *format, ...) __attribute__((format(gnu_printf, 1, 2)));

#endif
