/* SPDX-License-Identifier: MIT */
/* Loading of the BPF programs and reading of their ring. */
#include "linux/sensor.h"

#include "cli/exit_codes.h"
#include "linux/attachments.h"
#include "linux/calls.h"
#include "linux/hooks.h"
#include "sensor.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LOG_SIZE 4096
#define CLAIM_BATCH 1024

/* The first two pages of a ring's map: how far reader and programs are. */
struct ring_positions {
    unsigned long *consumer, *producer;
};

struct sensor {
    struct sensor_bpf *programs;
    struct ring_buffer *ring;
    struct ring_positions positions;
    struct hooks hooks;
    struct bpf_link *link[SENSOR_MAX_ATTACHMENTS]; /* by index of attachments[] */
    sensor_record_function *record;
    void *context;
    uint64_t given_up; /* connections delivered from here */
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

/* The ring buffer came with Linux 5.8. */
static bool kernel_is_too_old(struct utsname *name)
{
    unsigned major, minor;

    return !uname(name) && sscanf(name->release, "%u.%u", &major, &minor) == 2 && (major < 5 || (major == 5 && minor < 8));
}

static int refusal(int error, char *text, size_t size)
{
    struct utsname name;

    if (kernel_is_too_old(&name)) {
        snprintf(text, size, "this kernel (%s) is too old: the monitor needs Linux 5.8 or newer", name.release);
        return EXIT_KERNEL_TOO_OLD;
    }
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

static struct bpf_link *attach(struct sensor *sensor, const struct attachment *attachment)
{
    struct bpf_program *program = attachment->program(sensor->programs);

    switch (attachment->kind) {
    case ATTACH_TRACEPOINT: return hooks_tracepoint(&sensor->hooks, program, attachment->target);
    case ATTACH_CGROUP: return hooks_cgroup(&sensor->hooks, program);
    case ATTACH_ITERATOR: return bpf_program__attach_iter(program, NULL);
    default: return bpf_program__attach(program);
    }
}

int sensor_observe(struct sensor *sensor, uint32_t features)
{
    sensor->programs->bss->wanted = features;
    for (unsigned i = 0; i < attachment_count; i++) {
        const struct attachment *attachment = &attachments[i];

        if (!(attachment->features & features) && attachment->features != ALWAYS) {
            bpf_link__destroy(sensor->link[i]);
            sensor->link[i] = NULL;
        } else if (!sensor->link[i]) {
            sensor->link[i] = attach(sensor, attachment);
            if (!sensor->link[i] && attachment->flags & ATTACH_REQUIRED)
                return errno ? -errno : -EINVAL;
        }
    }
    return 0;
}

/* A program for a hook that this kernel does not have would make loading fail. */
static void choose_programs(struct sensor *sensor)
{
    for (unsigned i = 0; i < attachment_count; i++)
        if (attachments[i].kind == ATTACH_RAW && !(attachments[i].flags & ATTACH_REQUIRED) &&
            !hooks_have_raw(&sensor->hooks, attachments[i].target))
            bpf_program__set_autoload(attachments[i].program(sensor->programs), false);
    hooks_forget_types(&sensor->hooks);
}

static unsigned long *map_page(int map, long index)
{
    long size = sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, map, index * size);

    return page == MAP_FAILED ? NULL : page;
}

static void unmap_page(unsigned long *page)
{
    if (page)
        munmap(page, (size_t)sysconf(_SC_PAGESIZE));
}

static int load(struct sensor *sensor)
{
    int result;

    sensor->programs = sensor_bpf__open();
    if (!sensor->programs)
        return -errno;
    sensor->programs->rodata->own_pid = (uint32_t)getpid();
    describe_calls(sensor->programs->rodata->shapes, sizeof sensor->programs->rodata->shapes / sizeof(struct call_shape));
    sensor->programs->rodata->have_cast = hooks_have_function(&sensor->hooks, "bpf_rdonly_cast");
    choose_programs(sensor);
    result = sensor_bpf__load(sensor->programs);
    if (result)
        return result;
    sensor->positions.consumer = map_page(bpf_map__fd(sensor->programs->maps.events), 0);
    sensor->positions.producer = map_page(bpf_map__fd(sensor->programs->maps.events), 1);
    sensor->ring = ring_buffer__new(bpf_map__fd(sensor->programs->maps.events), on_record, sensor, NULL);
    return sensor->ring ? 0 : -errno;
}

int sensor_open(struct sensor **out, uint32_t features, sensor_record_function *record, void *context, char *error,
                size_t error_size)
{
    struct sensor *sensor = calloc(1, sizeof *sensor);
    int result;

    if (!sensor)
        return EXIT_INTERNAL;
    libbpf_set_print(keep_log);
    hooks_open(&sensor->hooks);
    sensor->record = record;
    sensor->context = context;
    result = load(sensor);
    if (!result)
        result = sensor_observe(sensor, features);
    if (result) {
        result = refusal(result, error, error_size);
        sensor_close(sensor);
        return result;
    }
    *out = sensor;
    return 0;
}

/* Processes come first in the list and go last: whatever else is still seen has a known actor. */
void sensor_detach(struct sensor *sensor)
{
    for (unsigned i = attachment_count; i-- > 0;) {
        bpf_link__destroy(sensor->link[i]);
        sensor->link[i] = NULL;
    }
}

void sensor_close(struct sensor *sensor)
{
    if (!sensor)
        return;
    if (sensor->programs)
        sensor_detach(sensor);
    ring_buffer__free(sensor->ring);
    unmap_page(sensor->positions.consumer);
    unmap_page(sensor->positions.producer);
    sensor_bpf__destroy(sensor->programs);
    hooks_close(&sensor->hooks);
    free(sensor);
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

static void ignore(void *context, const void *record, size_t size)
{
}

/* Runs the iterator `program` once. */
static int iterate(struct sensor *sensor, const struct bpf_program *program, sensor_record_function *record, void *context)
{
    int fd, result;

    for (unsigned i = 0; i < attachment_count; i++)
        if (sensor->link[i] && attachments[i].program(sensor->programs) == program) {
            fd = bpf_iter_create(bpf_link__fd(sensor->link[i]));
            if (fd < 0)
                return -errno;
            result = read_records(fd, record, context);
            close(fd);
            return result;
        }
    return -ENOENT;
}

int sensor_running(struct sensor *sensor, sensor_record_function *record, void *context)
{
    int result = iterate(sensor, sensor->programs->progs.process_running, record, context);

    iterate(sensor, sensor->programs->progs.socket_listeners, ignore, NULL);
    return result;
}

/* Whoever takes the entry away reports it. */
static void deliver_unclaimed(struct sensor *sensor, uint64_t key, struct wire_connection *connection)
{
    if (bpf_map_delete_elem(bpf_map__fd(sensor->programs->maps.unclaimed), &key))
        return;
    __atomic_fetch_sub(&sensor->programs->bss->unclaimed_count, 1, __ATOMIC_RELAXED);
    sensor->given_up++;
    connection->header.type = WIRE_CONNECTION;
    connection->header.size = sizeof *connection;
    sensor->record(sensor->context, connection, sizeof *connection);
}

unsigned sensor_unclaimed(const struct sensor *sensor)
{
    return sensor->programs->bss->unclaimed_count;
}

void sensor_claim(struct sensor *sensor, uint64_t give_up)
{
    int map = bpf_map__fd(sensor->programs->maps.unclaimed);
    struct wire_connection connection;
    uint64_t keys[CLAIM_BATCH];
    unsigned count = 0;

    iterate(sensor, sensor->programs->progs.socket_owners, ignore, NULL);
    while (count < CLAIM_BATCH && !bpf_map_get_next_key(map, count ? &keys[count - 1] : NULL, &keys[count]))
        count++;
    for (unsigned i = 0; i < count; i++)
        if (!bpf_map_lookup_elem(map, &keys[i], &connection) && connection.header.time < give_up)
            deliver_unclaimed(sensor, keys[i], &connection);
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

uint64_t sensor_losses(const struct sensor *sensor)
{
    return sensor->programs->bss->losses;
}

uint64_t sensor_backlog(const struct sensor *sensor)
{
    const struct ring_positions *at = &sensor->positions;

    if (!at->consumer || !at->producer)
        return 0;
    return __atomic_load_n(at->producer, __ATOMIC_ACQUIRE) - __atomic_load_n(at->consumer, __ATOMIC_ACQUIRE);
}

static int sum_counters(const struct sensor *sensor, struct wire_counters *out)
{
    int processors = libbpf_num_possible_cpus(), map = bpf_map__fd(sensor->programs->maps.counters), result = 0;
    struct wire_counters *values;

    if (processors < 0)
        return processors;
    values = calloc((size_t)processors, sizeof *values);
    if (!values)
        return -ENOMEM;
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

/* A program that several rows attach is counted once. */
static void sum_missed(const struct sensor *sensor, uint64_t *missed)
{
    const struct bpf_program *previous = NULL;

    for (unsigned i = 0; i < attachment_count; i++) {
        const struct bpf_program *program = attachments[i].program(sensor->programs);
        struct bpf_prog_info info = { 0 };
        uint32_t size = sizeof info;

        if (program != previous && attachments[i].type && sensor->link[i] &&
            !bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
            missed[attachments[i].type] += info.recursion_misses;
        previous = program;
    }
}

int sensor_counters(const struct sensor *sensor, struct wire_counters *out, uint64_t *missed)
{
    int result;

    memset(out, 0, WIRE_TYPE_COUNT * sizeof *out);
    memset(missed, 0, WIRE_TYPE_COUNT * sizeof *missed);
    result = sum_counters(sensor, out);
    if (result)
        return result;
    sum_missed(sensor, missed);
    out[WIRE_CONNECTION].seen += sensor->given_up;
    return 0;
}
