/* SPDX-License-Identifier: MIT */
/* Loading of the BPF programs and reading of their ring. */
#include "linux/sensor.h"

#include "cli/exit_codes.h"
#include "sensor.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_SIZE 4096

struct sensor {
    struct sensor_bpf *programs;
    struct ring_buffer *ring;
    sensor_record_function *record;
    void *context;
};

/* The last lines libbpf printed: shown only when loading fails. */
static char log_text[LOG_SIZE];
static size_t log_used;

static int keep_log(enum libbpf_print_level level, const char *format, va_list arguments)
{
    char line[512];
    int size = vsnprintf(line, sizeof line, format, arguments);

    if (level == LIBBPF_DEBUG || size <= 0)
        return 0;
    if ((size_t)size >= sizeof line)
        size = sizeof line - 1;
    if (log_used + (size_t)size >= sizeof log_text)
        log_used = 0;
    memcpy(log_text + log_used, line, (size_t)size + 1);
    log_used += (size_t)size;
    return 0;
}

static int on_record(void *context, void *data, size_t size)
{
    struct sensor *sensor = context;

    if (size >= sizeof(struct wire_header))
        sensor->record(sensor->context, data, size);
    return 0;
}

static int refusal(int error, char *text, size_t size)
{
    if (access("/sys/kernel/btf/vmlinux", R_OK)) {
        snprintf(text, size, "this kernel has no type information (/sys/kernel/btf/vmlinux): it must be built with"
                             " CONFIG_DEBUG_INFO_BTF=y");
        return EXIT_NO_BTF;
    }
    if (error == -EPERM || error == -EACCES) {
        snprintf(text, size, "the kernel refuses to load BPF programs (%s): run as root with CAP_BPF, CAP_PERFMON and"
                             " CAP_SYS_ADMIN, outside a restricted container\n%s", strerror(-error), log_text);
        return EXIT_NO_CAPABILITY;
    }
    snprintf(text, size, "the kernel half could not be loaded: %s\n%s", strerror(-error), log_text);
    return EXIT_SENSOR;
}

int sensor_open(struct sensor **out, sensor_record_function *record, void *context, char *error, size_t error_size)
{
    struct sensor *sensor = calloc(1, sizeof *sensor);
    int result;

    if (!sensor)
        return EXIT_INTERNAL;
    libbpf_set_print(keep_log);
    sensor->record = record;
    sensor->context = context;
    sensor->programs = sensor_bpf__open();
    if (!sensor->programs) {
        result = -errno;
        goto fail;
    }
    sensor->programs->rodata->own_pid = (uint32_t)getpid();
    result = sensor_bpf__load(sensor->programs);
    if (result)
        goto fail;
    sensor->ring = ring_buffer__new(bpf_map__fd(sensor->programs->maps.events), on_record, sensor, NULL);
    if (!sensor->ring) {
        result = -errno;
        goto fail;
    }
    result = sensor_bpf__attach(sensor->programs);
    if (result)
        goto fail;
    *out = sensor;
    return 0;
fail:
    result = refusal(result, error, error_size);
    sensor_close(sensor);
    return result;
}

void sensor_close(struct sensor *sensor)
{
    if (!sensor)
        return;
    ring_buffer__free(sensor->ring);
    sensor_bpf__destroy(sensor->programs);
    free(sensor);
}

void sensor_detach(struct sensor *sensor)
{
    sensor_bpf__detach(sensor->programs);
}

/* Hands the records of an iterator over; they may straddle reads. */
static int read_records(int fd, sensor_record_function *record, void *context)
{
    static _Alignas(8) char buffer[2 * WIRE_RECORD_MAX];
    size_t have = 0;
    ssize_t count;

    while ((count = read(fd, buffer + have, sizeof buffer - have)) > 0) {
        size_t at = 0;

        have += (size_t)count;
        while (have - at >= sizeof(struct wire_header)) {
            const struct wire_header *header = (const void *)(buffer + at);
            size_t size = header->size, padded = (size + 7) & ~(size_t)7;

            if (size < sizeof *header || padded > WIRE_RECORD_MAX)
                return -EBADMSG;
            if (padded > have - at)
                break;
            record(context, header, size);
            at += padded;
        }
        have -= at;
        memmove(buffer, buffer + at, have);
    }
    return count < 0 ? -errno : 0;
}

int sensor_running(struct sensor *sensor, sensor_record_function *record, void *context)
{
    int fd = bpf_iter_create(bpf_link__fd(sensor->programs->links.process_running)), result;

    if (fd < 0)
        return -errno;
    result = read_records(fd, record, context);
    close(fd);
    return result;
}

int sensor_descriptor(const struct sensor *sensor)
{
    return ring_buffer__epoll_fd(sensor->ring);
}

int sensor_drain(struct sensor *sensor)
{
    return ring_buffer__consume(sensor->ring);
}

bool sensor_sleep(struct sensor *sensor)
{
    sensor->programs->bss->reader_sleeps = 1;
    atomic_thread_fence(memory_order_seq_cst);
    return sensor_drain(sensor) == 0;
}

int sensor_counters(const struct sensor *sensor, struct wire_counters *out)
{
    int processors = libbpf_num_possible_cpus(), map = bpf_map__fd(sensor->programs->maps.counters), result = 0;
    struct wire_counters *values;

    if (processors < 0)
        return processors;
    values = calloc((size_t)processors, sizeof *values);
    if (!values)
        return -ENOMEM;
    memset(out, 0, WIRE_TYPE_COUNT * sizeof *out);
    for (uint32_t type = 0; type < WIRE_TYPE_COUNT && !result; type++) {
        result = bpf_map_lookup_elem(map, &type, values);
        for (int i = 0; i < processors && !result; i++) {
            out[type].seen += values[i].seen;
            out[type].lost_ring += values[i].lost_ring;
            out[type].lost_scratch += values[i].lost_scratch;
        }
    }
    free(values);
    return result;
}
