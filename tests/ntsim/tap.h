/* SPDX-License-Identifier: MIT */
#ifndef NTSIM_TAP_H
#define NTSIM_TAP_H

#include <stdbool.h>

void tap_begin(const char *name);              /* a point: one scenario on one profile */
void tap_end(void);                            /* its result: every check held and no bug was reported */
void tap_skip(const char *name, const char *why);
void tap_fail(void);                           /* the current point fails; the reason was printed */
void tap_bail(const char *why);                /* the current point fails and nothing follows */
int tap_finish(void);                          /* prints the plan; the program's exit code */
bool tap_failed(void);                         /* has the current point failed so far? */

/* A condition of the current point; prints the text when it does not hold. Gives the condition. */
bool check(bool condition, const char *format, ...) __attribute__((format(gnu_printf, 2, 3)));

#endif
