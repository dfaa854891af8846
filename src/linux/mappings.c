/* SPDX-License-Identifier: MIT */
#include "linux/mappings.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RING_PAGES 64u
#define RECORD_MAX 8192u

struct ring {
    int fd;
    struct perf_event_mmap_page *page;
};

struct mappings {
    int epoll;
    unsigned count;
    bool waiting;
    struct ring ring[];
};

/* What follows a record by sample_type below. */
struct trailer {
    uint32_t pid, tid;
    uint64_t time;
};

struct map_record {
    struct perf_event_header header;
    uint32_t pid, tid;
    uint64_t address, length, offset;
    uint32_t major, minor;
    uint64_t inode, generation;
    uint32_t protection, flags;
    char path[];
};

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static int open_ring(struct ring *ring, int processor)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attributes,
        .config = PERF_COUNT_SW_DUMMY,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
        .sample_id_all = 1,
        .mmap = 1,
        .mmap2 = 1,
        .watermark = 1,
        .wakeup_watermark = 1,
        .use_clockid = 1,
        .clockid = CLOCK_BOOTTIME,
    };
    void *page;

    ring->fd = (int)syscall(SYS_perf_event_open, &attributes, -1, processor, -1, PERF_FLAG_FD_CLOEXEC);
    if (ring->fd < 0)
        return -errno;
    page = mmap(NULL, (RING_PAGES + 1) * page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
    if (page == MAP_FAILED) {
        int error = -errno;

        close(ring->fd);
        return error;
    }
    ring->page = page;
    return 0;
}

int mappings_open(struct mappings **out)
{
    long processors = sysconf(_SC_NPROCESSORS_CONF);
    struct mappings *mappings = calloc(1, sizeof *mappings + (size_t)processors * sizeof *mappings->ring);
    struct epoll_event event = { .events = EPOLLIN };
    int result = 0;

    if (!mappings)
        return -ENOMEM;
    mappings->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < processors && !result; i++) {
        result = open_ring(&mappings->ring[mappings->count], i);
        if (!result)
            result = epoll_ctl(mappings->epoll, EPOLL_CTL_ADD, mappings->ring[mappings->count++].fd, &event) ? -errno : 0;
        else if (result == -ENODEV) /* the processor is offline */
            result = 0;
    }
    if (result) {
        mappings_close(mappings);
        return result;
    }
    *out = mappings;
    return 0;
}

void mappings_close(struct mappings *mappings)
{
    if (!mappings)
        return;
    for (unsigned i = 0; i < mappings->count; i++) {
        munmap(mappings->ring[i].page, (RING_PAGES + 1) * page_size());
        close(mappings->ring[i].fd);
    }
    if (mappings->epoll >= 0)
        close(mappings->epoll);
    free(mappings);
}

int mappings_descriptor(const struct mappings *mappings)
{
    return mappings->epoll;
}

bool mappings_waiting(const struct mappings *mappings)
{
    return mappings->waiting;
}

/* A record may wrap around the end of the ring. */
static void copy_out(const struct ring *ring, uint64_t at, void *out, size_t size)
{
    size_t capacity = RING_PAGES * page_size(), offset = at & (capacity - 1);
    const char *data = (const char *)ring->page + page_size();
    size_t first = size < capacity - offset ? size : capacity - offset;

    memcpy(out, data + offset, first);
    memcpy((char *)out + first, data, size - first);
}

struct reading {
    uint64_t until;
    void (*tell)(void *context, const struct mapping *mapping);
    void *context;
    uint64_t *lost;
    unsigned count;
};

/* False: it is too young, and stays. */
static bool take(struct reading *reading, const char *record, size_t size)
{
    const struct map_record *map = (const void *)record;
    struct mapping mapping;
    struct trailer trailer;

    if (map->header.type == PERF_RECORD_LOST && size >= 24) {
        uint64_t lost;

        memcpy(&lost, record + 16, sizeof lost);
        *reading->lost += lost;
    }
    if (map->header.type != PERF_RECORD_MMAP2 || size <= sizeof *map + sizeof trailer)
        return true;
    memcpy(&trailer, record + size - sizeof trailer, sizeof trailer);
    if (trailer.time >= reading->until)
        return false;
    mapping = (struct mapping){ trailer.time, map->pid, map->tid, map->inode, map->major, map->minor, map->path, 0 };
    mapping.path_size = strnlen(map->path, size - sizeof *map - sizeof trailer);
    reading->tell(reading->context, &mapping);
    reading->count++;
    return true;
}

static bool read_ring(struct reading *reading, const struct ring *ring)
{
    static _Alignas(8) char record[RECORD_MAX + 1];
    uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE), tail = ring->page->data_tail;

    while (tail + sizeof(struct perf_event_header) <= head) {
        struct perf_event_header header;

        copy_out(ring, tail, &header, sizeof header);
        if (header.size < sizeof header || header.size > head - tail)
            tail = head; /* damaged: nothing behind it can be trusted */
        else if (header.size <= RECORD_MAX) {
            copy_out(ring, tail, record, header.size);
            if (!take(reading, record, header.size))
                break;
            tail += header.size;
        } else {
            tail += header.size;
        }
    }
    __atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
    return tail < head;
}

unsigned mappings_read(struct mappings *mappings, uint64_t until, void (*tell)(void *context, const struct mapping *mapping),
                       void *context, uint64_t *lost)
{
    struct reading reading = { until, tell, context, lost, 0 };

    mappings->waiting = false;
    for (unsigned i = 0; i < mappings->count; i++)
        mappings->waiting |= read_ring(&reading, &mappings->ring[i]);
    return reading.count;
}
