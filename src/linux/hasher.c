/* SPDX-License-Identifier: MIT */
/*
 * The hashing threads. One lock guards everything but the computation itself.
 *
 *   submit ─► job (waits in a lane) ─► thread: open, fstat ─► large? into the second lane ─► compute ─► waiters' answers
 *
 * A job has one waiter per request. A job that has its entry in the cache is found there by later requests of the same
 * file. When a deadline passes its waiters are answered without it; a thread that is stuck inside a read (a file
 * system that somebody's process serves) is left alone and replaced, up to a number.
 */
#include "hasher.h"

#include "hash_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 8u
#define MAX_HELD_FILES 256u /* open files of jobs waiting in the second lane */

enum { LANE_SMALL, LANE_LARGE, LANES };

struct waiter { /* one request */
    struct waiter *next;
    void *context;
    uint32_t mask, pid;
    bool tried; /* its pid and path have been */
    struct hash_answer answer;
    char path[];
};

struct job {
    TAILQ_ENTRY(job) all;  /* in order of deadlines */
    TAILQ_ENTRY(job) lane; /* while it waits */
    struct waiter *waiters, **waiters_end;
    struct hash_entry *entry; /* NULL: the file is not known yet, or another job has the entry */
    struct file_identity identity;
    bool known, running, held;
    atomic_bool abandoned; /* its waiters are answered; whoever runs it frees it */
    bool replaced;         /* and then ends: another thread has taken its place */
    unsigned at;           /* lane */
    uint32_t mask;
    int fd;
    uint64_t deadline; /* ms */
};

TAILQ_HEAD(jobs, job);

struct hasher {
    pthread_mutex_t lock;
    pthread_cond_t more[LANES], stopped;
    struct jobs all, lane[LANES];
    unsigned waiting, held;
    struct hash_cache *cache;
    struct waiter *answered, **answered_end;
    struct hasher_options options;
    struct hasher_counters counters;
    int event;
    bool stopping;
};

struct reading {
    struct hasher *hasher;
    struct job *job;
    uint64_t bytes;
};

static uint64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- jobs (lock held) ----------------------------------------------------------------------------------------------- */

static void free_job(struct hasher *hasher, struct job *job)
{
    if (job->held)
        hasher->held--;
    if (job->fd >= 0)
        close(job->fd);
    free(job);
}

static void answer_waiters(struct hasher *hasher, struct job *job, const struct hash_answer *answer)
{
    bool was_empty = !hasher->answered;

    for (struct waiter *waiter = job->waiters, *next; waiter; waiter = next) {
        next = waiter->next;
        waiter->answer = *answer;
        waiter->answer.values.mask &= waiter->mask;
        waiter->next = NULL;
        *hasher->answered_end = waiter;
        hasher->answered_end = &waiter->next;
    }
    job->waiters = NULL;
    TAILQ_REMOVE(&hasher->all, job, all);
    hasher->waiting--;
    if (was_empty && hasher->answered)
        (void)!write(hasher->event, &(uint64_t){ 1 }, 8);
}

/* Ends the job with an answer; `keep` false: the answer is not true of the identity for good, so it is not cached. */
static void finish(struct hasher *hasher, struct job *job, const struct hash_answer *answer, bool keep)
{
    hasher->counters.failed += answer->error != 0;
    hasher->counters.computed += answer->error == 0;
    answer_waiters(hasher, job, answer);
    if (job->entry && keep) {
        struct file_identity key = job->entry->answer.identity;

        job->entry->answer = *answer;
        job->entry->answer.identity = key;
        job->entry->job = NULL;
    } else if (job->entry) {
        hash_cache_remove(hasher->cache, job->entry);
    }
    free_job(hasher, job);
}

static void fail(struct hasher *hasher, struct job *job, int error)
{
    struct hash_answer answer = { .error = error, .identity = job->identity };

    finish(hasher, job, &answer, false);
}

static void enqueue(struct hasher *hasher, struct job *job, unsigned lane)
{
    job->at = lane;
    job->running = false;
    TAILQ_INSERT_TAIL(&hasher->lane[lane], job, lane);
    pthread_cond_signal(&hasher->more[lane]);
}

static bool answers(const struct hash_entry *entry, uint32_t mask)
{
    return !entry->job && (entry->answer.error || !(mask & ~entry->answer.values.mask));
}

/* Joins a computation that is under way; a wider choice of algorithms can still be added before it starts. */
static bool join(struct hash_entry *entry, uint32_t mask)
{
    if (!entry->job || (entry->job->running && (mask & ~entry->job->mask)))
        return false;
    entry->job->mask |= mask;
    return true;
}

/* --- threads -------------------------------------------------------------------------------------------------------- */

static int64_t read_checked(void *context, uint64_t offset, void *data, size_t size)
{
    struct reading *reading = context;
    int64_t got;

    if (atomic_load(&reading->job->abandoned))
        return -ETIMEDOUT;
    got = reading->hasher->options.read(reading->job->fd, offset, data, size);
    reading->bytes += got > 0 ? (uint64_t)got : 0;
    return got;
}

static int64_t read_file(int fd, uint64_t offset, void *data, size_t size)
{
    ssize_t got;

    do
        got = pread(fd, data, size, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

struct file_identity file_identity_of(const struct wire_file *file)
{
    return (struct file_identity){
        .device = makedev(file->device >> 20, file->device & 0xfffff), /* as stat() shows it */
        .inode = file->inode,
        .size = file->size,
        .mtime = file->mtime_seconds * 1000000000ll + file->mtime_nanoseconds,
        .ctime = file->ctime_seconds * 1000000000ll + file->ctime_nanoseconds,
    };
}

static struct file_identity identity_of(const struct stat *st)
{
    return (struct file_identity){
        .device = st->st_dev,
        .inode = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime = st->st_mtim.tv_sec * 1000000000ll + st->st_mtim.tv_nsec,
        .ctime = st->st_ctim.tv_sec * 1000000000ll + st->st_ctim.tv_nsec,
    };
}

/*
 * Is this the file that was meant? Inode numbers count only on real devices: overlays and btrfs subvolumes show others
 * to user mode. The running program (`exact` false) may have been unlinked since, which changes its ctime; a file
 * found by name may not differ, since everything but ctime can be made to look alike.
 */
static bool is_meant(const struct file_identity *meant, const struct file_identity *found, bool exact)
{
    if (meant->size != found->size || meant->mtime != found->mtime)
        return false;
    if (major(found->device) && meant->inode != found->inode)
        return false;
    return !exact || meant->ctime == found->ctime;
}

static int open_given(int fd, struct file_identity *identity)
{
    struct stat st;

    if (fstat(fd, &st))
        return -errno;
    *identity = identity_of(&st);
    return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

static int try_open(struct job *job, const char *path, bool exact, struct file_identity *identity)
{
    int fd = regular_file_open(AT_FDCWD, path, true), error;

    if (fd < 0)
        return fd == -ENOENT || fd == -ESRCH || fd == -ENOTDIR ? -ESTALE : fd;
    error = open_given(fd, identity);
    if (!error && job->known && !is_meant(&job->identity, identity, exact))
        error = -ESTALE;
    if (error)
        close(fd);
    else
        job->fd = fd;
    return error;
}

/* The next request whose way to the file has not been tried; its pid and path are copied out. */
static bool next_way(struct job *job, uint32_t *pid, char path[PATH_MAX])
{
    for (struct waiter *waiter = job->waiters; waiter; waiter = waiter->next) {
        if (waiter->tried)
            continue;
        waiter->tried = true;
        *pid = waiter->pid;
        memcpy(path, waiter->path, strlen(waiter->path) + 1);
        return true;
    }
    return false;
}

/*
 * Opens the job's file by the ways its requests know: one process may be gone while another still runs the file. Lock
 * held on entry and return.
 */
static int open_job(struct hasher *hasher, struct job *job, struct file_identity *identity)
{
    char link[32], path[PATH_MAX];
    uint32_t pid;
    int error = -ESTALE;

    if (job->fd >= 0)
        return open_given(job->fd, identity);
    while (error && !atomic_load(&job->abandoned) && next_way(job, &pid, path)) {
        pthread_mutex_unlock(&hasher->lock);
        snprintf(link, sizeof link, "/proc/%u/exe", pid);
        if (pid)
            error = try_open(job, link, false, identity);
        if (error && path[0])
            error = try_open(job, path, true, identity);
        pthread_mutex_lock(&hasher->lock);
    }
    return error;
}

/* After the file is known: true when the job is settled without a computation of its own. */
static bool settle(struct hasher *hasher, struct job *job, const struct file_identity *identity)
{
    struct hash_entry *entry;

    if (job->entry)
        return false;
    entry = hash_cache_find(hasher->cache, identity);
    if (entry && answers(entry, job->mask)) {
        struct hash_answer answer = entry->answer;

        hasher->counters.hits++;
        answer_waiters(hasher, job, &answer);
        free_job(hasher, job);
        return true;
    }
    if (entry && join(entry, job->mask)) {
        *entry->job->waiters_end = job->waiters;
        entry->job->waiters_end = job->waiters_end;
        job->waiters = NULL;
        hasher->counters.shared++;
        TAILQ_REMOVE(&hasher->all, job, all);
        hasher->waiting--;
        free_job(hasher, job);
        return true;
    }
    if (!entry) {
        job->entry = hash_cache_add(hasher->cache, identity, job);
    } else if (!entry->job) { /* an answer with fewer algorithms: widen it */
        job->mask |= entry->answer.values.mask;
        entry->job = job;
        job->entry = entry;
    }
    return false;
}

/* Lock not held. `*stable` false: the file changed meanwhile. */
static void compute(struct hasher *hasher, struct job *job, const struct file_identity *identity, struct hash_answer *answer,
                    bool *stable, uint64_t *bytes)
{
    struct reading reading = { hasher, job, 0 };
    struct byte_source source = { read_checked, &reading };
    struct file_identity after;
    struct stat st;

    *answer = (struct hash_answer){ .identity = *identity };
    *stable = true;
    if (hasher->options.max_size && identity->size > hasher->options.max_size) {
        answer->error = -EFBIG;
        return;
    }
    posix_fadvise(job->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    answer->kind = executable_detect(&source);
    answer->error = hash_compute(&answer->values, job->mask, &source);
    *bytes = reading.bytes;
    if (!answer->error && !fstat(job->fd, &st)) {
        after = identity_of(&st);
        *stable = after.size == identity->size && after.mtime == identity->mtime;
    } else {
        *stable = answer->error == -EFBIG;
    }
}

/* Into the second lane, with its file open. */
static void move_large(struct hasher *hasher, struct job *job)
{
    if (hasher->held >= MAX_HELD_FILES) {
        fail(hasher, job, -EMFILE);
        return;
    }
    hasher->held++;
    job->held = true;
    enqueue(hasher, job, LANE_LARGE);
}

/* Lock held on entry and return. False: the thread has been replaced and ends. */
static bool process(struct hasher *hasher, struct job *job)
{
    struct file_identity identity = { 0 };
    struct hash_answer answer;
    uint64_t bytes = 0;
    bool stable = false, replaced = false;
    int error = open_job(hasher, job, &identity);

    if (!atomic_load(&job->abandoned)) {
        if (error) {
            fail(hasher, job, error);
            return true;
        }
        if (settle(hasher, job, &identity))
            return true;
        if (job->at == LANE_SMALL && identity.size >= hasher->options.large_size) {
            move_large(hasher, job);
            return true;
        }
        pthread_mutex_unlock(&hasher->lock);
        compute(hasher, job, &identity, &answer, &stable, &bytes);
        pthread_mutex_lock(&hasher->lock);
        hasher->counters.bytes += bytes;
    }
    if (atomic_load(&job->abandoned)) {
        replaced = job->replaced;
        free_job(hasher, job);
    } else {
        finish(hasher, job, &answer, stable);
    }
    return !replaced;
}

struct start {
    struct hasher *hasher;
    unsigned lane;
};

static void *work(void *argument)
{
    struct start start = *(struct start *)argument;
    struct hasher *hasher = start.hasher;
    unsigned lane = start.lane;
    bool stays = true;

    free(argument);
    pthread_mutex_lock(&hasher->lock);
    while (!hasher->stopping && stays) {
        struct job *job = TAILQ_FIRST(&hasher->lane[lane]);

        if (!job) {
            pthread_cond_wait(&hasher->more[lane], &hasher->lock);
            continue;
        }
        TAILQ_REMOVE(&hasher->lane[lane], job, lane);
        job->running = true;
        stays = process(hasher, job);
    }
    hasher->counters.threads--;
    pthread_cond_broadcast(&hasher->stopped);
    pthread_mutex_unlock(&hasher->lock);
    return NULL;
}

/* Signals stay with the owner's thread. */
static int start_thread(struct hasher *hasher, unsigned lane)
{
    struct start *start = malloc(sizeof *start);
    sigset_t every, before;
    pthread_attr_t attributes;
    pthread_t thread;
    int error;

    if (!start)
        return -ENOMEM;
    *start = (struct start){ hasher, lane };
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    error = pthread_create(&thread, &attributes, work, start);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        free(start);
    else
        hasher->counters.threads++;
    return -error;
}

/* --- interface ------------------------------------------------------------------------------------------------------ */

static void default_options(struct hasher_options *options)
{
    if (!options->entries)
        options->entries = 8192;
    if (!options->queue)
        options->queue = 8192;
    if (!options->large_size)
        options->large_size = 8u << 20;
    if (!options->deadline_ms)
        options->deadline_ms = 20000;
    if (!options->read)
        options->read = read_file;
}

static void monotonic_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

int hasher_create(struct hasher **out, const struct hasher_options *options)
{
    struct hasher *hasher = calloc(1, sizeof *hasher);
    int error;

    if (!hasher)
        return -ENOMEM;
    if (options)
        hasher->options = *options;
    default_options(&hasher->options);
    pthread_mutex_init(&hasher->lock, NULL);
    monotonic_condition(&hasher->stopped);
    TAILQ_INIT(&hasher->all);
    for (unsigned lane = 0; lane < LANES; lane++) {
        pthread_cond_init(&hasher->more[lane], NULL);
        TAILQ_INIT(&hasher->lane[lane]);
    }
    hasher->answered_end = &hasher->answered;
    hasher->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    error = hasher->event < 0 ? -errno : hash_cache_create(&hasher->cache, hasher->options.entries);
    for (unsigned lane = 0; lane < LANES && !error; lane++) {
        pthread_mutex_lock(&hasher->lock);
        error = start_thread(hasher, lane);
        pthread_mutex_unlock(&hasher->lock);
    }
    if (error)
        hasher_destroy(hasher, NULL);
    else
        *out = hasher;
    return error;
}

static struct waiter *create_waiter(const struct hash_request *request)
{
    size_t size = request->path ? strlen(request->path) : 0;
    struct waiter *waiter;

    if (size >= PATH_MAX)
        size = 0; /* cannot be opened by name anyway */
    waiter = calloc(1, sizeof *waiter + size + 1);
    if (!waiter)
        return NULL;
    waiter->context = request->context;
    waiter->mask = request->mask;
    waiter->pid = request->pid;
    if (size)
        memcpy(waiter->path, request->path, size);
    return waiter;
}

/* A new computation; the request's waiter is its first. Takes the request's file. */
static int queue_job(struct hasher *hasher, const struct hash_request *request, struct waiter *waiter, bool enter)
{
    static const struct file_identity unknown;
    struct job *job;

    if (hasher->waiting >= hasher->options.queue) {
        hasher->counters.refused++;
        return -EAGAIN;
    }
    job = calloc(1, sizeof *job);
    if (!job)
        return -ENOMEM;
    job->identity = request->identity;
    job->known = memcmp(&request->identity, &unknown, sizeof unknown) != 0;
    job->mask = request->mask;
    job->fd = request->fd;
    job->deadline = now_ms() + hasher->options.deadline_ms;
    if (job->known && enter)
        job->entry = hash_cache_add(hasher->cache, &request->identity, job);
    job->waiters = waiter;
    job->waiters_end = &waiter->next;
    TAILQ_INSERT_TAIL(&hasher->all, job, all);
    hasher->waiting++;
    /* Always through the first lane: opening early keeps a file that is about to vanish. */
    enqueue(hasher, job, LANE_SMALL);
    return HASHER_QUEUED;
}

static int submit(struct hasher *hasher, const struct hash_request *request, struct hash_answer *answer, struct waiter *waiter,
                  bool *taken)
{
    struct hash_entry *entry = hash_cache_find(hasher->cache, &request->identity);
    int result;

    hasher->counters.requests++;
    if (entry && answers(entry, request->mask)) {
        *answer = entry->answer;
        answer->values.mask &= request->mask;
        hasher->counters.hits++;
        return HASHER_ANSWERED;
    }
    if (entry && join(entry, request->mask)) {
        *entry->job->waiters_end = waiter;
        entry->job->waiters_end = &waiter->next;
        hasher->counters.shared++;
        return HASHER_QUEUED;
    }
    result = queue_job(hasher, request, waiter, !entry);
    *taken = result == HASHER_QUEUED;
    return result;
}

int hasher_submit(struct hasher *hasher, const struct hash_request *request, struct hash_answer *answer)
{
    struct waiter *waiter = create_waiter(request);
    bool taken = false;
    int result = -ENOMEM;

    if (waiter) {
        pthread_mutex_lock(&hasher->lock);
        result = submit(hasher, request, answer, waiter, &taken);
        pthread_mutex_unlock(&hasher->lock);
    }
    if (!taken && request->fd >= 0)
        close(request->fd);
    if (result != HASHER_QUEUED)
        free(waiter);
    return result;
}

int hasher_fd(const struct hasher *hasher)
{
    return hasher->event;
}

int hasher_timeout(struct hasher *hasher)
{
    uint64_t now = now_ms(), due = 0;
    struct job *job;

    pthread_mutex_lock(&hasher->lock);
    job = TAILQ_FIRST(&hasher->all);
    if (job)
        due = job->deadline;
    pthread_mutex_unlock(&hasher->lock);
    if (!job)
        return -1;
    return due > now ? (int)(due - now) : 0;
}

/* Lock held. The file is not asked for again as long as the cache remembers the failure. */
static void abandon(struct hasher *hasher, struct job *job, int error)
{
    struct hash_answer answer = { .error = error, .identity = job->identity };

    hasher->counters.timed_out += error == -ETIMEDOUT;
    if (!job->running) {
        TAILQ_REMOVE(&hasher->lane[job->at], job, lane);
        fail(hasher, job, error);
        return;
    }
    hasher->counters.failed++;
    answer_waiters(hasher, job, &answer);
    if (job->entry) {
        answer.identity = job->entry->answer.identity;
        job->entry->answer = answer;
        job->entry->job = NULL;
        job->entry = NULL;
    }
    atomic_store(&job->abandoned, true);
    if (hasher->counters.threads < MAX_THREADS && !hasher->stopping)
        job->replaced = !start_thread(hasher, job->at);
}

unsigned hasher_collect(struct hasher *hasher, void (*done)(void *context, const struct hash_answer *answer))
{
    struct waiter *list, *next;
    uint64_t now = now_ms();
    unsigned count = 0;
    struct job *job;

    pthread_mutex_lock(&hasher->lock);
    while ((job = TAILQ_FIRST(&hasher->all)) && job->deadline <= now)
        abandon(hasher, job, -ETIMEDOUT);
    list = hasher->answered;
    hasher->answered = NULL;
    hasher->answered_end = &hasher->answered;
    (void)!read(hasher->event, &(uint64_t){ 0 }, 8);
    pthread_mutex_unlock(&hasher->lock);
    for (; list; list = next, count++) {
        next = list->next;
        if (done)
            done(list->context, &list->answer);
        free(list);
    }
    return count;
}

void hasher_counters(struct hasher *hasher, struct hasher_counters *out)
{
    pthread_mutex_lock(&hasher->lock);
    *out = hasher->counters;
    out->waiting = hasher->waiting;
    out->cached = hash_cache_count(hasher->cache);
    pthread_mutex_unlock(&hasher->lock);
}

static bool wait_for_threads(struct hasher *hasher)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += 2;
    while (hasher->counters.threads)
        if (pthread_cond_timedwait(&hasher->stopped, &hasher->lock, &until))
            break;
    return !hasher->counters.threads;
}

void hasher_destroy(struct hasher *hasher, void (*done)(void *context, const struct hash_answer *answer))
{
    struct job *job;
    bool gone;

    if (!hasher)
        return;
    pthread_mutex_lock(&hasher->lock);
    hasher->stopping = true;
    while ((job = TAILQ_FIRST(&hasher->all)))
        abandon(hasher, job, -ECANCELED);
    for (unsigned lane = 0; lane < LANES; lane++)
        pthread_cond_broadcast(&hasher->more[lane]);
    gone = wait_for_threads(hasher);
    pthread_mutex_unlock(&hasher->lock);
    hasher_collect(hasher, done);
    if (!gone)
        return; /* a thread is stuck in somebody's file system and still refers to all this: the process ends anyway */
    hash_cache_destroy(hasher->cache);
    if (hasher->event >= 0)
        close(hasher->event);
    pthread_mutex_destroy(&hasher->lock);
    free(hasher);
}
