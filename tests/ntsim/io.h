/* SPDX-License-Identifier: MIT */
/*
 * The I/O manager: driver and device objects, stacks, IRPs and their rules (io.c), file objects and the system calls on them
 * (file.c), the routines a driver calls besides (iolib.c).
 */
#ifndef NTSIM_IO_H
#define NTSIM_IO_H

#include "nt.h"

struct request;

/* --- drivers and devices ------------------------------------------------------------------------------------------------ */

PDRIVER_OBJECT io_driver(const WCHAR *name, const WCHAR *service);
PDEVICE_OBJECT io_device(PDRIVER_OBJECT driver, const WCHAR *name, ULONG type, size_t extension);
void io_device_ready(PDEVICE_OBJECT device);
void io_devices_ready(PDRIVER_OBJECT driver);           /* after DriverEntry: DO_DEVICE_INITIALIZING goes */
PDEVICE_OBJECT io_top(PDEVICE_OBJECT device);
PDEVICE_OBJECT io_lower(PDEVICE_OBJECT device);
void io_device_reference(PDEVICE_OBJECT device, bool take);
PDEVICE_OBJECT io_attach(PDEVICE_OBJECT device, PDEVICE_OBJECT target); /* what it sits on now */
void io_detach(PDEVICE_OBJECT lower);
PSECURITY_DESCRIPTOR io_descriptor(PDEVICE_OBJECT device);
void io_set_descriptor(PDEVICE_OBJECT device, PSECURITY_DESCRIPTOR descriptor, SECURITY_INFORMATION what);
unsigned iolib_report_leaks(void);
unsigned io_report_leaks(PDRIVER_OBJECT driver);        /* devices, registrations, IRPs, MDLs, work items */
bool io_is_drivers(PDEVICE_OBJECT device);              /* does the driver under test own it? */
void io_under_test(PDRIVER_OBJECT driver);

/* --- IRPs ------------------------------------------------------------------------------------------------------------------ */

PIRP io_irp(PDEVICE_OBJECT top);                         /* for one request of the I/O manager */
NTSTATUS io_send(PDEVICE_OBJECT device, PIRP irp);       /* IoCallDriver with its checks */
void io_complete(PIRP irp);                              /* for the simulator's own drivers */

/* A request under way; `done` when the last completion is through. */
struct request {
    PIRP irp;                    /* NULL once completed */
    NTSTATUS status;
    ULONG_PTR information;
    bool done, pended;
    uint8_t *system_buffer;
    void *output;                /* METHOD_BUFFERED: copied to at completion */
    size_t output_size, input_size;
    PFILE_OBJECT file;
    bool cancelled;
};
/* Start, then wait. `output` must stay valid until the request is done. */
void io_ioctl_start(struct request *request, PFILE_OBJECT file, ULONG code, const void *input, size_t input_size, void *output,
                    size_t output_size);
bool io_wait(struct request *request, int64_t timeout); /* false = still pending */
void io_cancel(struct request *request);
NTSTATUS io_ioctl(PFILE_OBJECT file, ULONG code, const void *input, size_t input_size, void *output, size_t output_size, size_t *written);
NTSTATUS io_run(struct request *request, PIRP irp, PDEVICE_OBJECT device); /* send and wait */

/* --- files ------------------------------------------------------------------------------------------------------------------ */

struct opening {
    const WCHAR *path;           /* NT path, or relative to `root` */
    PFILE_OBJECT root;
    ACCESS_MASK access;
    ULONG disposition, options, attributes, share, flags /* SL_* of the create */;
    bool pipe;                   /* NtCreateNamedPipeFile */
    PDEVICE_OBJECT below;        /* send it to this device instead of the stack's top */
    bool driver;                 /* opened by the driver: handle and reference are its to drop */
    bool no_handle;
    PSECURITY_DESCRIPTOR descriptor;
    uint64_t id;                 /* with FILE_OPEN_BY_FILE_ID */
    /* out */
    ULONG_PTR information;
    PFILE_OBJECT file;           /* alive as long as the handle is */
    HANDLE handle;
};
NTSTATUS io_open(struct opening *opening);
void io_close(HANDLE handle);
NTSTATUS io_read(PFILE_OBJECT file, uint64_t offset, void *data, size_t size, size_t *done);
enum { IO_WRITE_FAST = 1, IO_WRITE_PAGING = 2, IO_WRITE_USER_FAULT = 4, IO_WRITE_USER_CHANGING = 8, IO_WRITE_MDL = 16, IO_WRITE_ASYNC = 32 };
NTSTATUS io_write(PFILE_OBJECT file, uint64_t offset, const void *data, size_t size, unsigned how);
NTSTATUS io_set_information(PFILE_OBJECT file, ULONG class, const void *data, size_t size, PFILE_OBJECT target, bool replace);
NTSTATUS io_query_information(PFILE_OBJECT file, ULONG class, void *data, size_t room, size_t *size);
/* A file opened by the driver: the handle is the driver's to close; `object`, when wanted, the reference to drop. */
NTSTATUS io_create_for_driver(PHANDLE handle, PFILE_OBJECT *object, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK iosb,
                              ULONG file_attributes, ULONG share, ULONG disposition, ULONG options, ULONG flags, PDEVICE_OBJECT below);
void io_undo_open(PFILE_OBJECT file, PDEVICE_OBJECT below); /* the file system forgets an open that is still inside CREATE */
PDEVICE_OBJECT io_target(PFILE_OBJECT file);            /* where its requests go: top of the stack, or the device it was opened on */
void io_nt_path(const WCHAR *dos, WCHAR *nt, size_t room);
PFILE_OBJECT io_open_image(const WCHAR *dos_path);       /* a referenced file object as the loader has it; NULL when there is no file */
size_t io_file_name(PFILE_OBJECT file, WCHAR *text, size_t room); /* \Device\HarddiskVolume1\… of an open file */

void io_announce_file_system(PDEVICE_OBJECT control, bool active);
void io_reinitialize(bool boot);                         /* the routines that drivers registered for after the boot */
bool io_work_idle(void);
void io_export_variables(void);
void io_begin(void);
void io_reset(void);

#endif
