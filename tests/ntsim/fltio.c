/* SPDX-License-Identifier: MIT */
/* The filter's own I/O: to the instances below, never to itself. Rules: spec 08 section 1.8. */
#include <string.h>
#include <wchar.h>

#include "export.h"
#include "flt.h"
#include "io.h"
#include "mm.h"
#include "ob.h"
#include "pool.h"
#include "profile.h"
#include "sched.h"
#include "verify.h"

static void check_state(const char *what)
{
    if (self()->all_apcs_off || self()->irql != PASSIVE_LEVEL)
        bug("flt-io", "%s with APCs disabled or at IRQL %u", what, self()->irql);
    if (self()->top_level_irp)
        bug("flt-io", "%s while a top-level IRP is set", what);
}

static PDEVICE_OBJECT below_of(PFLT_INSTANCE instance, const char *what)
{
    if (!instance)
        bug("recursion", "%s without an instance starts at the top of the stack", what);
    return instance ? instance->volume->lower : NULL;
}

static NTSTATUS create(PFLT_INSTANCE instance, PHANDLE handle, PFILE_OBJECT *object, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes,
                       PIO_STATUS_BLOCK iosb, ULONG file_attributes, ULONG share, ULONG disposition, ULONG options, ULONG flags)
{
    check_state("FltCreateFile");
    return io_create_for_driver(handle, object, access, attributes, iosb, file_attributes, share, disposition, options, flags,
                                  below_of(instance, "FltCreateFile"));
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltCreateFile, (PFLT_FILTER filter, PFLT_INSTANCE instance, PHANDLE handle, ACCESS_MASK access,
                                                 POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK iosb, PLARGE_INTEGER size,
                                                 ULONG file_attributes, ULONG share, ULONG disposition, ULONG options, PVOID ea, ULONG ea_length,
                                                 ULONG flags))
{
    (void)filter, (void)size, (void)ea, (void)ea_length;
    return create(instance, handle, NULL, access, attributes, iosb, file_attributes, share, disposition, options, flags);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltCreateFileEx, (PFLT_FILTER filter, PFLT_INSTANCE instance, PHANDLE handle, PFILE_OBJECT *object,
                                                   ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK iosb, PLARGE_INTEGER size,
                                                   ULONG file_attributes, ULONG share, ULONG disposition, ULONG options, PVOID ea,
                                                   ULONG ea_length, ULONG flags))
{
    (void)filter, (void)size, (void)ea, (void)ea_length;
    return create(instance, handle, object, access, attributes, iosb, file_attributes, share, disposition, options, flags);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltCreateFileEx2, (PFLT_FILTER filter, PFLT_INSTANCE instance, PHANDLE handle, PFILE_OBJECT *object,
                                                    ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK iosb, PLARGE_INTEGER size,
                                                    ULONG file_attributes, ULONG share, ULONG disposition, ULONG options, PVOID ea,
                                                    ULONG ea_length, ULONG flags, PVOID context))
{
    (void)filter, (void)size, (void)ea, (void)ea_length, (void)context;
    return create(instance, handle, object, access, attributes, iosb, file_attributes, share, disposition, options, flags);
}

EXPORT(NTSTATUS, FltClose, (HANDLE handle))
{
    NTSTATUS NTAPI nt_ZwClose(HANDLE);

    return nt_ZwClose(handle);
}

static void check_open(PFILE_OBJECT file, const char *what)
{
    if (!file->FsContext)
        bug("flt-io", "%s on a file that is not open", what);
    if (file->Flags & FO_CLEANUP_COMPLETE)
        bug("flt-io", "%s on a file that is cleaned up", what);
}

/* --- the file's requests, sent to the device below the instance ----------------------------------------------------------------- */

static NTSTATUS transfer(PFLT_INSTANCE instance, PFILE_OBJECT file, UCHAR major, PLARGE_INTEGER offset, ULONG length, PVOID buffer, ULONG flags,
                         PULONG done)
{
    PDEVICE_OBJECT device = instance->volume->lower;
    PIRP irp = io_irp(device);
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    struct request request = {.file = file};

    irp->RequestorMode = KernelMode;
    stack->MajorFunction = major;
    stack->FileObject = file;
    stack->Parameters.Read.Length = length;
    stack->Parameters.Read.ByteOffset.QuadPart = offset ? offset->QuadPart : file->CurrentByteOffset.QuadPart;
    irp->UserBuffer = buffer;
    irp->Flags = (major == IRP_MJ_READ ? IRP_READ_OPERATION : IRP_WRITE_OPERATION) | (flags & 1 ? IRP_NOCACHE : 0);
    if (flags & 1 && (length & 511 || stack->Parameters.Read.ByteOffset.LowPart & 511))
        bug("flt-io", "a non-cached transfer that is not sector aligned");
    io_run(&request, irp, device);
    if (!(flags & 4))
        file->CurrentByteOffset.QuadPart = stack->Parameters.Read.ByteOffset.QuadPart + (LONGLONG)request.information;
    if (done)
        *done = NT_ERROR(request.status) ? 0 : (ULONG)request.information;
    return request.status;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltReadFile, (PFLT_INSTANCE instance, PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, PVOID buffer,
                                               ULONG flags, PULONG done, PVOID callback, PVOID context))
{
    (void)context;
    check_open(file, "FltReadFile");
    if (callback)
        bugcheck("unimplemented", "asynchronous FltReadFile");
    return transfer(instance, file, IRP_MJ_READ, offset, length, buffer, flags, done);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltWriteFile, (PFLT_INSTANCE instance, PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, PVOID buffer,
                                                ULONG flags, PULONG done, PVOID callback, PVOID context))
{
    (void)context;
    check_open(file, "FltWriteFile");
    if (callback)
        bugcheck("unimplemented", "asynchronous FltWriteFile");
    return transfer(instance, file, IRP_MJ_WRITE, offset, length, buffer, flags, done);
}

static NTSTATUS buffered(PFLT_INSTANCE instance, PFILE_OBJECT file, UCHAR major, ULONG class, const void *in, void *out, ULONG length,
                         PULONG returned)
{
    PDEVICE_OBJECT device = instance->volume->lower;
    PIRP irp = io_irp(device);
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    struct request request = {.file = file, .output = out, .output_size = length};

    request.system_buffer = mm_allocate(BLOCK_OBJECT, length ? length : 1, 'fBtF', MM_BYTE_END);
    if (in)
        memcpy(request.system_buffer, in, length);
    irp->RequestorMode = KernelMode;
    irp->AssociatedIrp.SystemBuffer = request.system_buffer;
    irp->Flags = IRP_BUFFERED_IO | IRP_SYNCHRONOUS_API;
    stack->MajorFunction = major;
    stack->FileObject = file;
    stack->Parameters.QueryFile.Length = length;
    stack->Parameters.QueryFile.FileInformationClass = (FILE_INFORMATION_CLASS)class;
    if (major == IRP_MJ_SET_INFORMATION && class == FileRenameInformation)
        stack->Parameters.SetFile.ReplaceIfExists = *(const BOOLEAN *)in;
    io_run(&request, irp, device);
    if (returned)
        *returned = NT_ERROR(request.status) ? 0 : (ULONG)request.information;
    return request.status;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltQueryInformationFile, (PFLT_INSTANCE instance, PFILE_OBJECT file, PVOID buffer, ULONG length,
                                                           FILE_INFORMATION_CLASS class, PULONG returned))
{
    if (!file->FsContext)
        bug("flt-io", "FltQueryInformationFile on a file that is not open");
    return buffered(instance, file, IRP_MJ_QUERY_INFORMATION, (ULONG)class, NULL, buffer, length, returned);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltSetInformationFile, (PFLT_INSTANCE instance, PFILE_OBJECT file, PVOID buffer, ULONG length,
                                                         FILE_INFORMATION_CLASS class))
{
    check_open(file, "FltSetInformationFile");
    return buffered(instance, file, IRP_MJ_SET_INFORMATION, (ULONG)class, buffer, NULL, length, NULL);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltQueryVolumeInformationFile, (PFLT_INSTANCE instance, PFILE_OBJECT file, PVOID buffer, ULONG length,
                                                                 FS_INFORMATION_CLASS class, PULONG returned))
{
    return buffered(instance, file, IRP_MJ_QUERY_VOLUME_INFORMATION, (ULONG)class, NULL, buffer, length, returned);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltQueryVolumeInformation, (PFLT_INSTANCE instance, PIO_STATUS_BLOCK iosb, PVOID buffer, ULONG length,
                                                             FS_INFORMATION_CLASS class))
{
    ULONG attribute[7] = {instance->volume->fs && instance->volume->fs->fat ? 6 : 0x00c700ff, 255, 8, 0, 0, 0, 0};

    iosb->Status = class == FileFsAttributeInformation ? STATUS_SUCCESS : STATUS_INVALID_INFO_CLASS;
    iosb->Information = length < sizeof attribute ? length : sizeof attribute;
    memcpy(attribute + 3, L"NTFS", 8);
    memcpy(buffer, attribute, iosb->Information);
    return iosb->Status;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltFsControlFile, (PFLT_INSTANCE instance, PFILE_OBJECT file, ULONG code, PVOID in, ULONG in_length, PVOID out,
                                                    ULONG out_length, PULONG returned))
{
    PDEVICE_OBJECT device = instance->volume->lower;
    PIRP irp = io_irp(device);
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    struct request request = {.file = file};

    (void)in, (void)out;
    stack->MajorFunction = IRP_MJ_FILE_SYSTEM_CONTROL;
    stack->FileObject = file;
    stack->Parameters.FileSystemControl.FsControlCode = code;
    stack->Parameters.FileSystemControl.InputBufferLength = in_length;
    stack->Parameters.FileSystemControl.OutputBufferLength = out_length;
    io_run(&request, irp, device);
    if (returned)
        *returned = (ULONG)request.information;
    return request.status;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltIsDirectory, (PFILE_OBJECT file, PFLT_INSTANCE instance, PBOOLEAN directory))
{
    (void)instance;
    if (!file->FsContext)
        bug("flt-io", "FltIsDirectory on a file that is not open");
    *directory = fs_stream_of(file)->node->directory && !fs_stream_of(file)->name[0];
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltFlushBuffers, (PFLT_INSTANCE instance, PFILE_OBJECT file))
{
    (void)instance, (void)file;
    return STATUS_SUCCESS;
}

/* Only in post-CREATE, before a handle exists; the operation must then report an error. */
EXPORT(VOID, FltCancelFileOpen, (PFLT_INSTANCE instance, PFILE_OBJECT file))
{
    struct flt_operation *op = self()->flt;

    (void)instance;
    if (!op || op->stage != FLT_IN_POST || op->iopb->MajorFunction != IRP_MJ_CREATE || op->iopb->TargetFileObject != file)
        bugcheck("flt-io", "FltCancelFileOpen outside post-CREATE of that file");
    if (file->Flags & FO_HANDLE_CREATED)
        bugcheck("flt-io", "FltCancelFileOpen of a file that has a handle");
    op->cancelled_open = true;
    file->Flags |= 0x200000; /* FO_FILE_OPEN_CANCELLED */
}

FALLIBLE(FAILS_NULL, PVOID, FltAllocatePoolAlignedWithTag, (PFLT_INSTANCE instance, POOL_TYPE type, SIZE_T size, ULONG tag))
{
    void *memory;

    (void)instance;
    memory = mm_allocate(type & 1 ? BLOCK_PAGED : BLOCK_NONPAGED, size, tag, MM_PAGE_START);
    mm_block(memory)->driver_owned = true;
    return memory;
}
EXPORT(VOID, FltFreePoolAlignedWithTag, (PFLT_INSTANCE instance, PVOID memory, ULONG tag))
{
    (void)instance;
    pool_give(memory, tag);
}
EXPORT(NTSTATUS, FltBuildDefaultSecurityDescriptor, (PSECURITY_DESCRIPTOR *descriptor, ACCESS_MASK access))
{
    (void)descriptor, (void)access;
    return STATUS_NOT_IMPLEMENTED;
}
