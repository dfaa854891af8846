/* SPDX-License-Identifier: MIT */
/*
 * Outputs under the control of a test: opens those named on the command line, obeys commands from standard input and answers
 * on standard error, one line each.
 *
 *   write COUNT [SIZE]   file events whose names have SIZE bytes        -> wrote MICROSECONDS
 *   pace COUNT MICROSECONDS   as many, with a pause after each         -> paced MICROSECONDS of CPU
 *   name HEX             one file event with exactly this name          -> named
 *   error                an event 255                                  -> errored
 *   flush MILLISECONDS                                                 -> flushed 0|1
 *   counters                                                           -> a JSON array
 *   loss                                                               -> loss CALLS COUNT TEXT
 *   gone                                                               -> gone 0|1
 *   reopen                                                             -> reopened
 *   cpu                                                                -> cpu MICROSECONDS of this process
 *   close MILLISECONDS                                                 -> closed MILLISECONDS
 */
#include "sysmon/output.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct outputs *outputs;
static atomic_uint loss_calls;

static void on_loss(void *context)
{
    atomic_fetch_add(&loss_calls, 1);
}

static long long microseconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

static void file_event(const char *name, size_t size)
{
    static uint64_t time = FILETIME_UNIX_EPOCH + 1709626530ull * 10000000;
    struct sysmon_guid guid = guid_compose(0x08DA6306, time, 0x0012000000000234ull);
    struct event event;

    event_init(&event, catalogue_find(EVENT_FILE_CREATE), CATALOGUE_LINUX);
    event_set_time(&event, FILE_CREATE_UtcTime, time += 10000);
    event_set_guid(&event, FILE_CREATE_ProcessGuid, &guid);
    event_set_number(&event, FILE_CREATE_ProcessId, 4242);
    event_set_string(&event, FILE_CREATE_Image, "/usr/bin/touch");
    event_set_text(&event, FILE_CREATE_TargetFilename, name, size);
    event_set_time(&event, FILE_CREATE_CreationUtcTime, time);
    event_set_string(&event, FILE_CREATE_User, "root");
    outputs_write(outputs, &event);
}

static void write_events(unsigned long count, size_t size)
{
    long long start = microseconds(CLOCK_MONOTONIC);
    char *name = malloc(size + 32);

    if (!name)
        abort();
    for (unsigned long i = 0; i < count; i++) {
        int length = snprintf(name, 32, "/tmp/%09lu-", i);
        memset(name + length, 'n', size);
        file_event(name, size > (size_t)length ? size : (size_t)length);
    }
    free(name);
    fprintf(stderr, "wrote %lld\n", microseconds(CLOCK_MONOTONIC) - start);
}

static void pace_events(unsigned long count, unsigned long pause)
{
    long long start = microseconds(CLOCK_PROCESS_CPUTIME_ID);

    for (unsigned long i = 0; i < count; i++) {
        file_event("/tmp/paced", 10);
        nanosleep(&(struct timespec){ .tv_nsec = (long)pause * 1000 }, NULL);
    }
    fprintf(stderr, "paced %lld\n", microseconds(CLOCK_PROCESS_CPUTIME_ID) - start);
}

static void write_name(const char *hex)
{
    char name[8192];
    size_t size = 0;

    for (; size < sizeof(name) && sscanf(hex, "%2hhx", (unsigned char *)&name[size]) == 1; hex += 2)
        size++;
    file_event(name, size);
    fprintf(stderr, "named\n");
}

static void write_error(void)
{
    struct event event;

    event_init(&event, catalogue_find(EVENT_ERROR), CATALOGUE_LINUX);
    event_set_string(&event, ERROR_ID, "Test");
    outputs_write(outputs, &event);
    fprintf(stderr, "errored\n");
}

static void print_counters(void)
{
    fprintf(stderr, "[");
    for (unsigned i = 0; i < outputs_count(outputs); i++) {
        struct output_counters c;
        outputs_counters(outputs, i, &c);
        fprintf(stderr, "%s{\"written\":%llu,\"delivered\":%llu,\"queued\":%llu,\"queued_bytes\":%llu,\"failing\":%d,\"error\":%d,\"dropped\":[",
                i ? "," : "", (unsigned long long)c.written, (unsigned long long)c.delivered, (unsigned long long)c.queued,
                (unsigned long long)c.queued_bytes, c.failing, c.last_error);
        for (unsigned k = 0; k < OUTPUT_DROP_COUNT; k++)
            fprintf(stderr, "%s%llu", k ? "," : "", (unsigned long long)c.dropped[k]);
        fprintf(stderr, "]}");
    }
    fprintf(stderr, "]\n");
}

static void print_loss(void)
{
    char text[1024];
    unsigned calls = atomic_load(&loss_calls);
    uint64_t count = outputs_take_loss(outputs, text, sizeof(text));

    fprintf(stderr, "loss %u %llu %s\n", calls, (unsigned long long)count, text);
}

static void close_outputs(unsigned milliseconds)
{
    long long start = microseconds(CLOCK_MONOTONIC);

    outputs_close(outputs, milliseconds);
    outputs = NULL;
    fprintf(stderr, "closed %lld\n", (microseconds(CLOCK_MONOTONIC) - start) / 1000);
}

static void obey(const char *line)
{
    unsigned long a = 0, b = 0;

    if (sscanf(line, "write %lu %lu", &a, &b) >= 1)
        write_events(a, b ? b : 40);
    else if (sscanf(line, "pace %lu %lu", &a, &b) == 2)
        pace_events(a, b);
    else if (!strncmp(line, "name ", 5))
        write_name(line + 5);
    else if (!strncmp(line, "error", 5))
        write_error();
    else if (sscanf(line, "flush %lu", &a) == 1)
        fprintf(stderr, "flushed %d\n", outputs_flush(outputs, (unsigned)a));
    else if (!strncmp(line, "counters", 8))
        print_counters();
    else if (!strncmp(line, "loss", 4))
        print_loss();
    else if (!strncmp(line, "gone", 4))
        fprintf(stderr, "gone %d\n", outputs_gone(outputs));
    else if (!strncmp(line, "reopen", 6))
        outputs_reopen(outputs), fprintf(stderr, "reopened\n");
    else if (!strncmp(line, "cpu", 3))
        fprintf(stderr, "cpu %lld\n", microseconds(CLOCK_PROCESS_CPUTIME_ID));
    else if (sscanf(line, "close %lu", &a) == 1)
        close_outputs((unsigned)a);
}

int main(int argc, char **argv)
{
    const struct outputs_options options = { .host = { "test-host", "0" }, .on_loss = on_loss };
    static char line[20000], error[512];

    if (outputs_open(&outputs, (const char *const *)argv + 1, (unsigned)argc - 1, &options, error, sizeof(error))) {
        fprintf(stderr, "failed: %s\n", error);
        return 4;
    }
    fprintf(stderr, "open\n");
    while (outputs && fgets(line, sizeof(line), stdin))
        obey(line);
    outputs_close(outputs, 0);
    return 0;
}
