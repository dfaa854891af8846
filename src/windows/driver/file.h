/* SPDX-License-Identifier: MIT */
/*
 * Files: what the minifilter and the legacy filter have in common. Each of them turns a request into a struct file_op and calls
 * X_before() ahead of the file system and X_after() behind it; what is observed, reported, asked, archived or refused
 * is decided here, once.
 *
 * All routines: PASSIVE_LEVEL in the requestor's thread unless they say otherwise; never for paging I/O.
 */
#pragma once

#include "driver.h"
#include "flt.h"

enum volume_kind { VOLUME_LOCAL, VOLUME_NETWORK, VOLUME_PIPES };

#define VOLUME_NAME_MOST 128u /* characters */

/* One attachment of ours to a volume, or to the device of a network or pipe file system. */
struct volume {
    enum volume_kind kind;
    bool is_known;       /* the legacy filter has asked for the next one */
    bool tells_deletion; /* its file system answers STATUS_FILE_DELETED for what is gone */
    UNICODE_STRING name; /* \Device\HarddiskVolume1; in `characters` */
    WCHAR characters[VOLUME_NAME_MOST];
    FAST_MUTEX archiving;
    bool archive_measured;
    LONG archive_refused; /* and that was told */
    ULONGLONG archive_used; /* bytes */
};

void volume_initialize(struct volume *volume, enum volume_kind kind);

struct file_op {
    struct volume *volume;
    PFLT_INSTANCE instance;  /* the minifilter's, or NULL */
    PFLT_CALLBACK_DATA data; /* the minifilter's operation; NULL for a file of our own */
    PDEVICE_OBJECT lower;    /* the legacy filter's device below, or NULL */
    PFILE_OBJECT file;
    PEPROCESS requestor; /* not referenced */
    UNICODE_STRING *name; /* full NT path, once file_name() was called; owned */
};

void file_op_finish(struct file_op *op);
/* NULL when it can not be had. Valid until file_op_finish(). */
const UNICODE_STRING *file_name(struct file_op *op);
/* Who acts: to be released; may be NULL. */
struct process *file_actor(const struct file_op *op);
/* May this thread wait, and open files below us, now? */
bool file_may_wait(void);

/* ---- file_io.c: requests below this filter ---- */

/* `buffer` of at least `length` bytes of non-paged pool, page-aligned if the file is uncached. STATUS_END_OF_FILE at its end. */
NTSTATUS file_read(const struct file_op *op, ULONGLONG offset, void *buffer, ULONG length, ULONG *read);
NTSTATUS file_query(const struct file_op *op, ULONG class, void *buffer, ULONG length);
NTSTATUS file_set(const struct file_op *op, ULONG class, void *buffer, ULONG length);

NTSTATUS file_query_volume(const struct file_op *op, ULONG class, void *buffer, ULONG length); /* legacy filter only */

struct file_open {
    HANDLE handle;
    PFILE_OBJECT file;
};
/* Opens relative to `root` (NULL: a full path), by a kernel handle, never following links. */
NTSTATUS file_open(const struct file_op *op, HANDLE root, const UNICODE_STRING *path, ACCESS_MASK access, ULONG disposition,
                   ULONG options, PSECURITY_DESCRIPTOR descriptor, struct file_open *out, ULONG_PTR *information);
void file_close(const struct file_op *op, struct file_open *open);

/* ---- file_names.c and the filters ---- */

UNICODE_STRING *file_name_minifilter(const struct file_op *op);
UNICODE_STRING *file_name_legacy(const struct file_op *op);
/* Full path that a rename or link is about; NULL when it can not be had. To be freed. */
UNICODE_STRING *file_destination(const struct file_op *op, const FILE_RENAME_INFORMATION *rename, ULONG length, PFILE_OBJECT parent);
/* Points into `name`: the stream part behind the last component's colon, without `:$DATA`; empty for the file itself. */
UNICODE_STRING file_stream_part(const UNICODE_STRING *name);
UNICODE_STRING *name_duplicate(const UNICODE_STRING *name);

/* ---- file_stream.c: what is remembered of a file or stream ---- */

#define STREAM_NEW_CONTENT 1     /* made, emptied or given a new head: is it an executable? */
#define STREAM_NEW_STREAM 2      /* a named stream was made: event 15 at the end of writing */
#define STREAM_DELETE_ON_CLOSE 4
#define STREAM_POSIX_DELETE 16   /* the name goes with this handle, whoever else has the file open */
#define STREAM_CREATED_HERE 8    /* made or emptied by an opening that is not over: overwriting it shreds nothing */

struct deletion;

struct stream {
    LONG flags; /* STREAM_… */
    struct deletion *deletion; /* under way; interlocked */
};

/* NULL: there is none, or it can not be made. The caller releases it. */
struct stream *stream_get(const struct file_op *op, bool create);
void stream_release(const struct file_op *op, struct stream *stream); /* NULL is allowed */
void stream_finish(struct stream *stream);
bool stream_take_flag(struct stream *stream, LONG flag);
/* The legacy filter's: at the last close of a file object, and when it goes away. */
NTSTATUS stream_table_start(void);
void stream_table_close(PFILE_OBJECT file);
void stream_table_stop(void);

/* ---- file_report.c: records ---- */

void file_report_created(struct file_op *op, ULONGLONG create_time);
void file_report_stream(struct file_op *op, ULONGLONG create_time, const void *contents, ULONG size);
void file_report_time(struct file_op *op, ULONGLONG create_time, ULONGLONG previous);
void file_report_raw(struct file_op *op);
/* A record of one of the five types with the layout of deletion; to be submitted or freed. NULL: counted as lost. */
struct record *file_delete_record(struct file_op *op, enum wire_type type, bool is_executable, ULONG *session);

/* ---- pipe_event.c: events 17, 18; for the minifilter and the pipe filter ---- */

struct pipe_open {
    enum wire_pipe_subtype subtype;
    PEPROCESS requestor;
    UNICODE_STRING *name; /* owned */
};
/* NULL: nothing to report, such as an opening of the root. `major` is CREATE or CREATE_NAMED_PIPE. */
struct pipe_open *pipe_before(UCHAR major, PFILE_OBJECT file, PEPROCESS requestor);
void pipe_after(struct pipe_open *open, NTSTATUS status);
void pipe_abandon(struct pipe_open *open);

/* ---- minifilter.c, sfilter.c: the one or the other ---- */

PFLT_FILTER minifilter_object(void);
bool minifilter_sees_pipes(void);
NTSTATUS minifilter_start(void);
void minifilter_stop(void);
NTSTATUS sfilter_start(void);
void sfilter_stop(void);
NTSTATUS sfilter_dispatch(PDEVICE_OBJECT device, PIRP irp);

/* ---- filter_device.c: what the legacy file filter and the pipe filter have in common ---- */

/* First in the extension of each of their devices. */
struct filter_device {
    struct device device; /* kind, lower */
    PDEVICE_OBJECT self;
    LIST_ENTRY link;
    struct volume volume;
    bool is_control; /* over the control device of a file system */
};

/* Makes a device like `lower`, without name or (pipe filter) with one; not attached yet. */
NTSTATUS filter_device_create(PDEVICE_OBJECT lower, enum device_kind kind, UNICODE_STRING *name, struct filter_device **out);
/* On top of the stack of `lower`; requests may come before it returns. */
NTSTATUS filter_device_attach(struct filter_device *filter, PDEVICE_OBJECT lower);
void filter_device_delete(struct filter_device *filter);
/* Unchanged, without looking back. */
NTSTATUS filter_pass(PDEVICE_OBJECT device, PIRP irp);
/* Sends it down and waits: afterwards the request is ours again and has to be completed with filter_complete(). PASSIVE_LEVEL. */
NTSTATUS filter_forward(PDEVICE_OBJECT device, PIRP irp);
NTSTATUS filter_complete(PIRP irp, NTSTATUS status);
PEPROCESS filter_requestor(PIRP irp);
/* Between these two the driver stays loaded; false: it is about to go, pass the request. */
bool filter_enter(void);
void filter_leave(void);
/* Installs dispatch and fast-I/O routines for all requests. Before the first attachment. */
void filter_install(void);
/* Waits until nobody is between enter and leave any more; nobody can enter after that. */
void filter_drain(void);

/* ---- fast_io.c ---- */

extern FAST_IO_DISPATCH fast_io_dispatch;
/* The device below one of ours goes away. */
void sfilter_detached(struct filter_device *filter);

/* ---- pipe.c ---- */

NTSTATUS pipe_dispatch(PDEVICE_OBJECT device, PIRP irp);

/* ---- file_content.c ---- */

/* A PE file by its two signatures. */
bool file_is_executable(const struct file_op *op);
ULONGLONG file_creation_time(const struct file_op *op);
/* After the cleanup of a handle: does the stream no longer exist? `if_pending`: or will it soon. */
bool file_is_gone(const struct file_op *op, bool if_pending);

/* ---- file_delete.c: events 23, 26 ---- */

/* Called while the content can still be read. NULL: nothing to report. The result is committed or discarded. */
struct deletion *deletion_prepare(struct file_op *op);
void deletion_commit(struct deletion *deletion);                         /* it happened */
void deletion_discard(const struct file_op *op, struct deletion *deletion); /* it did not; NULL is allowed */
void deletion_abandon(struct deletion *deletion); /* nobody will ever know; NULL is allowed; APC_LEVEL */
/* The same for a file that `op` is about to replace, or with `empties` to empty: then there must be something in it. */
struct deletion *deletion_prepare_named(const struct file_op *op, const UNICODE_STRING *name, bool empties);

/* ---- file_block.c: events 27, 28 ---- */

/* Shall it be refused? The event, to be submitted once it was; NULL: let it be. */
struct record *file_block(struct file_op *op, enum wire_type type, bool is_executable, ULONG *session);

/* ---- file_create.c, file_set.c, file_write.c, file_cleanup.c ---- */

struct create_request {
    ULONG options;      /* FILE_… */
    ULONG disposition;  /* FILE_OPEN … */
    UCHAR flags;        /* SL_… */
    ACCESS_MASK access;
};
/* Is it an attempt to change the driver's own file, which the settings forbid? */
bool file_create_is_refused(struct file_op *op, const struct create_request *request, KPROCESSOR_MODE mode);

struct file_create;
/* NULL: nothing to do behind the file system. */
struct file_create *file_create_before(struct file_op *op, const struct create_request *request);
void file_create_after(struct file_op *op, struct file_create *create, NTSTATUS status, ULONG_PTR information);
void file_create_abandon(struct file_create *create); /* APC_LEVEL */

struct set_request {
    ULONG class, length;
    const void *buffer; /* captured */
    BOOLEAN replaces;
    PFILE_OBJECT parent;
};
struct file_set;
struct file_set *file_set_before(struct file_op *op, const struct set_request *request);
void file_set_after(struct file_op *op, struct file_set *set, NTSTATUS status);
void file_set_abandon(struct file_set *set);

struct write_request {
    ULONGLONG offset;
    ULONG length;
    PMDL mdl;           /* preferred when not NULL */
    const void *buffer; /* possibly a user address */
};
/* STATUS_SUCCESS: let it pass; an error: refuse it with that. */
NTSTATUS file_write_before(struct file_op *op, const struct write_request *request);

struct file_cleanup;
struct file_cleanup *file_cleanup_before(struct file_op *op);
void file_cleanup_after(struct file_op *op, struct file_cleanup *cleanup);
void file_cleanup_abandon(const struct file_op *op, struct file_cleanup *cleanup);

/* ---- archive.c ---- */

#define ARCHIVE_NAME_MOST 48u /* characters */

/*
 * Copies the file of `op` into the archive directory of its volume. On success `name` holds the terminated name of the copy there;
 * otherwise `reason` is a short text for the event.
 */
NTSTATUS archive_file(const struct file_op *op, WCHAR name[ARCHIVE_NAME_MOST], const WCHAR **reason);
void archive_remove(const struct file_op *op, const WCHAR *name);
