/* SPDX-License-Identifier: MIT */
/*
 * The processes of the machine, as events need them (spec 01 section 6): found by pid and time, kept for a while after
 * their end so that late events still resolve, bounded in number and bytes.
 *
 * Single-threaded by contract: the owner serialises all calls. No I/O and no clock: the caller brings both times.
 *   event time  100-ns units since 1601 (FILETIME), as events carry it; may jump when somebody sets the clock
 *   now         any clock of 100-ns units that never goes back (CLOCK_BOOTTIME, interrupt time); drives the removal
 *
 * Every operation is O(1) on average. A `const struct process *` stays valid until the next call that may change the
 * table (add, expire, dns_new).
 */
#pragma once

#include "sysmon/event.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A lookup with a time up to this much after the process ended still finds it: 500 ms. */
#define PROCESS_END_GRACE (500u * 10000ull)
/* An ended process leaves the table this long after its end was told: 60 s. */
#define PROCESS_REMOVAL_DELAY (60ull * 10000000ull)
/* Per process: unique DNS results that are remembered, the oldest gives way. */
#define PROCESS_MAX_DNS 1000u
/* Image of a pid that nobody knows. */
#define PROCESS_UNKNOWN_IMAGE "<unknown process>"

enum process_text {
    PROCESS_IMAGE,
    PROCESS_COMMAND_LINE,
    PROCESS_CURRENT_DIRECTORY,
    PROCESS_USER,
    PROCESS_INTEGRITY_LEVEL,
    PROCESS_HASHES,
    PROCESS_CONTAINER, /* Linux: container id */
    PROCESS_TEXT_COUNT
};

struct process {
    uint32_t pid, parent_pid;
    uint64_t create_time;  /* event time */
    uint64_t end_time;     /* event time; 0 = still running */
    uint64_t object;       /* identity beyond the pid: EPROCESS address, kernel start time …; 0 = not known */
    struct sysmon_guid guid, parent_guid, logon_guid;
    uint64_t logon_id;
    uint32_t session_id;
    uint32_t user_id, login_user_id; /* Linux */
    uint32_t flags;                  /* the owner's own */
    uint64_t number[4];              /* the owner's own: namespaces, mapped file … */
    struct match_text text[PROCESS_TEXT_COUNT]; /* empty: not known */
};

struct process_table;

struct process_table_limits {
    uint32_t processes; /* 0 = PROCESS_TABLE_PROCESSES */
    size_t bytes;       /* of entries with their texts and DNS sets; 0 = PROCESS_TABLE_BYTES */
};

#define PROCESS_TABLE_PROCESSES 65536u
#define PROCESS_TABLE_BYTES (16u << 20)

struct process_table_counters {
    uint32_t processes, ended; /* in the table now; of these, ended */
    size_t bytes;
    uint64_t added, removed;   /* removed: by age, after their end */
    uint64_t evicted_ended, evicted_running; /* by a limit; a running one that went is a process later events will not know */
    uint64_t hits, misses;     /* of process_table_find() */
    uint64_t dns_forgotten;    /* results that gave way to newer ones */
};

/* `limits` NULL: the defaults. `key`: 16 random bytes that keep outsiders from steering hash values. -ENOMEM. */
int process_table_create(struct process_table **out, const struct process_table_limits *limits, const uint8_t key[16]);
void process_table_destroy(struct process_table *table);

/*
 * Stores a copy. An entry of the same pid and creation time is replaced (an exec: image and command line change, DNS
 * results stay). A running entry of the same pid that was created earlier is ended at this creation time: its end was
 * lost. When a limit is reached, ended processes go first, oldest first, then the least recently used running ones.
 * -ENOMEM; -EFBIG: alone larger than the limit. `*out` (may be NULL) is the stored entry.
 */
int process_table_add(struct process_table *table, const struct process *process, uint64_t now, const struct process **out);

/*
 * The process that had `pid` at `time` (0: the newest). `object` not 0: only an entry with this identity, or one whose
 * identity is not known. NULL when there is none.
 */
const struct process *process_table_find(struct process_table *table, uint32_t pid, uint64_t time, uint64_t object);

/* Marks the running process as ended; it is removed after PROCESS_REMOVAL_DELAY. -ENOENT when not known. */
int process_table_end(struct process_table *table, uint32_t pid, uint64_t object, uint64_t end_time, uint64_t now);

/* Removes what is due; returns how many. Call it now and then, add() does so too. */
unsigned process_table_expire(struct process_table *table, uint64_t now);
/* The time (of `now`) when the next removal is due; UINT64_MAX: none. */
uint64_t process_table_next_expiry(const struct process_table *table);

/*
 * True when this result is new to the process (it is then remembered) or when it cannot be remembered. `process` is an
 * entry of this table and stays valid; others may leave to make room.
 */
bool process_table_dns_new(struct process_table *table, const struct process *process, struct match_text name,
                           struct match_text results, uint32_t status);

/*
 * Image text for an event: the process's, else `System` for pid 4 of Windows, else PROCESS_UNKNOWN_IMAGE.
 * `process` NULL: not found.
 */
struct match_text process_image(const struct process *process, uint32_t pid, enum catalogue_system system);

/* Every entry once, in no order, until `visit` returns false. It must not change the table. */
void process_table_visit(const struct process_table *table, bool (*visit)(void *context, const struct process *process),
                         void *context);

void process_table_counters(const struct process_table *table, struct process_table_counters *out);

#ifdef __cplusplus
}
#endif
