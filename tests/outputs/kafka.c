/* SPDX-License-Identifier: MIT */
/* The Kafka output against librdkafka's mock cluster, read back by a consumer. */
#include "sysmon/output.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define PATIENCE 60000 /* milliseconds: far more than anything takes */
#define TOPIC "events"
#define EVENTS 500

struct cluster {
    rd_kafka_t *handle;
    rd_kafka_mock_cluster_t *mock;
    char specification[512];
};

static void cluster_start(struct cluster *cluster, const char *options)
{
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
    cluster->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
    assert_non_null(cluster->handle);
    cluster->mock = rd_kafka_mock_cluster_new(cluster->handle, 1);
    assert_non_null(cluster->mock);
    rd_kafka_mock_topic_create(cluster->mock, TOPIC, 1, 1);
    snprintf(cluster->specification, sizeof(cluster->specification), "kafka:%s/" TOPIC "%s",
             rd_kafka_mock_cluster_bootstraps(cluster->mock), options);
}

static void cluster_stop(struct cluster *cluster)
{
    rd_kafka_mock_cluster_destroy(cluster->mock);
    rd_kafka_destroy(cluster->handle);
}

static struct outputs *open_output(const char *specification)
{
    const struct outputs_options options = { .host = { "test-host", "0" } };
    struct outputs *outputs = NULL;
    char error[512];

    if (outputs_open(&outputs, &specification, 1, &options, error, sizeof(error)))
        fail_msg("%s", error);
    return outputs;
}

static void write_events(struct outputs *outputs, unsigned count)
{
    struct event event;

    for (unsigned i = 0; i < count; i++) {
        event_init(&event, catalogue_find(EVENT_FILE_CREATE), CATALOGUE_LINUX);
        event_set_string(&event, FILE_CREATE_TargetFilename, "/tmp/x");
        outputs_write(outputs, &event);
    }
}

static struct output_counters counters_of(struct outputs *outputs)
{
    struct output_counters counters;
    uint64_t sum = 0;

    outputs_counters(outputs, 0, &counters);
    for (unsigned i = 0; i < OUTPUT_DROP_COUNT; i++)
        sum += counters.dropped[i];
    assert_int_equal(counters.written, counters.delivered + counters.queued + sum);
    return counters;
}

/* Reads from the beginning of the topic and checks that the messages are our records in order. */
static void consume(struct cluster *cluster, unsigned count)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_t *consumer;
    char error[256];
    unsigned got = 0;

    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster->mock), NULL, 0);
    rd_kafka_conf_set(conf, "group.id", "test", NULL, 0);
    rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
    consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
    assert_non_null(consumer);
    rd_kafka_topic_partition_list_add(list, TOPIC, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(consumer, list), 0);
    while (got < count) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, PATIENCE);
        char expected[128];
        assert_non_null(message);
        if (!message->err) {
            snprintf(expected, sizeof(expected), "{\"EventID\":11,\"Provider\":\"Linux-Sysmon\",\"Computer\":\"test-host\",\"EventRecordID\":%u,", ++got);
            assert_memory_equal(message->payload, expected, strlen(expected));
            assert_int_equal(((char *)message->payload)[message->len - 1], '}');
            assert_int_equal(message->key_len, strlen("test-host"));
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
}

static void delivers(void **state)
{
    struct cluster cluster;
    struct outputs *outputs;

    cluster_start(&cluster, "");
    outputs = open_output(cluster.specification);
    write_events(outputs, EVENTS);
    assert_true(outputs_flush(outputs, PATIENCE));
    assert_int_equal(counters_of(outputs).delivered, EVENTS);
    consume(&cluster, EVENTS);
    outputs_close(outputs, PATIENCE);
    cluster_stop(&cluster);
}

/* A broker that is down and comes back gets everything, in order; nothing was dropped. */
static void survives_an_outage(void **state)
{
    struct cluster cluster;
    struct outputs *outputs;

    cluster_start(&cluster, ",reconnect.backoff.max.ms=100,enable.idempotence=true");
    outputs = open_output(cluster.specification);
    write_events(outputs, 1);
    assert_true(outputs_flush(outputs, PATIENCE));
    rd_kafka_mock_broker_set_down(cluster.mock, 1);
    write_events(outputs, 10);
    while (!counters_of(outputs).failing)
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    rd_kafka_mock_broker_set_up(cluster.mock, 1);
    assert_true(outputs_flush(outputs, PATIENCE));
    assert_int_equal(counters_of(outputs).delivered, 11);
    consume(&cluster, 11);
    outputs_close(outputs, PATIENCE);
    cluster_stop(&cluster);
}

/* Nobody there: our limits hold for both queues together, losses are counted, the end does not hang. */
static void dead_cluster(void **state)
{
    struct outputs *outputs = open_output("kafka:127.0.0.1:1,127.0.0.1:2/" TOPIC ",queue=100");
    struct output_counters counters;

    write_events(outputs, 1);
    while (!counters_of(outputs).failing)
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    write_events(outputs, 200);
    counters = counters_of(outputs);
    assert_int_equal(counters.queued, 100);
    assert_int_equal(counters.dropped[OUTPUT_DROP_DOWN], 101);
    outputs_close(outputs, 100);
}

static void refused(const char *specification, const char *expected)
{
    struct outputs *outputs;
    char error[512];

    assert_true(outputs_open(&outputs, &specification, 1, NULL, error, sizeof(error)) < 0);
    if (!strstr(error, expected))
        fail_msg("'%s' says '%s'", specification, error);
}

static void bad_specifications(void **state)
{
    refused("kafka:broker", "needs BROKER");
    refused("kafka:broker/", "needs BROKER");
    refused("kafka:broker/t,format=csv", "json or xml");
    refused("kafka:broker/t,no.such.property=1", "no.such.property");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivers), cmocka_unit_test(survives_an_outage), cmocka_unit_test(dead_cluster),
        cmocka_unit_test(bad_specifications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
