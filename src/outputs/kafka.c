/* SPDX-License-Identifier: MIT */
/*
 * Kafka through librdkafka, which is loaded only when this output is used, so that nobody else carries it. Records are
 * handed over without copying; the library keeps, retries and orders them, and reports each one's fate to its own
 * background thread. Its queue is as large as ours: our limits hold for both together.
 *
 * Options that are not ours are properties of librdkafka (`security.protocol=ssl`).
 */
#include "sink.h"

#include <dlfcn.h>
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "librdkafka.so.1"
#define PURGE_MILLISECONDS 1000

/* The functions used, looked up by name once. */
#define FUNCTIONS(X)                                                                                                 \
    X(rd_kafka_conf_new) X(rd_kafka_conf_destroy) X(rd_kafka_conf_set) X(rd_kafka_conf_set_opaque)                   \
    X(rd_kafka_conf_set_events) X(rd_kafka_conf_set_background_event_cb) X(rd_kafka_new) X(rd_kafka_destroy)         \
    X(rd_kafka_producev) X(rd_kafka_flush) X(rd_kafka_purge) X(rd_kafka_event_type) X(rd_kafka_event_message_next)   \
    X(rd_kafka_event_error) X(rd_kafka_event_destroy) X(rd_kafka_queue_get_main) X(rd_kafka_queue_get_background)    \
    X(rd_kafka_queue_forward) X(rd_kafka_queue_destroy)

struct library {
#define MEMBER(name) __typeof__(&(name)) name;
    FUNCTIONS(MEMBER)
#undef MEMBER
};

struct kafka_state {
    struct library library;
    rd_kafka_t *producer;
    char *topic, *key;
};

static int load(struct library *library)
{
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (!handle)
        return -ENOENT;
#define LOOK_UP(name)                                                    \
    library->name = (__typeof__(library->name))dlsym(handle, #name);     \
    if (!library->name)                                                  \
        return -ENOSYS;
    FUNCTIONS(LOOK_UP)
#undef LOOK_UP
    return 0;
}

/* errno for what a person should read about a failure. */
static int error_of(rd_kafka_resp_err_t error)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT: return -EHOSTDOWN;
    case RD_KAFKA_RESP_ERR__RESOLVE: return -EHOSTUNREACH;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT: return -ETIMEDOUT;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE: return -EMSGSIZE;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return -EAGAIN;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: return -ENOENT;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED: return -EACCES;
    default: return -EIO;
    }
}

static void report_fate(struct sink *sink, const rd_kafka_message_t *message)
{
    struct record *record = message->_private;

    if (!message->err)
        sink_delivered(sink, 1, record->size);
    else if (message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        sink_dropped(sink, OUTPUT_DROP_CLOSED, record->event_id, record->size, 0);
    else
        sink_dropped(sink, message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ? OUTPUT_DROP_DOWN : OUTPUT_DROP_REFUSED, record->event_id,
                     record->size, error_of(message->err));
    record_release(record);
}

/* On librdkafka's background thread. */
static void on_event(rd_kafka_t *producer, rd_kafka_event_t *event, void *opaque)
{
    struct sink *sink = opaque;
    const struct kafka_state *state = sink->state;
    const rd_kafka_message_t *message;

    if (state->library.rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
        while ((message = state->library.rd_kafka_event_message_next(event)))
            report_fate(sink, message);
    else if (state->library.rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
        sink_report(sink, error_of(state->library.rd_kafka_event_error(event)));
    state->library.rd_kafka_event_destroy(event);
}

static int kafka_open(struct sink *sink)
{
    return 0;
}

static int kafka_write(struct sink *sink, struct record *const *records, unsigned count, unsigned *done)
{
    struct kafka_state *state = sink->state;

    while (*done < count) {
        struct record *record = records[*done];
        rd_kafka_resp_err_t error;
        record_hold(record);
        error = state->library.rd_kafka_producev(state->producer, RD_KAFKA_V_TOPIC(state->topic), RD_KAFKA_V_KEY(state->key, strlen(state->key)),
                                                 RD_KAFKA_V_VALUE(record->data, record->size - 1), RD_KAFKA_V_MSGFLAGS(0),
                                                 RD_KAFKA_V_OPAQUE(record), RD_KAFKA_V_END);
        if (error) {
            record_release(record);
            return error_of(error);
        }
        ++*done;
    }
    return 0;
}

static void kafka_flush(struct sink *sink, unsigned milliseconds)
{
    struct kafka_state *state = sink->state;

    state->library.rd_kafka_flush(state->producer, (int)milliseconds);
}

/* What is still there comes back as purged and is counted. */
static void kafka_close(struct sink *sink)
{
    struct kafka_state *state = sink->state;

    state->library.rd_kafka_purge(state->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    state->library.rd_kafka_flush(state->producer, PURGE_MILLISECONDS);
}

static void kafka_destroy(struct sink *sink)
{
    struct kafka_state *state = sink->state;

    if (state->producer)
        state->library.rd_kafka_destroy(state->producer);
    free(state->topic);
    free(state->key);
    free(state);
}

static const struct sink_kind kafka_kind = {
    .name = "out-kafka",
    .open = kafka_open,
    .write = kafka_write,
    .close = kafka_close,
    .destroy = kafka_destroy,
    .flush = kafka_flush,
    .keep_open = true,
    .hands_over = true,
    .longest_pause = 1000,
};

static int set(const struct kafka_state *state, rd_kafka_conf_t *conf, struct specification *specification, const char *name,
               const char *value)
{
    char message[256];

    if (state->library.rd_kafka_conf_set(conf, name, value ? value : "true", message, sizeof(message)) == RD_KAFKA_CONF_OK)
        return 0;
    return specification_reject(specification, "output 'kafka:%s': %s", specification->target, message);
}

static int set_number(const struct kafka_state *state, rd_kafka_conf_t *conf, struct specification *specification, const char *name,
                      uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    return set(state, conf, specification, name, text);
}

/* Ours first, so that a given property wins. */
static int configure(const struct sink *sink, rd_kafka_conf_t *conf, struct specification *specification, const char *brokers)
{
    const struct kafka_state *state = sink->state;
    int error = set(state, conf, specification, "bootstrap.servers", brokers);

    if (!error)
        error = set(state, conf, specification, "client.id", "sysmon");
    if (!error)
        error = set(state, conf, specification, "log_level", "0"); /* failures come as events */
    if (!error)
        error = set_number(state, conf, specification, "queue.buffering.max.messages", sink->max_records + SINK_BATCH + 1);
    if (!error)
        error = set_number(state, conf, specification, "queue.buffering.max.kbytes", sink->max_bytes / 512 + 65536);
    while (!error && specification->option_count) {
        unsigned last = --specification->option_count;
        error = set(state, conf, specification, specification->option[last].name, specification->option[last].value);
    }
    return error;
}

/* Reports go to the library's background thread: nobody here has to wake up and poll for them. */
static void forward_events(const struct kafka_state *state)
{
    rd_kafka_queue_t *main_queue = state->library.rd_kafka_queue_get_main(state->producer);
    rd_kafka_queue_t *background = state->library.rd_kafka_queue_get_background(state->producer);

    state->library.rd_kafka_queue_forward(main_queue, background);
    state->library.rd_kafka_queue_destroy(main_queue);
    state->library.rd_kafka_queue_destroy(background);
}

static int start(struct sink *sink, struct specification *specification, const char *brokers)
{
    struct kafka_state *state = sink->state;
    rd_kafka_conf_t *conf = state->library.rd_kafka_conf_new();
    char message[256];
    int error = configure(sink, conf, specification, brokers);

    if (error) {
        state->library.rd_kafka_conf_destroy(conf);
        return error;
    }
    state->library.rd_kafka_conf_set_opaque(conf, sink);
    state->library.rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    state->library.rd_kafka_conf_set_background_event_cb(conf, on_event);
    state->producer = state->library.rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof(message));
    if (state->producer) {
        forward_events(state);
        return 0;
    }
    state->library.rd_kafka_conf_destroy(conf);
    return specification_reject(specification, "output 'kafka:%s': %s", specification->target, message);
}

static int take_format(struct sink *sink, struct specification *specification)
{
    const char *format = "json";
    int error = specification_take_text(specification, "format", &format);

    if (error)
        return error;
    if (strcmp(format, "json") && strcmp(format, "xml"))
        return specification_reject(specification, "output option 'format=%s': json or xml", format);
    sink->format = format[0] == 'j' ? RENDER_JSON : RENDER_XML;
    return 0;
}

int kafka_create(struct sink *sink, struct specification *specification)
{
    const char *slash = strchr(specification->target, '/'), *key = sink->host;
    struct kafka_state *state = calloc(1, sizeof(*state));
    char *brokers;
    int error;

    if (!state)
        return -ENOMEM;
    sink->state = state;
    sink->kind = &kafka_kind;
    if (!slash || slash == specification->target || !slash[1])
        return specification_reject(specification, "output 'kafka:%s' needs BROKER[,BROKER…]/TOPIC", specification->target);
    error = take_format(sink, specification);
    if (!error)
        error = specification_take_text(specification, "key", &key);
    if (!error && load(&state->library))
        error = specification_reject(specification, "output 'kafka': cannot load %s (install librdkafka1): %s", LIBRARY, dlerror());
    if (error)
        return error;
    state->topic = strdup(slash + 1);
    state->key = strdup(key);
    brokers = strndup(specification->target, (size_t)(slash - specification->target));
    error = state->topic && state->key && brokers ? start(sink, specification, brokers) : -ENOMEM;
    free(brokers);
    sink->opened = !error;
    return error;
}
