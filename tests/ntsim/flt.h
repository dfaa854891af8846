/* SPDX-License-Identifier: MIT */
/*
 * The filter manager: registration, instances, unload (flt.c); pre- and post-operations (fltop.c); contexts (fltcontext.c);
 * names (fltname.c); the filter's own I/O and queries (fltio.c).
 */
#ifndef NTSIM_FLT_H
#define NTSIM_FLT_H

#include "fs.h"
#include "nt.h"

enum { FLT_OPERATIONS = 16, FLT_CONTEXTS = 16 };

struct flt_filter { /* object bodies all three */
    PDRIVER_OBJECT driver;
    FLT_REGISTRATION registration;
    FLT_OPERATION_REGISTRATION operations[FLT_OPERATIONS];
    FLT_CONTEXT_REGISTRATION contexts[FLT_CONTEXTS];
    unsigned operation_count, context_count;
    bool started, unloading;
};

struct flt_volume {
    PDEVICE_OBJECT device;      /* the manager's, attached */
    PDEVICE_OBJECT lower;
    PDEVICE_OBJECT named;       /* storage device, or the pipe device */
    struct fs_volume *fs;       /* NULL: pipes */
    struct flt_instance *instance;
    void *context;
};

struct flt_instance {
    struct flt_filter *filter;
    struct flt_volume *volume;
    void *context;
    bool tearing_down;
    unsigned outstanding;
};

struct flt_operation { /* one operation on its way through an instance */
    FLT_CALLBACK_DATA *data;
    FLT_IO_PARAMETER_BLOCK *iopb;
    FLT_IO_PARAMETER_BLOCK before;      /* as it came */
    FLT_RELATED_OBJECTS *objects;
    struct flt_instance *instance;
    const FLT_OPERATION_REGISTRATION *registration;
    PIRP irp;                           /* NULL: fast I/O */
    void *completion_context;
    enum { FLT_IN_PRE, FLT_BETWEEN, FLT_IN_POST } stage;
    bool synchronized, drained, cancelled_open, pended_post;
    PMDL mdl;                           /* of FltLockUserBuffer */
    ULONG pre_result;
    struct flt_operation *outer;        /* of the same thread */
    struct flt_operation *next;         /* outstanding */
    void *safe_post;
};

void flt_begin(void);                   /* attach to every volume of the world */
void flt_attach_volume(struct fs_volume *fs);
void flt_check_driver(PDRIVER_OBJECT driver); /* after DriverEntry */
void flt_reset(void);
bool flt_in_callback(void);
struct flt_filter *flt_current(void);   /* the registered filter, NULL */
unsigned flt_report_leaks(void);
/* What `fltmc unload` does; the filter's answer. */
NTSTATUS flt_unload_optional(void);

struct flt_operation *flt_operation_of(FLT_CALLBACK_DATA *data);
struct flt_volume *flt_volume_of(struct fs_volume *fs);
NTSTATUS NTAPI flt_dispatch(PDEVICE_OBJECT device, PIRP irp);
BOOLEAN NTAPI flt_fast_write(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, BOOLEAN wait, ULONG key, PVOID buffer,
                             PIO_STATUS_BLOCK iosb, PDEVICE_OBJECT device);
void flt_drain(struct flt_instance *instance);
FLT_RELATED_OBJECTS *flt_lend_objects(struct flt_instance *instance, struct flt_volume *volume, PFILE_OBJECT file);

void flt_context_instance_gone(struct flt_instance *instance);
void flt_stream_gone(struct fs_stream *stream);
void flt_file_gone(PFILE_OBJECT file);
unsigned flt_context_report(void);
void flt_context_reset(void);

#endif
