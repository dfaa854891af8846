/* SPDX-License-Identifier: MIT */
/* Stands in for the monitor in tests: serves a control directory (argument 1) with fixed counters until `stop`. */
#include "cli/exit_codes.h"
#include "linux/control.h"

#include <poll.h>
#include <stdio.h>

static bool ended;

static int on_reload(void *context, char *message, size_t size)
{
    return EXIT_OK;
}

static void on_stats(void *context, struct stats *stats)
{
    stats_family(stats, "events_seen", STATS_COUNTER, "Events that happened.", "event", NULL, NULL);
    stats_value(stats, 12, "ProcessCreate", NULL, NULL);
}

static void on_stop(void *context)
{
    ended = true;
}

int main(int argc, char **argv)
{
    const struct control_handlers handlers = { NULL, CONTROL_SERVICE, on_reload, on_stats, on_stop };
    struct control *control;
    char error[256];
    int code = argc == 2 ? control_open(&control, argv[1], &handlers, error, sizeof error) : EXIT_USAGE;

    if (code)
        return code;
    puts("ready");
    fflush(stdout);
    while (!ended) {
        struct pollfd pollfd = { .fd = control_descriptor(control), .events = POLLIN };

        poll(&pollfd, 1, -1);
        control_serve(control);
    }
    control_close(control);
    return EXIT_OK;
}
