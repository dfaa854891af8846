/* SPDX-License-Identifier: MIT */
/*
 * Standard output and error. Everything prints UTF-8 through stdio. Where a handle is a console, the bytes go through a pipe to a
 * thread that hands them to WriteConsoleW as UTF-16; files and pipes get the UTF-8 as it is.
 */
#pragma once

void console_open(void);
/* Flushes and waits until everything is on the screen. */
void console_close(void);
