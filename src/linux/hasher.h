/* SPDX-License-Identifier: MIT */
/*
 * Hashes of files, computed by threads so that no event waits for another one's file.
 *
 * A request either is answered at once from the cache, or is queued and answered later through hasher_collect() on the
 * owner's thread. Two lanes: a large file never stands before a small one. Requests for one file share one
 * computation. Only regular files are read; nothing here waits for a FIFO, a device, or (longer than the deadline) for
 * a file system served by somebody's process.
 *
 *   poll hasher_fd() for reading, at most hasher_timeout() ms  →  hasher_collect()
 */
#pragma once

#include "sysmon/hash.h"
#include "sysmon/pe.h"
#include "sysmon/wire_linux.h"

/* A file's content as the kernel names it. The cache's key. */
struct file_identity {
    uint64_t device, inode, size;
    int64_t mtime, ctime; /* ns since 1970 */
};

/* From a record of the sensor. */
struct file_identity file_identity_of(const struct wire_file *file);

struct hash_request {
    uint32_t mask;                 /* enum hash_algorithm */
    struct file_identity identity; /* of the file that is meant, from the kernel's record; all zero = not known */
    uint32_t pid;                  /* first choice: /proc/PID/exe; 0 = none */
    const char *path;              /* second choice: this file, if it is still the one meant; NULL = none */
    int fd;                        /* instead of both: an open file, which becomes the hasher's; -1 = none */
    void *context;                 /* handed back */
};

struct hash_answer {
    int error;                  /* 0 or negative errno: -ESTALE the file is no longer there, -EINVAL not a regular file,
                                   -ETIMEDOUT not within the deadline, -EFBIG */
    struct hash_values values;  /* valid when error is 0 */
    enum executable_kind kind;
    struct file_identity identity;
};

struct hasher_options { /* 0 = the default in parentheses */
    unsigned entries;      /* cached answers (8192) */
    unsigned queue;        /* requests waiting (8192) */
    uint64_t large_size;   /* files from this size on take the second lane (8 MiB) */
    uint64_t max_size;     /* larger files are not hashed: -EFBIG (no limit) */
    unsigned deadline_ms;  /* of one request (20000) */
    int64_t (*read)(int fd, uint64_t offset, void *data, size_t size); /* for tests (pread) */
};

struct hasher_counters {
    uint64_t requests, hits, shared, computed, failed, timed_out, refused; /* refused: queue full */
    uint64_t bytes;                                                        /* read */
    uint32_t waiting, cached, threads;
};

enum hasher_state { HASHER_ANSWERED = 0, HASHER_QUEUED = 1 };

struct hasher;

/* `options` may be NULL. Negative errno on failure. */
int hasher_create(struct hasher **out, const struct hasher_options *options);
/* Unanswered requests are answered (-ECANCELED) through `done`, which may be NULL; then everything is freed. */
void hasher_destroy(struct hasher *hasher, void (*done)(void *context, const struct hash_answer *answer));

/*
 * HASHER_ANSWERED: `*answer` is filled. HASHER_QUEUED: hasher_collect() will hand the answer over. -EAGAIN: the queue is
 * full (counted as refused), -ENOMEM: nothing will follow; request->fd is closed in every case.
 */
int hasher_submit(struct hasher *hasher, const struct hash_request *request, struct hash_answer *answer);

int hasher_fd(const struct hasher *hasher);
/* Milliseconds until a deadline may pass; -1: no request is under way. */
int hasher_timeout(struct hasher *hasher);
/* Calls `done` for every request that has its answer. Returns how many. `done` may call hasher_submit(). */
unsigned hasher_collect(struct hasher *hasher, void (*done)(void *context, const struct hash_answer *answer));

void hasher_counters(struct hasher *hasher, struct hasher_counters *out);

/*
 * Opens a regular file for reading without waiting and without side effects: what is not a regular file is never
 * opened (-EINVAL). `follow` false: a link as the last component is not followed (-ELOOP).
 */
int regular_file_open(int directory, const char *path, bool follow);
