/* SPDX-License-Identifier: MIT */
/*
 * From driver records to events (spec 02 section 4, 01 sections 3.7 and 6): resolves processes, paths, users, hashes and version
 * resources. Portable: what only the system knows is asked through `struct facts`, so that the whole way from hostile bytes to a
 * finished event runs in tests and under a fuzzer.
 */
#pragma once

#include "pool.h"
#include "decode.h"
#include "nt_path.h"

#include "sysmon/hash.h"
#include "sysmon/pe.h"
#include "sysmon/process_table.h"

/* What is known about a file's signature; empty texts read `-`. */
struct signature {
    char is_signed[64]; /* `true`, `false`, `failed: …` */
    char signer[256];
    char status[32];
};

/* Every function may be NULL. Texts go to the pool. All get `context`. */
struct facts {
    void (*lock)(void *context); /* around every use of the process table */
    void (*unlock)(void *context);
    uint64_t (*now)(void *context); /* never goes back, 100 ns */
    struct match_text (*user)(void *context, struct pool *pool, const uint8_t *sid, uint32_t size);
    struct match_text (*path)(void *context, struct pool *pool, struct match_text nt_path);
    /* Text of Hashes for a file, by DOS path; size 0: not readable. */
    struct match_text (*hashes)(void *context, struct pool *pool, struct match_text path);
    /* 0, or negative: nothing known. */
    int (*version)(void *context, struct match_text path, struct pe_version *out);
    uint64_t (*logon_time)(void *context, uint64_t luid);
    /* A WIRE_PROCESS_CREATE_CACHE record for a pid into `buffer`: its size, or negative. */
    int (*query)(void *context, uint32_t pid, void *buffer, size_t size);
    /*
     * A deleted or blocked file's copy in the archive (WIRE_FILE_DELETE): hashes it, gives it its final name and returns the text
     * of Hashes. `file` is the DOS path of what was deleted, `copy` the present name inside the archive directory.
     */
    struct match_text (*archive)(void *context, struct pool *pool, struct match_text file, struct match_text copy);
    /* Hashes taken while the deletion waited for its verdict; size 0: none. */
    struct match_text (*deleted_hashes)(void *context, struct pool *pool, uint32_t pid, struct match_text file);
    /* Text for addresses in a module of a process: `name` of the function that starts exactly there. */
    struct match_text (*function)(void *context, struct pool *pool, uint32_t pid, uint64_t address, struct match_text module);
};

struct translator {
    struct process_table *processes;
    const struct facts *facts;
    void *context;
    uint32_t machine_id;
    unsigned control_set; /* number of the current one, 0: not known */
    uint32_t hash_mask;   /* enum hash_algorithm, for hashes that come from the driver */
};

/* A process as an event shows it; texts live in the pool. Unknown: zero GUID, image `<unknown process>`. */
struct process_view {
    bool known;
    struct sysmon_guid guid;
    struct match_text image, command_line, user;
};

/* Looks in the table, then asks the driver. `time` 0: the newest; `object` 0: any. */
void translate_process(struct translator *translator, struct pool *pool, uint32_t pid, uint64_t time, uint64_t object,
                       struct process_view *out);

/*
 * Keeps the process table right: call once for every record, in order, before translate_record(). Records of other types are
 * ignored.
 */
void translate_table(struct translator *translator, struct pool *pool, const struct record *record);

/* File whose signature the record's event shows, as DOS path; size 0: none, or no path in the record. */
struct match_text translate_signed_file(struct translator *translator, struct pool *pool, const struct record *record);

/*
 * Fills `out`; its texts live in `pool`. `signature` is for events 6 and 7, NULL: `failed`. Returns 0, or -ENOENT when the record is
 * no event (cache, configuration, loss), -EINVAL when its type is not known here.
 */
int translate_record(struct translator *translator, struct pool *pool, const struct record *record,
                     const struct signature *signature, struct event *out);

/* Texts of single values, also for tests. */
struct match_text translate_integrity(struct pool *pool, const uint8_t *sid, uint32_t size, bool app_container);
struct match_text translate_call_trace(struct translator *translator, struct pool *pool, const struct record *record);
struct match_text translate_contents(struct pool *pool, const uint8_t *data, size_t size);
/* `0x` and as many upper-case digits as a pointer has. */
struct match_text translate_pointer(struct pool *pool, uint64_t address);
/* The usual event of a record type, for counting what was lost; 0: none. */
uint32_t translate_event_of_type(uint32_t type);
