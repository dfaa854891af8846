/* SPDX-License-Identifier: MIT */
/* `-z PIPE`: the program's copy in a session, that watches its clipboard and tells the service (spec 09 section 8.2). */
#pragma once

/* Until the pipe or the session ends; an exit code. */
int clipboard_helper(const char *pipe);
