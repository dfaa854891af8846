/* SPDX-License-Identifier: MIT */
/* Fans events out to the sinks: once rendered per form, queued to each. */
#include "sysmon/output.h"

#include "port/host.h"
#include "sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OUTPUTS 16
/* A rendering buffer that one huge event blew up is given back. */
#define KEPT_BUFFER (256u << 10)

struct outputs {
    struct sink *sink[MAX_OUTPUTS];
    unsigned count;
    bool stopped, left[MAX_OUTPUTS]; /* left: its thread hangs and still uses its sink */
    struct render_host host;
    char computer[256], user[200];
    uint64_t own_counter, *counter;
    uint32_t process_id;
    struct render_buffer buffer;
    struct port_mutex mutex; /* one event at a time */
    void (*on_loss)(void *context);
    void *context;
    atomic_bool loss_told;
};

static const struct {
    const char *kind;
    int (*create)(struct sink *sink, struct specification *specification);
} kinds[] = {
    { "syslog", syslog_create },
#ifdef OUTPUT_JOURNALD
    { "journald", journald_create },
#endif
#ifdef OUTPUT_KAFKA
    { "kafka", kafka_create },
#endif
};

static void tell_loss(void *context)
{
    struct outputs *outputs = context;

    if (outputs->on_loss && !atomic_exchange(&outputs->loss_told, true))
        outputs->on_loss(outputs->context);
}

static int take_text_form(struct sink *sink, struct specification *specification)
{
    bool oneline = false;
    int error;

    if (!strcmp(specification->kind, "json")) {
        sink->format = RENDER_JSON;
    } else if (!strcmp(specification->kind, "xml")) {
        sink->format = RENDER_XML;
    } else {
        error = specification_take_flag(specification, "oneline", &oneline);
        if (error)
            return error;
        sink->format = oneline ? RENDER_ONELINE : RENDER_TEXT;
    }
    return 0;
}

static int create_kind(struct sink *sink, struct specification *specification)
{
    const char *kind = specification->kind, *target = specification->target;
    int error;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strcmp(kind, kinds[i].kind))
            return kinds[i].create(sink, specification);
    if (strcmp(kind, "text") && strcmp(kind, "json") && strcmp(kind, "xml"))
        return specification_reject(specification, "unknown output '%s'; known: text, json, xml, syslog, journald, kafka "
                                    "(such as json:/var/log/sysmon.json)", kind);
    if (!target[0])
        return specification_reject(specification, "output '%s' needs a target: %s:- or %s:FILE", kind, kind, kind);
    error = take_text_form(sink, specification);
    if (error)
        return error;
    if (!strcmp(target, "-"))
        return stdout_create(sink, specification);
    return !strncmp(target, "unix:", 5) ? socket_create(sink, specification) : file_create(sink, specification);
}

static int create_sink(struct outputs *outputs, const char *text, char *error, size_t size)
{
    struct specification specification;
    struct sink *sink = calloc(1, sizeof(*sink));
    int result;

    if (!sink)
        return -ENOMEM;
    snprintf(sink->name, sizeof(sink->name), "%s", text);
    snprintf(sink->host, sizeof(sink->host), "%s", outputs->computer);
    mutex_init(&sink->mutex);
    condition_init(&sink->wake);
    condition_init(&sink->idle);
    sink->on_loss = tell_loss;
    sink->loss_context = outputs;
    result = waker_open(&sink->waker);
    if (!result)
        result = specification_parse(&specification, text, error, size);
    if (!result) {
        result = sink_take_limits(sink, &specification);
        if (!result)
            result = create_kind(sink, &specification);
        if (!result)
            result = specification_finish(&specification);
        specification_free(&specification);
    }
    if (result) {
        sink_destroy(sink);
        return result;
    }
    outputs->sink[outputs->count++] = sink;
    return 0;
}

static void set_options(struct outputs *outputs, const struct outputs_options *options)
{
    host_name(outputs->computer, sizeof(outputs->computer));
    host_user(outputs->user, sizeof(outputs->user));
    outputs->own_counter = 1;
    outputs->counter = &outputs->own_counter;
    if (options && options->host.computer)
        snprintf(outputs->computer, sizeof(outputs->computer), "%s", options->host.computer);
    if (options && options->host.user)
        snprintf(outputs->user, sizeof(outputs->user), "%s", options->host.user);
    if (options && options->record_counter)
        outputs->counter = options->record_counter;
    if (options) {
        outputs->on_loss = options->on_loss;
        outputs->context = options->context;
    }
    outputs->host.computer = outputs->computer;
    outputs->host.user = outputs->user;
    outputs->process_id = host_process_id();
}

int outputs_open(struct outputs **out, const char *const *specifications, unsigned count,
                 const struct outputs_options *options, char *error, size_t size)
{
    struct outputs *outputs = calloc(1, sizeof(*outputs));
    int result = 0;

    if (size)
        error[0] = '\0';
    if (!outputs)
        return -ENOMEM;
    mutex_init(&outputs->mutex);
    set_options(outputs, options);
    if (count > MAX_OUTPUTS) {
        snprintf(error, size, "more than %d outputs", MAX_OUTPUTS);
        result = -E2BIG;
    }
    for (unsigned i = 0; i < count && !result; i++)
        result = create_sink(outputs, specifications[i], error, size);
    for (unsigned i = 0; i < outputs->count && !result; i++)
        result = sink_start(outputs->sink[i]);
    if (result) {
        if (size && !error[0])
            snprintf(error, size, "outputs: %s", strerror(-result));
        outputs_close(outputs, 0);
        return result;
    }
    *out = outputs;
    return 0;
}

/* Does an earlier sink want the same form? Then its record serves. */
static int same_form(const struct outputs *outputs, unsigned index)
{
    for (unsigned i = 0; i < index; i++)
        if (outputs->sink[i]->render == outputs->sink[index]->render && outputs->sink[i]->format == outputs->sink[index]->format)
            return (int)i;
    return -1;
}

static struct record *render(struct outputs *outputs, const struct sink *sink, const struct event *event)
{
    outputs->buffer.size = 0;
    outputs->buffer.failed = false;
    if (sink->render)
        sink->render(&outputs->buffer, event, &outputs->host);
    else if (render_event(&outputs->buffer, sink->format, event, &outputs->host) < 0)
        return NULL;
    return outputs->buffer.failed ? NULL : record_new(event, outputs->buffer.data, outputs->buffer.size);
}

void outputs_write(struct outputs *outputs, struct event *event)
{
    struct record *record[MAX_OUTPUTS];

    mutex_lock(&outputs->mutex);
    event->record_id = (*outputs->counter)++;
    event->write_time = clock_filetime();
    event->writer_pid = outputs->process_id;
    event->writer_tid = host_thread_id();
    for (unsigned i = 0; i < outputs->count; i++) {
        int same = same_form(outputs, i);
        record[i] = same >= 0 ? record[same] : render(outputs, outputs->sink[i], event);
        sink_push(outputs->sink[i], record[i], event->type->id);
    }
    for (unsigned i = 0; i < outputs->count; i++)
        if (record[i] && same_form(outputs, i) < 0)
            record_release(record[i]);
    if (outputs->buffer.capacity > KEPT_BUFFER)
        render_buffer_free(&outputs->buffer);
    mutex_unlock(&outputs->mutex);
}

bool outputs_flush(struct outputs *outputs, unsigned milliseconds)
{
    uint64_t deadline = clock_milliseconds() + milliseconds;
    bool empty = true;

    for (unsigned i = 0; i < outputs->count; i++)
        empty &= sink_flush(outputs->sink[i], deadline);
    return empty;
}

void outputs_reopen(struct outputs *outputs)
{
    for (unsigned i = 0; i < outputs->count; i++)
        sink_reopen(outputs->sink[i]);
}

unsigned outputs_count(const struct outputs *outputs)
{
    return outputs->count;
}

void outputs_counters(struct outputs *outputs, unsigned index, struct output_counters *counters)
{
    sink_counters(outputs->sink[index], counters);
}

bool outputs_gone(struct outputs *outputs)
{
    for (unsigned i = 0; i < outputs->count; i++)
        if (!sink_gone(outputs->sink[i]))
            return false;
    return outputs->count > 0;
}

static const char *const drop_names[OUTPUT_DROP_COUNT] = {
    [OUTPUT_DROP_SLOW] = "destination too slow",
    [OUTPUT_DROP_DOWN] = "destination down",
    [OUTPUT_DROP_REFUSED] = "refused",
    [OUTPUT_DROP_MEMORY] = "out of memory",
    [OUTPUT_DROP_CLOSED] = "closed",
};

/* Moves what is not reported yet out of a sink and describes it. */
static uint64_t take_sink_loss(struct sink *sink, char *text, size_t size, size_t *used)
{
    uint64_t unreported[OUTPUT_DROP_COUNT], sum = 0;
    int error;

    mutex_lock(&sink->mutex);
    memcpy(unreported, sink->unreported, sizeof(unreported));
    memset(sink->unreported, 0, sizeof(sink->unreported));
    error = sink->last_error;
    mutex_unlock(&sink->mutex);
    for (unsigned i = 0; i < OUTPUT_DROP_COUNT; i++) {
        bool named = i == OUTPUT_DROP_DOWN || i == OUTPUT_DROP_REFUSED;
        if (!unreported[i])
            continue;
        sum += unreported[i];
        if (*used < size)
            *used += (size_t)snprintf(text + *used, size - *used, "%s%s: %llu events dropped, %s%s%s", *used ? "; " : "", sink->name,
                                      (unsigned long long)unreported[i], drop_names[i], named && error ? ": " : "",
                                      named && error ? strerror(error) : "");
    }
    return sum;
}

uint64_t outputs_take_loss(struct outputs *outputs, char *text, size_t size)
{
    uint64_t sum = 0;
    size_t used = 0;

    atomic_store(&outputs->loss_told, false);
    if (size)
        text[0] = '\0';
    for (unsigned i = 0; i < outputs->count; i++)
        sum += take_sink_loss(outputs->sink[i], text, size, &used);
    return sum;
}

void outputs_stop(struct outputs *outputs, unsigned milliseconds)
{
    if (outputs->stopped)
        return;
    outputs->stopped = true;
    for (unsigned i = 0; i < outputs->count; i++)
        sink_stop(outputs->sink[i], clock_milliseconds() + milliseconds);
    for (unsigned i = 0; i < outputs->count; i++)
        outputs->left[i] = !sink_finish(outputs->sink[i]);
}

void outputs_close(struct outputs *outputs, unsigned milliseconds)
{
    bool all = true;

    if (!outputs)
        return;
    outputs_stop(outputs, milliseconds);
    for (unsigned i = 0; i < outputs->count; i++) {
        if (!outputs->left[i])
            sink_destroy(outputs->sink[i]);
        all &= !outputs->left[i];
    }
    render_buffer_free(&outputs->buffer);
    mutex_destroy(&outputs->mutex);
    if (all) /* a thread left alone may still report a loss */
        free(outputs);
}
