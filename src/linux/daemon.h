/* SPDX-License-Identifier: MIT */
/* Becoming a service, and telling whoever started it how that went. */
#pragma once

#include <stdbool.h>

struct daemon {
    int report; /* to the waiting parent; -1: none */
};

/*
 * Without systemd: forks twice into a session of its own; the original process waits for daemon_ready() or daemon_failed(),
 * prints the message and never returns from here: `*code` is its exit code and the result false. Under systemd nothing is
 * forked. True: go on as the service.
 */
bool daemon_begin(struct daemon *daemon, int *code);
/* Standard streams are given up. */
void daemon_ready(struct daemon *daemon);
void daemon_failed(struct daemon *daemon, int code, const char *message);

/* Writes the pid file anew. Negative errno. */
int pid_file_write(const char *path);
/* Removes it when it names this process. */
void pid_file_remove(const char *path);
