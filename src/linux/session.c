/* SPDX-License-Identifier: MIT */
/* Configuration, outputs and control socket around the monitor's loop. */
#include "session.h"

#include "cli/exit_codes.h"
#include "control.h"
#include "monitor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define CLOSE_MS 5000
/* Losses of the outputs are told together: the event that tells them needs a place in the same queues. */
#define LOSS_DELAY_NS 500000000

struct session {
    struct session_options options;
    struct installed_config config;
    struct outputs *outputs;
    struct control *control;
    struct monitor *monitor;
    int loss_timer;
    time_t started;
};

static void write_event(void *context, struct event *event)
{
    struct session *session = context;

    outputs_write(session->outputs, event);
}

/* --- losses of the outputs ------------------------------------------------------------------------------------------ */

/* Any thread. */
static void on_loss(void *context)
{
    struct session *session = context;

    timerfd_settime(session->loss_timer, 0, &(struct itimerspec){ .it_value.tv_nsec = LOSS_DELAY_NS }, NULL);
}

static void tell_losses(void *context)
{
    struct session *session = context;
    char text[512];

    (void)!read(session->loss_timer, &(uint64_t){ 0 }, 8);
    if (outputs_gone(session->outputs)) {
        fputs("sysmon: nobody reads standard output any more\n", stderr);
        monitor_stop(session->monitor);
    }
    if (outputs_take_loss(session->outputs, text, sizeof text))
        monitor_event_error(session->monitor, "Outputs", text);
}

/* --- control -------------------------------------------------------------------------------------------------------- */

static struct monitor_configuration describe(const struct installed_config *config)
{
    return (struct monitor_configuration){ config->config, config->source, strcmp(config->hash, "-") ? config->hash : NULL };
}

static int reload(void *context, char *message, size_t size)
{
    struct session *session = context;
    struct installed_config config = { 0 };
    struct monitor_configuration configuration;
    int code = session->options.load(session->options.context, &config, message, size), error;

    if (code)
        return code;
    configuration = describe(&config);
    error = monitor_configure(session->monitor, &configuration);
    if (error) {
        snprintf(message, size, "the rules cannot be used: %s", strerror(-error));
        installed_config_free(&config);
        return EXIT_CONFIG;
    }
    installed_config_free(&session->config);
    session->config = config;
    return EXIT_OK;
}

/* SIGHUP: nobody waits for an answer, so a failure becomes an event. Files are opened anew as well. */
static void on_hangup(void *context)
{
    struct session *session = context;
    char message[1024] = "";

    outputs_reopen(session->outputs);
    if (reload(session, message, sizeof message))
        monitor_event_error(session->monitor, "Configuration", message);
}

static void add_outputs(struct session *session, struct stats *stats)
{
    static const char *const causes[OUTPUT_DROP_COUNT] = { "too slow", "down", "refused", "no memory", "closed" };
    struct output_counters counters[16];
    unsigned count = outputs_count(session->outputs);

    if (count > 16)
        count = 16;
    for (unsigned i = 0; i < count; i++)
        outputs_counters(session->outputs, i, &counters[i]);
    stats_family(stats, "output_written", STATS_COUNTER, "Events handed to an output.", "output", NULL, NULL);
    for (unsigned i = 0; i < count; i++)
        stats_value(stats, counters[i].written, counters[i].name, NULL, NULL);
    stats_family(stats, "output_delivered", STATS_COUNTER, "Events an output's destination took.", "output", NULL, NULL);
    for (unsigned i = 0; i < count; i++)
        stats_value(stats, counters[i].delivered, counters[i].name, NULL, NULL);
    stats_family(stats, "output_dropped", STATS_COUNTER, "Events an output dropped.", "output", "cause", NULL);
    for (unsigned i = 0; i < count; i++)
        for (int cause = 0; cause < OUTPUT_DROP_COUNT; cause++)
            stats_value(stats, counters[i].dropped[cause], counters[i].name, causes[cause], NULL);
    stats_family(stats, "output_queued", STATS_GAUGE, "Events waiting in an output's queue.", "output", NULL, NULL);
    for (unsigned i = 0; i < count; i++)
        stats_value(stats, counters[i].queued, counters[i].name, NULL, NULL);
    stats_family(stats, "output_queued_bytes", STATS_GAUGE, "Bytes waiting in an output's queue.", "output", NULL, NULL);
    for (unsigned i = 0; i < count; i++)
        stats_value(stats, counters[i].queued_bytes, counters[i].name, NULL, NULL);
    stats_family(stats, "output_failing", STATS_GAUGE, "1: the newest attempt to deliver failed.", "output", NULL, NULL);
    for (unsigned i = 0; i < count; i++)
        stats_value(stats, counters[i].failing, counters[i].name, NULL, NULL);
}

static void add_info(struct stats *stats, const char *name, const char *help, const char *text)
{
    stats_family(stats, name, STATS_INFO, help, name, NULL, NULL);
    stats_value(stats, 0, text, NULL, NULL);
}

static void add_stats(void *context, struct stats *stats)
{
    struct session *session = context;

    add_info(stats, "version", "Version of the monitor.", PRODUCT_VERSION);
    add_info(stats, "configuration", "Where the configuration comes from.", session->config.source ? session->config.source : "Defaults");
    add_info(stats, "configuration_hash", "Hash of the configuration file.", session->config.hash[0] ? session->config.hash : "-");
    stats_family(stats, "process_id", STATS_GAUGE, "Process id of the monitor.", NULL, NULL, NULL);
    stats_value(stats, (uint64_t)getpid(), NULL, NULL, NULL);
    stats_family(stats, "start_time", STATS_TIME_GAUGE, "When the monitor started, since 1970.", NULL, NULL, NULL);
    stats_value(stats, (uint64_t)session->started * 1000000, NULL, NULL, NULL);
    monitor_stats(session->monitor, stats);
    add_outputs(session, stats);
}

static void stop(void *context)
{
    struct session *session = context;

    monitor_stop(session->monitor);
}

static void serve_control(void *context)
{
    struct session *session = context;

    control_serve(session->control);
}

/* --- life ----------------------------------------------------------------------------------------------------------- */

static int open_control(struct session *session, char *error, size_t size)
{
    const struct control_handlers handlers = { session, session->options.role, reload, add_stats, stop };

    if (!session->options.runtime)
        return EXIT_OK;
    return control_open(&session->control, session->options.runtime, &handlers, error, size);
}

static int open_outputs(struct session *session, char *error, size_t size)
{
    const struct outputs_options options = {
        .record_counter = session->options.record_counter,
        .on_loss = on_loss,
        .context = session,
    };
    int failed;

    session->loss_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (session->loss_timer < 0) {
        snprintf(error, size, "no timer: %s", strerror(errno));
        return EXIT_INTERNAL;
    }
    failed = outputs_open(&session->outputs, session->options.outputs, session->options.output_count, &options, error, size);
    if (failed == -EINVAL)
        return EXIT_USAGE;
    return failed ? EXIT_OUTPUT : EXIT_OK;
}

static int open_monitor(struct session *session, char *error, size_t size)
{
    struct monitor_options options = {
        .configuration = describe(&session->config),
        .write = write_event,
        .context = session,
        .reload = on_hangup,
    };
    int code = monitor_open(&session->monitor, &options, error, size);

    if (code)
        return code;
    if (monitor_watch(session->monitor, session->loss_timer, tell_losses, session)
        || (session->control && monitor_watch(session->monitor, control_descriptor(session->control), serve_control, session))) {
        snprintf(error, size, "cannot watch the control socket: %s", strerror(errno));
        return EXIT_INTERNAL;
    }
    return EXIT_OK;
}

int session_open(struct session **out, const struct session_options *options, char *error, size_t size)
{
    struct session *session = calloc(1, sizeof *session);
    int code;

    if (!session) {
        snprintf(error, size, "out of memory");
        return EXIT_INTERNAL;
    }
    session->options = *options;
    session->loss_timer = -1;
    session->started = time(NULL);
    code = open_control(session, error, size); /* first: a second instance must not touch the first one's outputs */
    if (!code)
        code = options->load(options->context, &session->config, error, size);
    if (!code)
        code = open_outputs(session, error, size);
    if (!code)
        code = open_monitor(session, error, size);
    if (code)
        session_close(session);
    else
        *out = session;
    return code;
}

int session_run(struct session *session, unsigned seconds)
{
    return monitor_run(session->monitor, seconds) ? EXIT_INTERNAL : EXIT_OK;
}

void session_report(struct session *session, const char *id, const char *text)
{
    monitor_event_error(session->monitor, id, text);
}

void session_print_totals(struct session *session, FILE *out)
{
    monitor_end(session->monitor);
    monitor_print_totals(session->monitor, out);
}

/* No event can tell what the outputs could not get rid of at the end. */
static void close_outputs(struct session *session)
{
    char text[512];

    if (!session->outputs)
        return;
    outputs_stop(session->outputs, CLOSE_MS);
    if (outputs_take_loss(session->outputs, text, sizeof text))
        fprintf(stderr, "sysmon: lost at the end: %s\n", text);
    outputs_close(session->outputs, 0);
}

void session_close(struct session *session)
{
    if (!session)
        return;
    monitor_close(session->monitor);
    close_outputs(session);
    control_close(session->control);
    installed_config_free(&session->config);
    if (session->loss_timer >= 0)
        close(session->loss_timer);
    free(session);
}
