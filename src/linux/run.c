/* SPDX-License-Identifier: MIT */
/* `sysmon run`: monitor in the foreground. */
#include "cli/command.h"
#include "linux/monitor.h"
#include "sysmon/render.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct console {
    struct render_host host;
    struct render_buffer buffer;
    char computer[256];
};

static void write_event(void *context, struct event *event)
{
    struct console *console = context;

    console->buffer.size = 0;
    if (render_event(&console->buffer, RENDER_ONELINE, event, &console->host) > 0)
        fwrite(console->buffer.data, 1, console->buffer.size, stdout);
}

static void flush(void *context)
{
    fflush(stdout);
}

int cmd_run(int argc, char **argv)
{
    struct console console = { .host = { NULL, "0" } };
    struct monitor_options options = { .write = write_event, .context = &console, .idle = flush };
    struct monitor *monitor;
    char error[8192];
    unsigned duration = 0;
    int result;

    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--duration") && i + 1 < argc)
            duration = (unsigned)strtoul(argv[++i], NULL, 10);
    if (geteuid()) {
        fputs("sysmon run: must be root: the kernel half is BPF\n", stderr);
        return EXIT_NOT_ROOT;
    }
    gethostname(console.computer, sizeof console.computer - 1);
    console.host.computer = console.computer;
    result = monitor_open(&monitor, &options, error, sizeof error);
    if (result) {
        fprintf(stderr, "sysmon run: %s\n", error);
        return result;
    }
    result = monitor_run(monitor, duration);
    monitor_close(monitor);
    render_buffer_free(&console.buffer);
    return result ? EXIT_INTERNAL : EXIT_OK;
}
