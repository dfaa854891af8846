/* SPDX-License-Identifier: MIT */
/* File objects: opening by name, the requests of user mode, closing. */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "export.h"
#include "flt.h"
#include "fs.h"
#include "fsio.h"
#include "io.h"
#include "irql.h"
#include "loader.h"
#include "mm.h"
#include "ob.h"
#include "profile.h"
#include "ps.h"
#include "verify.h"

/* Behind every FILE_OBJECT. */
struct file_side {
    PDEVICE_OBJECT below;  /* opened below a filter: later requests go there too */
    bool opened, cleaned, drivers;
};

static void destroy_file(void *body);
static void file_handle_closed(void *body, struct process *process);
static NTSTATUS file_query_name(void *body, WCHAR *text, size_t room, size_t *length);
struct object_type ob_file_type = {"File", destroy_file, file_handle_closed, NULL, file_query_name};

static struct file_side *side_of(PFILE_OBJECT file) { return (struct file_side *)(file + 1); }

/* The file system's device of a volume, or the device itself. */
static PDEVICE_OBJECT base_of(PFILE_OBJECT file)
{
    PVPB vpb = file->DeviceObject->Vpb;

    return vpb && vpb->Flags & VPB_MOUNTED ? vpb->DeviceObject : file->DeviceObject;
}

PDEVICE_OBJECT io_target(PFILE_OBJECT file)
{
    if (!file)
        sim_error("a test uses a file that could not be opened");
    return side_of(file)->below ? side_of(file)->below : io_top(base_of(file));
}

/* --- names --------------------------------------------------------------------------------------------------------------- */

void io_nt_path(const WCHAR *dos, WCHAR *nt, size_t room)
{
    for (struct fs_volume *v = fs_volumes(); v; v = v->next)
        if (dos[1] == ':' && towupper(dos[0]) == (wint_t)v->letter) {
            swprintf(nt, room, L"%ls%ls", v->device, dos + 2);
            return;
        }
    swprintf(nt, room, L"%ls", dos);
}

size_t io_file_name(PFILE_OBJECT file, WCHAR *text, size_t room)
{
    const WCHAR *device = ob_path(file->DeviceObject);
    size_t length = (size_t)swprintf(text, room, L"%ls", device ? device : L"");
    struct fs_stream *stream = fs_stream_of(file);

    if (fs_volume_of(base_of(file)) && stream)
        return stream == &stream->node->volume->dasd ? length : length + fs_path(stream->node, stream, text + length, room - length);
    if (file->FileName.Length)
        length += (size_t)swprintf(text + length, room - length, L"%.*ls", (int)(file->FileName.Length / sizeof(WCHAR)), file->FileName.Buffer);
    return length;
}

static NTSTATUS file_query_name(void *body, WCHAR *text, size_t room, size_t *length)
{
    PFILE_OBJECT file = body;

    if (self()->irql > PASSIVE_LEVEL)
        bug("irql-too-high", "the name of a file object is queried at IRQL %u", self()->irql);
    if (fs_volume_of(base_of(file)) && !file->FsContext) {
        bug("unopened-file", "the name of a file object is queried that is not open: the file system cannot answer");
        return STATUS_INVALID_PARAMETER;
    }
    *length = io_file_name(file, text, room);
    return STATUS_SUCCESS;
}

/* --- a file object's life ------------------------------------------------------------------------------------------------------ */

static PFILE_OBJECT file_new(PDEVICE_OBJECT device, const WCHAR *name, size_t length)
{
    PFILE_OBJECT file = ob_create(&ob_file_type, sizeof *file + sizeof(struct file_side));

    file->Type = 5;
    file->Size = sizeof *file;
    file->DeviceObject = device;
    file->FileName.Length = file->FileName.MaximumLength = (USHORT)(length * sizeof(WCHAR));
    if (length) {
        file->FileName.Buffer = mm_allocate(BLOCK_PAGED, length * sizeof(WCHAR), 'mNoI', MM_BYTE_END);
        memcpy(file->FileName.Buffer, name, length * sizeof(WCHAR));
    }
    io_device_reference(device, true);
    return file;
}

static NTSTATUS request_to(PDEVICE_OBJECT device, PFILE_OBJECT file, UCHAR major)
{
    PIRP irp = io_irp(device);
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    struct request request = {.file = file};

    stack->MajorFunction = major;
    stack->FileObject = file;
    irp->Flags = major == IRP_MJ_CLOSE ? IRP_CLOSE_OPERATION | IRP_SYNCHRONOUS_API : IRP_SYNCHRONOUS_API;
    irp->Tail.Overlay.OriginalFileObject = file;
    return io_run(&request, irp, device);
}

static NTSTATUS simple_request(PFILE_OBJECT file, UCHAR major) { return request_to(io_target(file), file, major); }

/* FltCancelFileOpen: the file system forgets the open it has just made. */
void io_undo_open(PFILE_OBJECT file, PDEVICE_OBJECT below)
{
    request_to(below, file, IRP_MJ_CLEANUP);
    request_to(below, file, IRP_MJ_CLOSE);
    file->FsContext = NULL;
}

static void file_handle_closed(void *body, struct process *process)
{
    PFILE_OBJECT file = body;

    (void)process;
    if (side_of(file)->opened && !side_of(file)->cleaned) {
        side_of(file)->cleaned = true;
        simple_request(file, IRP_MJ_CLEANUP);
    }
}

static void destroy_file(void *body)
{
    PFILE_OBJECT file = body;

    if (side_of(file)->opened) {
        if (!side_of(file)->cleaned)
            simple_request(file, IRP_MJ_CLEANUP);
        ob_reference(file); /* the close request points to it */
        simple_request(file, IRP_MJ_CLOSE);
    }
    flt_file_gone(file);
    if (file->FileName.Buffer)
        mm_free(file->FileName.Buffer);
    if (file->RelatedFileObject)
        ob_dereference(file->RelatedFileObject);
    io_device_reference(file->DeviceObject, false);
}

/* --- opening ---------------------------------------------------------------------------------------------------------------------- */

struct security { /* what the create request points to */
    IO_SECURITY_CONTEXT context;
    ACCESS_STATE state;
};

static struct security *security_new(const struct opening *o)
{
    struct security *s = mm_allocate(BLOCK_OBJECT, sizeof *s, 'ceSI', 0);

    memset(s, 0, sizeof *s);
    s->context.AccessState = &s->state;
    s->context.DesiredAccess = o->access;
    s->context.FullCreateOptions = o->options;
    s->state.OriginalDesiredAccess = s->state.RemainingDesiredAccess = o->access;
    s->state.SecurityDescriptor = o->descriptor;
    s->state.SubjectSecurityContext.PrimaryToken = ps_current()->token;
    return s;
}

static void set_file_flags(PFILE_OBJECT file, const struct opening *o)
{
    if (o->options & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT))
        file->Flags |= FO_SYNCHRONOUS_IO;
    if (o->options & FILE_NO_INTERMEDIATE_BUFFERING)
        file->Flags |= FO_NO_INTERMEDIATE_BUFFERING;
    if (o->pipe)
        file->Flags |= FO_NAMED_PIPE;
    if (o->flags & 0x800) /* IO_IGNORE_SHARE_ACCESS_CHECK */
        file->Flags |= 0x40000000;
}

static NTSTATUS send_create(struct opening *o, PFILE_OBJECT file, PDEVICE_OBJECT device)
{
    struct security *security = security_new(o);
    NAMED_PIPE_CREATE_PARAMETERS pipe = {.MaximumInstances = 4, .InboundQuota = 4096, .OutboundQuota = 4096};
    PIRP irp = io_irp(device);
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    struct request request = {.file = file};
    NTSTATUS status;

    stack->MajorFunction = o->pipe ? IRP_MJ_CREATE_NAMED_PIPE : IRP_MJ_CREATE;
    stack->Flags = (UCHAR)(o->flags & (SL_OPEN_TARGET_DIRECTORY | SL_OPEN_PAGING_FILE | SL_FORCE_ACCESS_CHECK));
    stack->FileObject = file;
    stack->Parameters.Create.SecurityContext = &security->context;
    stack->Parameters.Create.Options = (o->options & 0xffffff) | o->disposition << 24;
    stack->Parameters.Create.ShareAccess = (USHORT)o->share;
    if (o->pipe)
        stack->Parameters.CreatePipe.Parameters = &pipe;
    else
        stack->Parameters.Create.FileAttributes = (USHORT)o->attributes;
    irp->Flags = IRP_CREATE_OPERATION | IRP_SYNCHRONOUS_API;
    irp->Tail.Overlay.OriginalFileObject = file;
    status = io_run(&request, irp, device);
    o->information = request.information;
    mm_free(security);
    return status;
}

static NTSTATUS check_device(PDEVICE_OBJECT device, const struct opening *o)
{
    PSECURITY_DESCRIPTOR descriptor = io_descriptor(device);

    if (device->Flags & DO_DEVICE_INITIALIZING)
        return STATUS_NO_SUCH_DEVICE;
    if (device->Flags & DO_EXCLUSIVE && device->ReferenceCount > 0)
        return STATUS_ACCESS_DENIED;
    if (self()->previous_mode == UserMode && !se_access(descriptor, ps_current()->token, o->access ? o->access : 1))
        return STATUS_ACCESS_DENIED;
    return STATUS_SUCCESS;
}

static NTSTATUS find_device(struct opening *o, PDEVICE_OBJECT *device, const WCHAR **rest, size_t *length)
{
    void *body;

    if (o->root) {
        *device = o->root->DeviceObject;
        *rest = o->path;
        *length = wcslen(o->path);
        return STATUS_SUCCESS;
    }
    body = ob_lookup(o->path, wcslen(o->path), rest, length);
    if (!body || !ob_is(body, &ob_device_type))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    *device = body;
    return STATUS_SUCCESS;
}

/* With FILE_OPEN_BY_FILE_ID the name is the volume (or a path on it) and eight bytes of id. */
static PFILE_OBJECT make_file(struct opening *o, PDEVICE_OBJECT device, const WCHAR *rest, size_t length)
{
    WCHAR name[8] = {'\\'};
    PFILE_OBJECT file;

    if (o->options & FILE_OPEN_BY_FILE_ID && o->id) {
        memcpy(name + !o->root, &o->id, sizeof o->id);
        rest = name;
        length = 4 + !o->root;
    }
    file = file_new(device, rest, length);
    if (o->root) {
        file->RelatedFileObject = o->root;
        ob_reference(o->root);
    }
    set_file_flags(file, o);
    side_of(file)->below = o->below;
    side_of(file)->drivers = o->driver;
    return file;
}


NTSTATUS io_open(struct opening *o)
{
    PDEVICE_OBJECT device;
    const WCHAR *rest;
    size_t length;
    PFILE_OBJECT file;
    NTSTATUS status = find_device(o, &device, &rest, &length);

    if (NT_SUCCESS(status))
        status = check_device(device, o);
    if (!NT_SUCCESS(status))
        return status;
    file = make_file(o, device, rest, length);
    status = send_create(o, file, io_target(file));
    if (!NT_SUCCESS(status) || status == STATUS_REPARSE) {
        ob_dereference(file);
        return status;
    }
    side_of(file)->opened = true;
    o->file = file;
    if (o->no_handle)
        return status;
    file->Flags |= FO_HANDLE_CREATED;
    ob_handle(file, o->access, o->driver || self()->previous_mode == KernelMode, o->driver, &o->handle);
    ob_dereference(file);
    return status;
}

void io_close(HANDLE handle)
{
    if (!NT_SUCCESS(ob_close(handle)))
        sim_error("a test closes a handle that is none");
}

PFILE_OBJECT io_open_image(const WCHAR *dos_path)
{
    WCHAR path[300];
    struct opening o = {.path = path, .access = FILE_EXECUTE | FILE_READ_DATA, .disposition = FILE_OPEN, .no_handle = true,
                        .share = FILE_SHARE_READ | FILE_SHARE_DELETE, .options = FILE_NON_DIRECTORY_FILE};

    if (!fs_find(dos_path))
        fs_plant(dos_path, "MZ", 2);
    io_nt_path(dos_path, path, 300);
    return NT_SUCCESS(io_open(&o)) ? o.file : NULL;
}

/* --- data ------------------------------------------------------------------------------------------------------------------------------ */

NTSTATUS io_read(PFILE_OBJECT file, uint64_t offset, void *data, size_t size, size_t *done)
{
    PDEVICE_OBJECT device = io_target(file);
    PIRP irp = io_irp(device);
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    struct request request = {.file = file};

    stack->MajorFunction = IRP_MJ_READ;
    stack->FileObject = file;
    stack->Parameters.Read.Length = (ULONG)size;
    stack->Parameters.Read.ByteOffset.QuadPart = (LONGLONG)offset;
    irp->UserBuffer = data;
    irp->Flags = IRP_READ_OPERATION;
    io_run(&request, irp, device);
    *done = NT_ERROR(request.status) ? 0 : request.information;
    return request.status;
}

/* The caller's buffer: user memory of the current process, or memory of the kernel. */
static void *user_buffer(const void *data, size_t size, unsigned how)
{
    void *buffer;

    if (self()->previous_mode == KernelMode || how & (IO_WRITE_PAGING | IO_WRITE_MDL)) {
        buffer = mm_allocate(BLOCK_NONPAGED, size ? size : 1, 'fuBI', MM_BYTE_END);
        memcpy(buffer, data, size);
        return buffer;
    }
    buffer = mm_user(ps_current(), data, size ? size : 1);
    if (how & IO_WRITE_USER_FAULT)
        mm_user_fault(buffer);
    if (how & IO_WRITE_USER_CHANGING)
        mm_user_change(buffer);
    return buffer;
}

static void release_buffer(void *buffer)
{
    if (mm_block(buffer)->kind == BLOCK_USER)
        mm_user_free(buffer);
    else
        mm_free(buffer);
}

static bool fast_write(PFILE_OBJECT file, uint64_t offset, void *buffer, size_t size, NTSTATUS *status)
{
    PDEVICE_OBJECT device = io_target(file);
    PFAST_IO_DISPATCH fast = device->DriverObject->FastIoDispatch;
    LARGE_INTEGER at = {.QuadPart = (LONGLONG)offset};
    IO_STATUS_BLOCK iosb = {{0}, 0};
    struct crossing crossing;
    BOOLEAN taken;

    if (!fast || !fast->FastIoWrite) {
        if (io_is_drivers(device))
            bug("fast-io", "the filter on top of the stack has no FastIoWrite: the volume loses fast I/O");
        return false;
    }
    cross_in(&crossing, "a fast I/O routine");
    taken = fast->FastIoWrite(file, &at, (ULONG)size, TRUE, 0, buffer, &iosb, device);
    cross_out(&crossing);
    *status = iosb.Status;
    return taken;
}

NTSTATUS io_write(PFILE_OBJECT file, uint64_t offset, const void *data, size_t size, unsigned how)
{
    void *buffer = user_buffer(data, size, how);
    PDEVICE_OBJECT device = io_target(file);
    struct request request = {.file = file};
    PIO_STACK_LOCATION stack;
    NTSTATUS status;
    MDL mdl = {.MdlFlags = MDL_MAPPED_TO_SYSTEM_VA | MDL_PAGES_LOCKED, .MappedSystemVa = buffer, .StartVa = buffer, .ByteCount = (ULONG)size};
    PIRP irp;

    if (how & IO_WRITE_FAST && fast_write(file, offset, buffer, size, &status)) {
        release_buffer(buffer);
        return status;
    }
    irp = io_irp(device);
    stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    stack->MajorFunction = IRP_MJ_WRITE;
    stack->FileObject = file;
    stack->Parameters.Write.Length = (ULONG)size;
    stack->Parameters.Write.ByteOffset.QuadPart = (LONGLONG)offset;
    irp->Flags = IRP_WRITE_OPERATION | (how & IO_WRITE_PAGING ? IRP_PAGING_IO | IRP_NOCACHE : 0);
    if (!(how & IO_WRITE_MDL))
        irp->UserBuffer = buffer;
    if (how & (IO_WRITE_PAGING | IO_WRITE_MDL))
        irp->MdlAddress = &mdl;
    status = io_run(&request, irp, device);
    release_buffer(buffer);
    return status;
}

/* --- information --------------------------------------------------------------------------------------------------------------------------- */

NTSTATUS io_set_information(PFILE_OBJECT file, ULONG class, const void *data, size_t size, PFILE_OBJECT target, bool replace)
{
    PDEVICE_OBJECT device = io_target(file);
    PIRP irp = io_irp(device);
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    struct request request = {.file = file};

    request.system_buffer = mm_allocate(BLOCK_OBJECT, size, 'fnIF', MM_BYTE_END);
    memcpy(request.system_buffer, data, size);
    irp->AssociatedIrp.SystemBuffer = request.system_buffer;
    irp->Flags = IRP_BUFFERED_IO | IRP_SYNCHRONOUS_API;
    stack->MajorFunction = IRP_MJ_SET_INFORMATION;
    stack->FileObject = file;
    stack->Parameters.SetFile.Length = (ULONG)size;
    stack->Parameters.SetFile.FileInformationClass = (FILE_INFORMATION_CLASS)class;
    stack->Parameters.SetFile.FileObject = target;
    stack->Parameters.SetFile.ReplaceIfExists = replace;
    return io_run(&request, irp, device);
}

static NTSTATUS query(PFILE_OBJECT file, UCHAR major, ULONG class, void *data, size_t room, size_t *size)
{
    PDEVICE_OBJECT device = io_target(file);
    PIRP irp = io_irp(device);
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    struct request request = {.file = file, .output = data, .output_size = room};

    request.system_buffer = mm_allocate(BLOCK_OBJECT, room ? room : 1, 'fnIF', MM_BYTE_END);
    irp->AssociatedIrp.SystemBuffer = request.system_buffer;
    irp->Flags = IRP_BUFFERED_IO | IRP_SYNCHRONOUS_API;
    stack->MajorFunction = major;
    stack->FileObject = file;
    if (major == IRP_MJ_QUERY_INFORMATION) {
        stack->Parameters.QueryFile.Length = (ULONG)room;
        stack->Parameters.QueryFile.FileInformationClass = (FILE_INFORMATION_CLASS)class;
    } else {
        stack->Parameters.QueryVolume.Length = (ULONG)room;
        stack->Parameters.QueryVolume.FsInformationClass = (FS_INFORMATION_CLASS)class;
    }
    io_run(&request, irp, device);
    if (size)
        *size = NT_ERROR(request.status) ? 0 : request.information;
    return request.status;
}

NTSTATUS io_query_information(PFILE_OBJECT file, ULONG class, void *data, size_t room, size_t *size)
{
    return query(file, IRP_MJ_QUERY_INFORMATION, class, data, room, size);
}

/* --- the driver's own file accesses ------------------------------------------------------------------------------------------------------------ */

static PFILE_OBJECT file_by_handle(HANDLE handle)
{
    void *body = ob_handle_body(handle);

    return body && ob_is(body, &ob_file_type) ? body : NULL;
}

/* An access through the top of the stack from inside a callback meets the filter again. */
static void check_recursion(const char *what, PFILE_OBJECT file)
{
    if (flt_in_callback() && (!file || !side_of(file)->below))
        bug("recursion", "%s inside a file system callback starts at the top of the stack", what);
}

NTSTATUS io_create_for_driver(PHANDLE handle, PFILE_OBJECT *object, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK iosb,
                                ULONG file_attributes, ULONG share, ULONG disposition, ULONG options, ULONG flags, PDEVICE_OBJECT below)
{
    WCHAR path[1024];
    PUNICODE_STRING name = attributes->ObjectName;
    struct opening o = {.path = path, .access = access, .disposition = disposition, .options = options, .attributes = file_attributes,
                        .share = share, .flags = flags, .below = below, .driver = true, .descriptor = attributes->SecurityDescriptor};
    size_t length = name ? name->Length / sizeof(WCHAR) : 0;
    NTSTATUS status;

    if (!(attributes->Attributes & OBJ_KERNEL_HANDLE))
        bug("user-handle", "a file is opened without OBJ_KERNEL_HANDLE");
    if (length >= 1024)
        return STATUS_OBJECT_NAME_INVALID;
    if (length)
        memcpy(path, name->Buffer, length * sizeof(WCHAR));
    path[length] = 0;
    if (attributes->RootDirectory) {
        o.root = file_by_handle(attributes->RootDirectory);
        if (!o.root)
            return STATUS_INVALID_HANDLE;
    }
    if (options & FILE_OPEN_BY_FILE_ID && length >= 4)
        memcpy(&o.id, path + length - 4, sizeof o.id);
    status = io_open(&o);
    if (iosb) {
        iosb->Status = status;
        iosb->Information = o.information;
    }
    if (!NT_SUCCESS(status))
        return status;
    *handle = o.handle;
    if (object) {
        ob_reference(o.file);
        ob_give(o.file);
        *object = o.file;
    }
    return status;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwCreateFile, (PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK iosb,
                                                PLARGE_INTEGER size, ULONG file_attributes, ULONG share, ULONG disposition, ULONG options,
                                                PVOID ea, ULONG ea_length))
{
    (void)size, (void)ea, (void)ea_length;
    check_recursion("ZwCreateFile", NULL);
    return io_create_for_driver(handle, NULL, access, attributes, iosb, file_attributes, share, disposition, options, 0, NULL);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwOpenFile, (PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK iosb,
                                              ULONG share, ULONG options))
{
    check_recursion("ZwOpenFile", NULL);
    return io_create_for_driver(handle, NULL, access, attributes, iosb, 0, share, FILE_OPEN, options, 0, NULL);
}

/* The hint must be on the target's stack; the request starts there. */
FALLIBLE(FAILS_STATUS, NTSTATUS, IoCreateFileSpecifyDeviceObjectHint, (PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes,
                                                                       PIO_STATUS_BLOCK iosb, PLARGE_INTEGER size, ULONG file_attributes,
                                                                       ULONG share, ULONG disposition, ULONG options, PVOID ea,
                                                                       ULONG ea_length, CREATE_FILE_TYPE type, PVOID extra, ULONG flags,
                                                                       PVOID hint))
{
    (void)size, (void)ea, (void)ea_length, (void)type, (void)extra;
    if (hint)
        ob_is(hint, &ob_device_type);
    else
        check_recursion("IoCreateFileSpecifyDeviceObjectHint without a device", NULL);
    return io_create_for_driver(handle, NULL, access, attributes, iosb, file_attributes, share, disposition, options, flags, hint);
}

static NTSTATUS transfer_result(PIO_STATUS_BLOCK iosb, NTSTATUS status, size_t done)
{
    iosb->Status = status;
    iosb->Information = done;
    return status;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwReadFile, (HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc, PVOID context, PIO_STATUS_BLOCK iosb,
                                              PVOID buffer, ULONG length, PLARGE_INTEGER offset, PULONG key))
{
    PFILE_OBJECT file = file_by_handle(handle);
    size_t done;
    NTSTATUS status;

    (void)event, (void)apc, (void)context, (void)key;
    if (!file)
        return STATUS_INVALID_HANDLE;
    check_recursion("ZwReadFile", file);
    status = io_read(file, (uint64_t)(offset ? offset->QuadPart : file->CurrentByteOffset.QuadPart), buffer, length, &done);
    file->CurrentByteOffset.QuadPart += (LONGLONG)done;
    return transfer_result(iosb, status, done);
}

static NTSTATUS write_for_driver(PFILE_OBJECT file, uint64_t offset, const void *buffer, ULONG length)
{
    KPROCESSOR_MODE mode = self()->previous_mode;
    NTSTATUS status;

    self()->previous_mode = KernelMode;
    status = io_write(file, offset, buffer, length, 0);
    self()->previous_mode = mode;
    return status;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwWriteFile, (HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc, PVOID context, PIO_STATUS_BLOCK iosb,
                                               PVOID buffer, ULONG length, PLARGE_INTEGER offset, PULONG key))
{
    PFILE_OBJECT file = file_by_handle(handle);
    uint64_t at;
    NTSTATUS status;

    (void)event, (void)apc, (void)context, (void)key;
    if (!file)
        return STATUS_INVALID_HANDLE;
    check_recursion("ZwWriteFile", file);
    at = (uint64_t)(offset ? offset->QuadPart : file->CurrentByteOffset.QuadPart);
    status = write_for_driver(file, at, buffer, length);
    file->CurrentByteOffset.QuadPart += length;
    return transfer_result(iosb, status, NT_SUCCESS(status) ? length : 0);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwQueryInformationFile, (HANDLE handle, PIO_STATUS_BLOCK iosb, PVOID buffer, ULONG length,
                                                          FILE_INFORMATION_CLASS class))
{
    PFILE_OBJECT file = file_by_handle(handle);
    size_t size = 0;
    NTSTATUS status;

    if (!file)
        return STATUS_INVALID_HANDLE;
    check_recursion("ZwQueryInformationFile", file);
    status = io_query_information(file, (ULONG)class, buffer, length, &size);
    return transfer_result(iosb, status, size);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwQueryVolumeInformationFile, (HANDLE handle, PIO_STATUS_BLOCK iosb, PVOID buffer, ULONG length,
                                                                FS_INFORMATION_CLASS class))
{
    PFILE_OBJECT file = file_by_handle(handle);
    size_t size = 0;
    NTSTATUS status;

    if (!file)
        return STATUS_INVALID_HANDLE;
    status = query(file, IRP_MJ_QUERY_VOLUME_INFORMATION, (ULONG)class, buffer, length, &size);
    return transfer_result(iosb, status, size);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwQueryDirectoryFile, (HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc, PVOID context, PIO_STATUS_BLOCK iosb,
                                                        PVOID buffer, ULONG length, FILE_INFORMATION_CLASS class, BOOLEAN single,
                                                        PUNICODE_STRING name, BOOLEAN restart))
{
    PFILE_OBJECT file = file_by_handle(handle);
    PDEVICE_OBJECT device;
    PIRP irp;
    PIO_STACK_LOCATION stack;
    struct request request = {.file = file};

    (void)event, (void)apc, (void)context, (void)single, (void)name;
    if (!file || class != FileDirectoryInformation)
        return file ? STATUS_INVALID_INFO_CLASS : STATUS_INVALID_HANDLE;
    check_recursion("ZwQueryDirectoryFile", file);
    device = io_target(file);
    irp = io_irp(device);
    stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    stack->MajorFunction = IRP_MJ_DIRECTORY_CONTROL;
    stack->MinorFunction = IRP_MN_QUERY_DIRECTORY;
    stack->FileObject = file;
    stack->Flags = restart ? SL_RESTART_SCAN : 0;
    stack->Parameters.QueryDirectory.Length = length;
    irp->UserBuffer = buffer;
    io_run(&request, irp, device);
    return transfer_result(iosb, request.status, request.information);
}

static NTSTATUS set_for_driver(PFILE_OBJECT file, ULONG class, const void *buffer, ULONG length)
{
    return io_set_information(file, class, buffer, length, NULL, class == FileRenameInformation && *(const BOOLEAN *)buffer);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwSetInformationFile, (HANDLE handle, PIO_STATUS_BLOCK iosb, PVOID buffer, ULONG length,
                                                        FILE_INFORMATION_CLASS class))
{
    PFILE_OBJECT file = file_by_handle(handle);

    if (!file)
        return STATUS_INVALID_HANDLE;
    check_recursion("ZwSetInformationFile", file);
    return transfer_result(iosb, set_for_driver(file, (ULONG)class, buffer, length), 0);
}

/* Files keep theirs on the node; devices get theirs set for good. */
FALLIBLE(FAILS_STATUS, NTSTATUS, ZwSetSecurityObject, (HANDLE handle, SECURITY_INFORMATION what, PSECURITY_DESCRIPTOR descriptor))
{
    void *body = ob_handle_body(handle);
    struct fs_stream *stream;

    if (!body)
        return STATUS_INVALID_HANDLE;
    if (ob_is(body, &ob_device_type)) {
        io_set_descriptor(body, descriptor, what);
        return STATUS_SUCCESS;
    }
    stream = ob_is(body, &ob_file_type) ? fs_stream_of(body) : NULL;
    if (!stream)
        return STATUS_NOT_SUPPORTED;
    stream->node->descriptor_size = fsio_flatten(descriptor, stream->node->descriptor, sizeof stream->node->descriptor);
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwQuerySecurityObject, (HANDLE handle, SECURITY_INFORMATION what, PSECURITY_DESCRIPTOR descriptor,
                                                         ULONG length, PULONG needed))
{
    PFILE_OBJECT file = file_by_handle(handle);
    struct fs_stream *stream = file ? fs_stream_of(file) : NULL;

    (void)what;
    if (!stream)
        return STATUS_INVALID_HANDLE;
    *needed = (ULONG)stream->node->descriptor_size;
    if (length < *needed)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(descriptor, stream->node->descriptor, *needed);
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ObSetSecurityObjectByPointer, (PVOID body, SECURITY_INFORMATION what, PSECURITY_DESCRIPTOR descriptor))
{
    io_set_descriptor(body, descriptor, what);
    return STATUS_SUCCESS;
}

EXPORT(NTSTATUS, IoQueryFileDosDeviceName, (PFILE_OBJECT file, POBJECT_NAME_INFORMATION *information))
{
    (void)file, (void)information;
    return STATUS_OBJECT_NAME_NOT_FOUND;
}

EXPORT_DATA(POBJECT_TYPE, IoFileObjectType)
EXPORT_DATA(POBJECT_TYPE, IoDeviceObjectType)
EXPORT_DATA(POBJECT_TYPE, IoDriverObjectType)
EXPORT_DATA(POBJECT_TYPE, ExEventObjectType)

void io_export_variables(void)
{
    nt_IoFileObjectType = (POBJECT_TYPE)&ob_file_type;
    nt_IoDeviceObjectType = (POBJECT_TYPE)&ob_device_type;
    nt_IoDriverObjectType = (POBJECT_TYPE)&ob_driver_type;
    nt_ExEventObjectType = (POBJECT_TYPE)&ob_event_type;
}
