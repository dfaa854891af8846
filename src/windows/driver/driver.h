/* SPDX-License-Identifier: MIT */
/*
 * SysmonDrv.sys: the parts and how they meet. One file per concern; each part has X_start(), which undoes its own work when
 * it fails, and X_stop(), which may be called only after a successful start and leaves nothing behind. Order: entry.c.
 *
 *   callbacks (process, thread, image, registry, object, files, pipes)
 *       → record_create()  fixed body and variable data in one block
 *       → record_submit()  the rules decide, then queue.c numbers and stores it
 *       → control.c        READ_EVENT requests take records out
 *
 * IRQL_AT_MOST() is the first statement of a routine: its contract, checked in builds with -DDRIVER_CHECKS.
 */
#pragma once

#include "compat.h"
#include "sysmon/catalogue.h"
#include "sysmon/wire.h"

#ifdef DRIVER_CHECKS
#define IRQL_AT_MOST(level)                                                                                                  \
    do {                                                                                                                     \
        if (nt_current_irql() > (level))                                                                                     \
            KeBugCheckEx(0xC9 /* DRIVER_VERIFIER_IOMANAGER_VIOLATION */, __LINE__, nt_current_irql(), level, 0);             \
    } while (0)
#else
#define IRQL_AT_MOST(level) ((void)0)
#endif

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- entry.c ---- */

enum device_kind { DEVICE_CONTROL = 1, DEVICE_FILE_SYSTEM, DEVICE_PIPE };

/* First member of every device extension: says whose device object it is. */
struct device {
    enum device_kind kind;
    PDEVICE_OBJECT lower; /* NULL for the control device */
};

struct driver {
    PDRIVER_OBJECT object;
    UNICODE_STRING registry_path; /* own copy: \Registry\Machine\…\Services\NAME */
    UNICODE_STRING name;          /* its last component, borrowed */
    PDEVICE_OBJECT control;
};

extern struct driver driver;

/* Stops every part; a second call does nothing. IRQL: PASSIVE_LEVEL. */
void driver_stop(void);

/* ---- settings.c: the Parameters key ---- */

struct ruleset;

#define SETTINGS_EVENTS 64 /* event ids below this have a bit in `wanted` */

/* One reading of the key; immutable, shared by reference. */
struct settings {
    LONG references;
    ULONG options;         /* WIRE_OPTION_… */
    ULONG hash_algorithms; /* as stored; the driver itself hashes nothing */
    ULONG queue_records;
    ULONG verdict_timeout;  /* milliseconds */
    ULONG archive_quota;    /* MiB per volume */
    ULONG protect;          /* SETTINGS_PROTECT_… */
    ULONG sensors;          /* SETTINGS_SENSOR_… that may be used */
    bool check_revocation, dns_lookup;
    UNICODE_STRING archive_directory; /* `\Sysmon\`, owned */
    WCHAR *access_names;              /* REG_MULTI_SZ, owned, NULL: none */
    ULONG access_masks[WIRE_PROCESS_ACCESS_ENTRIES];
    ULONG access_count;
    ULONGLONG wanted; /* events that a rule could log, bit by id */
    struct ruleset *rules;
};

#define SETTINGS_PROTECT_KEY 1u
#define SETTINGS_PROTECT_FILE 2u

#define SETTINGS_SENSOR_MINIFILTER 1u
#define SETTINGS_SENSOR_LEGACY_FILTER 2u
#define SETTINGS_SENSOR_PIPE_FILTER 4u
#define SETTINGS_SENSOR_ALL 7u

NTSTATUS settings_start(void);
void settings_stop(void);
/* Reads the key again; values in effect stay when memory is short. IRQL: PASSIVE_LEVEL. */
NTSTATUS settings_reload(void);
/* What could not be done at boot, when volumes were missing, is done now. IRQL: PASSIVE_LEVEL. */
void settings_client_came(void);
/* Never NULL while the driver runs. IRQL: DISPATCH_LEVEL at most; release: APC_LEVEL. */
struct settings *settings_acquire(void);
void settings_release(struct settings *settings);
/* Could any rule log the event? A glance without reference; may be a moment out of date. */
bool settings_wants(unsigned event_id);
bool settings_allows(ULONG sensor); /* SETTINGS_SENSOR_… */

/* ---- record.c ---- */

/* A stretch of bytes that becomes an extension; size 0: absent. */
struct span {
    const void *data;
    ULONG size;
};

struct record {
    LIST_ENTRY link;
    ULONG used;     /* bytes from `header` on */
    bool is_loss;   /* the queue's own, never freed */
    struct wire_header header; /* aligned by its 64-bit member */
};

#define SPAN_TEXT(unicode) ((struct span){ (unicode)->Buffer, (unicode)->Length })

/*
 * A record of `type` with as many extensions as its type has; `extensions` holds that many. The body is zero except for the
 * extension sizes. NULL when there is no memory or the record would be too big: the loss is counted already.
 * IRQL: DISPATCH_LEVEL at most.
 */
struct record *record_create(enum wire_type type, const struct span *extensions);
void *record_body(struct record *record);
/* Bytes of the record on the wire. */
ULONG record_wire_size(const struct record *record);
/* Writes it with its padding; `to` has record_wire_size() bytes. */
void record_write(const struct record *record, void *to);
const void *record_extension(const struct record *record, unsigned index, ULONG *size);
ULONG record_fixed_size(enum wire_type type);
/* Do the rules refuse the record whatever its missing parts are? IRQL: APC_LEVEL at most. */
bool record_is_refused(const struct record *record, ULONG session);
/* Applies the rules and queues or frees. `session` is the actor's. IRQL: APC_LEVEL at most. */
void record_submit(struct record *record, ULONG session);
void record_free(struct record *record); /* NULL is allowed */
/* An error for event 255. `id` names the part that failed. IRQL: APC_LEVEL at most. */
void record_error(const WCHAR *id, const WCHAR *message, NTSTATUS status);

/* ---- queue.c ---- */

NTSTATUS queue_start(void);
void queue_stop(void); /* frees what was not read */
/* Most records that wait; those beyond it stay until read. */
void queue_set_limit(ULONG records);
/* Numbers and stores the record; frees and counts it when the queue is full. IRQL: DISPATCH_LEVEL at most. */
void queue_put(struct record *record);
/* Counts one record of the type that could not be made. IRQL: DISPATCH_LEVEL at most. */
void queue_lose(enum wire_type type, enum wire_loss_cause cause);
bool queue_is_empty(void);
/*
 * Moves as many whole records as fit to `buffer`. STATUS_NO_MORE_ENTRIES: nothing there; STATUS_BUFFER_TOO_SMALL: the oldest
 * record does not fit and stays. One caller at a time. IRQL: APC_LEVEL at most.
 */
NTSTATUS queue_take(void *buffer, ULONG capacity, ULONG *taken);

/* ---- control.c: the control device and its client ---- */

NTSTATUS control_start(void);
void control_stop(void);
NTSTATUS control_dispatch(PDEVICE_OBJECT device, PIRP irp);
/* Something was queued. IRQL: DISPATCH_LEVEL at most. */
void control_notify(void);
/* Is there a client that said it is ready? */
bool control_is_ready(void);
/* Process id of the client, 0 when there is none. */
ULONG control_client(void);

/* ---- sync.c ---- */

struct thread {
    PKTHREAD object; /* NULL: not running */
    KEVENT stop;
};

NTSTATUS thread_start(struct thread *thread, PKSTART_ROUTINE routine);
/* Sets `stop` and waits for the end. */
void thread_stop(struct thread *thread);

/* A fast mutex that leaves the IRQL alone (normal APCs are off instead). */
void mutex_initialize(FAST_MUTEX *mutex);
void mutex_enter(FAST_MUTEX *mutex);
void mutex_leave(FAST_MUTEX *mutex);

/* ---- process_query.c: facts about a process ---- */

#define SID_BYTES 68 /* largest: 8 + 15 * 4 */

struct process_facts {
    ULONG id, parent_id, session;
    bool is_64bit, is_app_container;
    ULONGLONG key, create_time, logon_id;
    UCHAR sid[SID_BYTES];
    ULONG sid_size;
    UCHAR integrity[12]; /* S-1-16-RID */
    ULONG integrity_size;
    UNICODE_STRING image;        /* NT path; owned */
    UNICODE_STRING command_line; /* owned */
    UNICODE_STRING directory;    /* owned */
};

/* Fills what can be found out, leaves the rest empty. IRQL: PASSIVE_LEVEL. */
NTSTATUS process_query(PEPROCESS process, struct process_facts *facts);
/* Command line and current directory, from the process' own memory. IRQL: PASSIVE_LEVEL, not under its address-space lock. */
NTSTATUS process_query_parameters(PEPROCESS process, HANDLE handle, struct process_facts *facts);
void process_facts_free(struct process_facts *facts);
/* A kernel handle; the caller closes it. */
NTSTATUS process_open(PEPROCESS process, HANDLE *handle);

/* ---- process_table.c: who is acting ---- */

/* Immutable but for `references`, the flags and the link. */
struct process {
    LIST_ENTRY link;
    LONG references;
    ULONG id, session;
    const void *object; /* identity only */
    ULONGLONG key, create_time;
    UCHAR sid[SID_BYTES];
    ULONG sid_size;
    bool exited;
    bool seen_from_start; /* its creation was seen */
    LONG flags;           /* PROCESS_… by interlocked operations */
    LONG images;          /* loaded so far */
    UNICODE_STRING image; /* behind the structure */
};

#define PROCESS_NO_THREAD 1 /* created, its first thread not seen yet */
#define PROCESS_UNREPORTED 2 /* created on a kernel whose create callback comes too early to tell */

NTSTATUS process_table_start(void);
void process_table_stop(void);
/* Enters a process, in the place of an older one with that id. NULL without memory; else referenced. */
struct process *process_table_add(const struct process_facts *facts, PEPROCESS object, LONG flags, bool seen_from_start);
/* Referenced entry, made from the living process when it is not there yet; NULL for an unknown id. IRQL: PASSIVE_LEVEL. */
struct process *process_acquire(HANDLE id);
struct process *process_acquire_object(PEPROCESS object);
/* Only what is in the table. IRQL: DISPATCH_LEVEL at most. */
struct process *process_find(ULONG id);
void process_release(struct process *process); /* NULL is allowed */
void process_table_exit(ULONG id);
bool process_take_flag(struct process *process, LONG flag); /* clears it; was it set? */

#define SPAN_SID(process) ((struct span){ (process)->sid, (process)->sid_size })

/* ---- own_file.c: the file this driver was loaded from ---- */

/* Finds its full NT path once it can be opened; repeated calls are cheap. IRQL: PASSIVE_LEVEL, not in a file-system callback. */
void own_file_find(void);
bool own_file_is(const UNICODE_STRING *name);
void own_file_stop(void);

/* ---- names.c ---- */

/* Both in paged pool of ours, freed with pool_free(); NULL: no name. */
UNICODE_STRING *name_of_object(PVOID object);
UNICODE_STRING *name_of_mapping(HANDLE process, PVOID address); /* NT path of the file mapped there; NT 6.0 */
NTSTATUS name_query_mapping(HANDLE process, PVOID address, UNICODE_STRING **out);
/* Cuts to `capacity` characters with the terminator. `name` may be NULL. */
void name_copy(WCHAR *to, ULONG capacity, const UNICODE_STRING *name);

/* ---- text.c ---- */

#define TEXT_MOST 32767u /* characters of a UNICODE_STRING */

/* Appending beyond the capacity (in characters) cuts. No terminator is kept. */
struct text {
    WCHAR *buffer;
    ULONG length, capacity;
};

void text_start(struct text *text, WCHAR *buffer, ULONG capacity);
void text_append(struct text *text, const WCHAR *characters, ULONG count);
void text_append_string(struct text *text, const WCHAR *terminated);
void text_append_name(struct text *text, const UNICODE_STRING *name);
void text_append_hex(struct text *text, ULONG number, bool upper); /* eight digits */
/* A text in pool of ours, at most TEXT_MOST characters; `out` owns it. */
NTSTATUS text_reserve(UNICODE_STRING *out, struct text *text, SIZE_T capacity);
void text_finish(UNICODE_STRING *out, const struct text *text);

/* ---- process.c: events 1 and 5, PROCESS_CACHE ---- */

NTSTATUS process_start(void);
void process_stop(void);
/* One record of type WIRE_PROCESS_CREATE_CACHE for a living process, not queued. IRQL: PASSIVE_LEVEL. */
NTSTATUS process_cache_record(ULONG id, ULONG capacity, struct record **out);
/* Reports the creation of a process whose create callback came too early, in its own context. */
void process_report_late(struct process *process);

/* ---- verdict.c: questions to the service ---- */

NTSTATUS verdict_start(void);
void verdict_stop(void);
/* Is there somebody to ask, and is the current thread not his own? */
bool verdict_is_possible(void);
/*
 * Queues `record` (body struct wire_file_delete; taken over) as a question and waits at most `timeout` milliseconds.
 * False: no answer, `*out` untouched. IRQL: PASSIVE_LEVEL.
 */
bool verdict_ask(struct record *record, ULONG session, ULONG timeout, enum wire_verdict_result *out);
/* STATUS_NOT_FOUND: nobody waits for that answer (any more). */
NTSTATUS verdict_answer(ULONG tracker, ULONG result);
/* Lets every waiting thread go without answer. */
void verdict_release(void);

/* ---- thread.c: event 8 ---- */

NTSTATUS threads_start(void);
void threads_stop(void);

/* ---- image.c: events 6 and 7 ---- */

NTSTATUS image_start(void);
void image_stop(void);

/* ---- tamper.c: event 25 ---- */

/* At the creation of the process; `file` is its image or NULL. */
void tamper_check_file(const struct process *process, PFILE_OBJECT file);
/* At an image load in the process. */
void tamper_check_running(struct process *process);

/* ---- registry.c: events 12, 13, 14 ---- */

NTSTATUS registry_start(void);
void registry_stop(void);

/* ---- object.c: event 10 ---- */

NTSTATUS object_start(void);
void object_stop(void);

/* ---- drives.c ---- */

NTSTATUS drives_start(void);
void drives_stop(void);
/* Letter of the drive that an NT path lies on and the characters it replaces; 0: none, or not certain. IRQL: PASSIVE_LEVEL. */
WCHAR drives_letter(const WCHAR *path, ULONG length, USHORT *skip);

/* ---- rules.c ---- */

enum rules_decision {
    RULES_DROP,
    RULES_LOG,
    RULES_LOG_NAMED, /* a named rule: the service has to find the name again */
    RULES_UNDECIDED,
};

/* NULL without memory or with a blob that is none; the reason is reported. `size` 0: no rules, defaults decide. IRQL: PASSIVE_LEVEL. */
struct ruleset *rules_create(const void *blob, ULONG size);
void rules_destroy(struct ruleset *rules); /* NULL is allowed */
/* Bit by event id; every bit when there is no rule set. */
ULONGLONG rules_wanted(const struct ruleset *rules);
/* Event id that a record becomes; 0: never filtered. */
unsigned rules_event_of(const struct record *record);
/* Decides about the record as if it were `event` (deletions are asked for several). IRQL: APC_LEVEL at most; undecided above PASSIVE. */
enum rules_decision rules_decide(const struct record *record, unsigned event, ULONG session);

/* ---- files.c, pipe.c: events 2, 9, 11, 15, 17, 18, 23, 26 to 29 ---- */

NTSTATUS files_start(void);
void files_stop(void);
bool files_by_minifilter(void);
NTSTATUS pipe_filter_start(void);
void pipe_filter_stop(void);
