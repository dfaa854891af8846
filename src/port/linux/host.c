/* SPDX-License-Identifier: MIT */
#include "port/host.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

void host_name(char *out, size_t size)
{
    if (gethostname(out, size) || !out[0])
        snprintf(out, size, "-");
    out[size - 1] = '\0';
}

void host_user(char *out, size_t size)
{
    snprintf(out, size, "%u", geteuid());
}

uint32_t host_process_id(void)
{
    return (uint32_t)getpid();
}

uint32_t host_thread_id(void)
{
    static __thread pid_t thread;

    if (!thread)
        thread = gettid();
    return (uint32_t)thread;
}

int host_console_width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
        return 0;
    return size.ws_col;
}

bool host_is_root(void)
{
    return geteuid() == 0;
}
