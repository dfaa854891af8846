/* SPDX-License-Identifier: MIT */
/* The file system's dispatch routines and fast I/O. */
#include "fsio.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "export.h"
#include "flt.h"
#include "io.h"
#include "irql.h"
#include "ke.h"
#include "mm.h"
#include "ob.h"
#include "profile.h"
#include "ps.h"
#include "verify.h"

static bool asynchronous;
static PDRIVER_OBJECT disk_driver;

void fs_asynchronous(bool on) { asynchronous = on; }

/* --- contexts of a file object --------------------------------------------------------------------------------------------- */

void fsio_header(struct fs_stream *stream)
{
    stream->mutex.Count = 1;
    stream->header.NodeByteSize = sizeof stream->header;
    stream->header.Flags = 0x40; /* FSRTL_FLAG_ADVANCED_HEADER */
    stream->header.Flags2 = 0x02; /* FSRTL_FLAG2_SUPPORTS_FILTER_CONTEXTS */
    stream->header.FastMutex = &stream->mutex;
    InitializeListHead(&stream->header.FilterContexts);
}

struct fs_ccb *fsio_ccb(struct fs_stream *stream, ULONG options)
{
    struct fs_ccb *ccb = mm_allocate(BLOCK_OBJECT, sizeof *ccb, 'bcCF', 0);

    memset(ccb, 0, sizeof *ccb);
    ccb->stream = stream;
    ccb->options = options;
    ccb->delete_on_close = options & FILE_DELETE_ON_CLOSE;
    return ccb;
}

/* Sharing among open file objects, by what each one has and allows; kept on the stream as counters in the header's reserved part. */
static struct sharing {
    struct fs_stream *stream;
    PFILE_OBJECT file;
} sharings[256];

void fsio_note_access(PFILE_OBJECT file, ULONG access, ULONG share)
{
    file->ReadAccess = (access & (FILE_READ_DATA | FILE_EXECUTE | GENERIC_READ | GENERIC_ALL)) != 0;
    file->WriteAccess = (access & (FILE_WRITE_DATA | FILE_APPEND_DATA | GENERIC_WRITE | GENERIC_ALL)) != 0;
    file->DeleteAccess = (access & (DELETE | GENERIC_ALL)) != 0;
    file->SharedRead = (share & FILE_SHARE_READ) != 0;
    file->SharedWrite = (share & FILE_SHARE_WRITE) != 0;
    file->SharedDelete = (share & FILE_SHARE_DELETE) != 0;
    sched_lock();
    for (unsigned i = 0; i < 256; i++)
        if (!sharings[i].file) {
            sharings[i] = (struct sharing){file->FsContext, file};
            break;
        }
    sched_unlock();
}

static void forget_sharing(PFILE_OBJECT file)
{
    for (unsigned i = 0; i < 256; i++)
        if (sharings[i].file == file)
            sharings[i].file = NULL;
}

NTSTATUS fsio_share(struct fs_stream *stream, PFILE_OBJECT file, ULONG access)
{
    bool read = access & (FILE_READ_DATA | FILE_EXECUTE | GENERIC_READ), write = access & (FILE_WRITE_DATA | FILE_APPEND_DATA | GENERIC_WRITE);
    bool erase = access & DELETE;

    NTSTATUS status = STATUS_SUCCESS;

    if (file->Flags & 0x40000000) /* the simulator's mark for IO_IGNORE_SHARE_ACCESS_CHECK */
        return STATUS_SUCCESS;
    sched_lock();
    for (unsigned i = 0; i < 256; i++) {
        PFILE_OBJECT other = sharings[i].file;

        if (!other || sharings[i].stream != stream)
            continue;
        if ((read && !other->SharedRead) || (write && !other->SharedWrite) || (erase && !other->SharedDelete))
            status = STATUS_SHARING_VIOLATION;
    }
    sched_unlock();
    return status;
}

static struct fs_ccb *ccb_of(PFILE_OBJECT file) { return file->FsContext2; }

/* --- cleanup, close ------------------------------------------------------------------------------------------------------------- */

static void remove_node(struct fs_node *node)
{
    node->gone = true;
    for (struct fs_stream *s = node->streams; s; s = s->next)
        s->gone = true;
}

static void maybe_delete(struct fs_stream *stream, bool posix)
{
    if (!stream->delete_pending || (stream->handles && !posix))
        return;
    if (stream->name[0])
        stream->gone = true;
    else
        remove_node(stream->node);
}

static NTSTATUS do_cleanup(PFILE_OBJECT file)
{
    struct fs_ccb *ccb = ccb_of(file);

    if (ccb->cleaned)
        sim_error("a file object is cleaned up twice");
    ccb->cleaned = true;
    file->Flags |= FO_CLEANUP_COMPLETE;
    ccb->stream->handles--;
    forget_sharing(file);
    if (ccb->delete_on_close)
        ccb->stream->delete_pending = true;
    maybe_delete(ccb->stream, ccb->posix);
    return STATUS_SUCCESS;
}

static NTSTATUS do_close(PFILE_OBJECT file)
{
    struct fs_ccb *ccb = ccb_of(file);

    if (--ccb->stream->references == 0 && ccb->stream != &ccb->stream->node->volume->dasd)
        flt_stream_gone(ccb->stream);
    mm_free(ccb);
    file->FsContext2 = NULL;
    return STATUS_SUCCESS;
}

/* --- reading and writing ----------------------------------------------------------------------------------------------------------- */

static size_t copy_out(struct fs_stream *stream, uint64_t offset, void *data, size_t size)
{
    size_t left = offset < stream->size ? stream->size - (size_t)offset : 0;

    if (size > left)
        size = left;
    memcpy(data, stream->data + offset, size);
    return size;
}

/* A request that is finished by another thread carries a copy of the caller's buffer. */
static void *irp_buffer(PIRP irp)
{
    if (irp->Tail.Overlay.DriverContext[3])
        return irp->Tail.Overlay.DriverContext[3];
    return irp->AssociatedIrp.SystemBuffer ? irp->AssociatedIrp.SystemBuffer : irp->MdlAddress ? irp->MdlAddress->MappedSystemVa : irp->UserBuffer;
}

static NTSTATUS do_read(PFILE_OBJECT file, PIRP irp, PIO_STACK_LOCATION stack)
{
    struct fs_stream *stream = ccb_of(file)->stream;
    uint64_t offset = (uint64_t)stack->Parameters.Read.ByteOffset.QuadPart;

    if (!stack->Parameters.Read.Length)
        return STATUS_SUCCESS;
    if (stream != &stream->node->volume->dasd && offset >= stream->size)
        return STATUS_END_OF_FILE;
    irp->IoStatus.Information = copy_out(stream, offset, irp_buffer(irp), stack->Parameters.Read.Length);
    return STATUS_SUCCESS;
}

static uint64_t write_offset(const struct fs_stream *stream, LARGE_INTEGER at)
{
    return at.HighPart == -1 && at.LowPart == 0xffffffff ? stream->size : (uint64_t)at.QuadPart;
}

/* The data was checked and copied by the I/O manager when it came from a user buffer of ill manners. */
static NTSTATUS do_write(PFILE_OBJECT file, PIRP irp, PIO_STACK_LOCATION stack)
{
    struct fs_stream *stream = ccb_of(file)->stream;
    ULONG length = stack->Parameters.Write.Length;
    struct block *block = length ? mm_block(irp_buffer(irp)) : NULL;

    if (block && block->kind == BLOCK_USER && (block->faulting || !mm_user_valid(block->owner, irp_buffer(irp), length)))
        return STATUS_INVALID_USER_BUFFER;
    if (length && stream != &stream->node->volume->dasd)
        fsio_store(stream, write_offset(stream, stack->Parameters.Write.ByteOffset), irp_buffer(irp), length);
    stream->node->written = sched_now();
    irp->IoStatus.Information = length;
    return STATUS_SUCCESS;
}

/* --- information ----------------------------------------------------------------------------------------------------------------------- */

static NTSTATUS give(PIRP irp, const void *data, size_t size, size_t room)
{
    memcpy(irp->AssociatedIrp.SystemBuffer, data, size < room ? size : room);
    irp->IoStatus.Information = size < room ? size : room;
    return size <= room ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

static NTSTATUS give_name(PIRP irp, struct fs_stream *stream, size_t room)
{
    struct {
        ULONG length;
        WCHAR name[512];
    } name;

    if (room < 8)
        return STATUS_INFO_LENGTH_MISMATCH;
    name.length = (ULONG)(fs_path(stream->node, stream, name.name, 512) * sizeof(WCHAR));
    return give(irp, &name, 4 + name.length, room);
}

static NTSTATUS give_standard(PIRP irp, PFILE_OBJECT file, size_t room)
{
    struct fs_stream *stream = ccb_of(file)->stream;
    FILE_STANDARD_INFORMATION standard = {.NumberOfLinks = 1, .DeletePending = stream->delete_pending, .Directory = stream->node->directory};

    if (stream->gone && !stream->node->volume->fat) /* FAT only ever says "pending" */
        return STATUS_FILE_DELETED;
    standard.EndOfFile.QuadPart = (LONGLONG)stream->size;
    standard.AllocationSize.QuadPart = (LONGLONG)((stream->size + 4095) & ~(size_t)4095);
    return give(irp, &standard, sizeof standard, room);
}

static void fill_basic(const struct fs_node *node, FILE_BASIC_INFORMATION *basic)
{
    memset(basic, 0, sizeof *basic);
    basic->CreationTime.QuadPart = node->created;
    basic->LastAccessTime.QuadPart = node->accessed;
    basic->LastWriteTime.QuadPart = node->written;
    basic->ChangeTime.QuadPart = node->changed;
    basic->FileAttributes = node->attributes;
}

static NTSTATUS do_query(PFILE_OBJECT file, PIRP irp, PIO_STACK_LOCATION stack)
{
    struct fs_stream *stream = ccb_of(file)->stream;
    size_t room = stack->Parameters.QueryFile.Length;
    FILE_BASIC_INFORMATION basic;
    FILE_ID_INFO id = {0x1234567890ABCDEF, {0}};
    LONGLONG position = file->CurrentByteOffset.QuadPart;

    fill_basic(stream->node, &basic);
    memcpy(id.FileId, &stream->node->id, 8);
    switch ((int)stack->Parameters.QueryFile.FileInformationClass) {
    case FileBasicInformation:
        return give(irp, &basic, sizeof basic, room);
    case FileStandardInformation:
        return give_standard(irp, file, room);
    case FileInternalInformation:
        return give(irp, &stream->node->id, 8, room);
    case FileNameInformation:
        return give_name(irp, stream, room);
    case FilePositionInformation:
        return give(irp, &position, 8, room);
    case FileAttributeTagInformation:
        return give(irp, (ULONG[2]){stream->node->attributes, 0}, 8, room);
    case FileIdInformation_:
        return stream->node->volume->fat ? STATUS_INVALID_INFO_CLASS : give(irp, &id, sizeof id, room);
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

static void take_basic(struct fs_node *node, const FILE_BASIC_INFORMATION *basic)
{
    if (basic->CreationTime.QuadPart > 0)
        node->created = basic->CreationTime.QuadPart;
    if (basic->LastAccessTime.QuadPart > 0)
        node->accessed = basic->LastAccessTime.QuadPart;
    if (basic->LastWriteTime.QuadPart > 0)
        node->written = basic->LastWriteTime.QuadPart;
    if (basic->FileAttributes)
        node->attributes = basic->FileAttributes | (node->directory ? FILE_ATTRIBUTE_DIRECTORY : 0);
}

static NTSTATUS set_delete(struct fs_stream *stream, bool on)
{
    if (on && stream->node->attributes & FILE_ATTRIBUTE_READONLY)
        return STATUS_CANNOT_DELETE;
    if (on && stream->node->directory && !stream->name[0])
        for (struct fs_node *n = stream->node->children; n; n = n->next)
            if (!n->gone)
                return STATUS_DIRECTORY_NOT_EMPTY;
    stream->delete_pending = on;
    return STATUS_SUCCESS;
}

static NTSTATUS set_delete_ex(PFILE_OBJECT file, ULONG flags)
{
    struct fs_ccb *ccb = ccb_of(file);

    if (flags & 8) {
        ccb->delete_on_close = flags & 1;
        return STATUS_SUCCESS;
    }
    ccb->posix = flags & 2;
    return set_delete(ccb->stream, flags & 1);
}

/* The name in the buffer: full path, or a component when the directory stays the same. */
static NTSTATUS do_rename(PFILE_OBJECT file, PIRP irp, PIO_STACK_LOCATION stack)
{
    const FILE_RENAME_INFORMATION *info = irp->AssociatedIrp.SystemBuffer;
    struct fs_node *node = ccb_of(file)->stream->node, *parent = node->parent, *victim;
    PFILE_OBJECT target = stack->Parameters.SetFile.FileObject;
    bool replace = (int)stack->Parameters.SetFile.FileInformationClass == FileRenameInformationEx_ ? ((ULONG *)info)[0] & 1
                                                                                                  : info->ReplaceIfExists;
    const WCHAR *name = info->FileName;
    size_t length = info->FileNameLength / sizeof(WCHAR);

    if (target)
        parent = fs_stream_of(target)->node;
    for (size_t i = length; i-- > 0;)
        if (name[i] == '\\') {
            name += i + 1;
            length -= i + 1;
            break;
        }
    for (victim = parent->children; victim; victim = victim->next)
        if (!victim->gone && victim != node && wcslen(victim->name) == length && _wcsnicmp(victim->name, name, length) == 0)
            break;
    if (victim && !replace)
        return STATUS_OBJECT_NAME_COLLISION;
    if (victim)
        remove_node(victim);
    wcsncpy(node->name, name, length);
    node->name[length] = 0;
    if (parent != node->parent) {
        struct fs_node **at = &node->parent->children;

        while (*at != node)
            at = &(*at)->next;
        *at = node->next;
        node->next = parent->children;
        parent->children = node;
        node->parent = parent;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS do_set(PFILE_OBJECT file, PIRP irp, PIO_STACK_LOCATION stack)
{
    struct fs_stream *stream = ccb_of(file)->stream;
    const void *data = irp->AssociatedIrp.SystemBuffer;
    uint64_t number = 0;

    if (stack->Parameters.SetFile.Length >= 8)
        memcpy(&number, data, 8);
    switch ((int)stack->Parameters.SetFile.FileInformationClass) {
    case FileBasicInformation:
        take_basic(stream->node, data);
        return STATUS_SUCCESS;
    case FileDispositionInformation:
        return set_delete(stream, *(const BOOLEAN *)data);
    case FileDispositionInformationEx_:
        return nt_at_least(WIN10_1607) ? set_delete_ex(file, *(const ULONG *)data) : STATUS_INVALID_INFO_CLASS;
    case FileRenameInformation:
        return do_rename(file, irp, stack);
    case FileRenameInformationEx_:
        return nt_at_least(WIN10_1607) ? do_rename(file, irp, stack) : STATUS_INVALID_INFO_CLASS;
    case FilePositionInformation:
        file->CurrentByteOffset.QuadPart = (LONGLONG)number;
        return STATUS_SUCCESS;
    case FileEndOfFileInformation:
    case FileAllocationInformation:
        if (number < stream->size)
            stream->size = (size_t)number;
        else if ((int)stack->Parameters.SetFile.FileInformationClass == FileEndOfFileInformation && number > stream->size)
            fsio_store(stream, (size_t)number, NULL, 0);
        return STATUS_SUCCESS;
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

static NTSTATUS do_volume(PFILE_OBJECT file, PIRP irp, PIO_STACK_LOCATION stack)
{
    struct fs_volume *volume = ccb_of(file)->stream->node->volume;
    size_t room = stack->Parameters.QueryVolume.Length;
    LONGLONG size[3] = {0x100000, 0x80000, 8ll | 512ll << 32};
    LONGLONG full[4] = {0x100000, 0x80000, 0x80000, 8ll | 512ll << 32};
    struct {
        ULONG attributes;
        LONG longest;
        ULONG length;
        WCHAR name[8];
    } attribute = {volume->fat ? 6 : 0x00c700ff, 255, volume->fat ? 10 : 8, L"NTFS"};

    if (volume->fat)
        wcscpy(attribute.name, L"FAT32");
    switch ((int)stack->Parameters.QueryVolume.FsInformationClass) {
    case FileFsSizeInformation:
        return give(irp, size, sizeof size, room);
    case FileFsFullSizeInformation:
        return give(irp, full, sizeof full, room);
    case FileFsAttributeInformation:
        return give(irp, &attribute, 12 + attribute.length, room);
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

/* FILE_DIRECTORY_INFORMATION: next 0, index 4, four times 8, size 40, allocation 48, attributes 56, name length 60, name 64 */
static NTSTATUS do_directory(PFILE_OBJECT file, PIRP irp, PIO_STACK_LOCATION stack)
{
    struct fs_ccb *ccb = ccb_of(file);
    struct fs_node *node = ccb->stream->node->children;
    uint8_t *out = irp->UserBuffer, *last = NULL;
    size_t room = stack->Parameters.QueryDirectory.Length, used = 0;

    if (stack->Flags & SL_RESTART_SCAN)
        ccb->cursor = 0;
    for (unsigned i = 0; node && i < ccb->cursor; i++)
        node = node->next;
    for (; node; node = node->next, ccb->cursor++) {
        size_t bytes = wcslen(node->name) * sizeof(WCHAR), size = (64 + bytes + 7) & ~(size_t)7;

        if (node->gone)
            continue;
        if (used + size > room)
            break;
        memset(out + used, 0, size);
        *(LONGLONG *)(out + used + 40) = (LONGLONG)fs_stream(node, L"", 0)->size;
        *(ULONG *)(out + used + 56) = node->attributes;
        *(ULONG *)(out + used + 60) = (ULONG)bytes;
        memcpy(out + used + 64, node->name, bytes);
        if (last)
            *(ULONG *)last = (ULONG)(out + used - last);
        last = out + used;
        used += size;
    }
    irp->IoStatus.Information = used;
    return used ? STATUS_SUCCESS : node ? STATUS_BUFFER_OVERFLOW : STATUS_NO_MORE_FILES;
}

static NTSTATUS do_control(PFILE_OBJECT file, PIO_STACK_LOCATION stack)
{
    struct fs_stream *stream = ccb_of(file)->stream;

    if (stack->Parameters.FileSystemControl.FsControlCode == 0x0009009C) { /* FSCTL_GET_OBJECT_ID */
        if (stream->node->volume->fat)
            return STATUS_INVALID_DEVICE_REQUEST;
        return stream->node->gone ? STATUS_FILE_DELETED : STATUS_OBJECTID_NOT_FOUND_;
    }
    return STATUS_INVALID_DEVICE_REQUEST;
}

/* --- security ------------------------------------------------------------------------------------------------------------------------------ */

/* Self-relative, DACL and owner only. */
size_t fsio_flatten(PSECURITY_DESCRIPTOR descriptor, uint8_t *to, size_t room)
{
    PISECURITY_DESCRIPTOR from = (PISECURITY_DESCRIPTOR)descriptor;
    PISECURITY_DESCRIPTOR_RELATIVE flat = (PISECURITY_DESCRIPTOR_RELATIVE)to;
    bool relative = from->Control & SE_SELF_RELATIVE;
    PACL dacl = relative ? (PACL)((uint8_t *)from + ((PISECURITY_DESCRIPTOR_RELATIVE)from)->Dacl) : from->Dacl;
    uint8_t *owner = relative ? (uint8_t *)from + ((PISECURITY_DESCRIPTOR_RELATIVE)from)->Owner : from->Owner;
    size_t used = sizeof *flat;

    memset(to, 0, room);
    flat->Revision = 1;
    flat->Control = (SECURITY_DESCRIPTOR_CONTROL)(from->Control | SE_SELF_RELATIVE);
    if (from->Control & SE_DACL_PRESENT && dacl) {
        flat->Dacl = (ULONG)used;
        memcpy(to + used, dacl, dacl->AclSize);
        used += dacl->AclSize;
    }
    if (owner && (uint8_t *)owner != (uint8_t *)from) {
        size_t length = 8 + 4u * owner[1];

        flat->Owner = (ULONG)used;
        memcpy(to + used, owner, length);
        used += length;
    }
    return used;
}

static NTSTATUS do_security(PFILE_OBJECT file, PIRP irp, PIO_STACK_LOCATION stack, bool set)
{
    struct fs_node *node = ccb_of(file)->stream->node;

    if (set) {
        node->descriptor_size = fsio_flatten(stack->Parameters.SetSecurity.SecurityDescriptor, node->descriptor, sizeof node->descriptor);
        return STATUS_SUCCESS;
    }
    irp->IoStatus.Information = node->descriptor_size;
    if (stack->Parameters.QuerySecurity.Length < node->descriptor_size)
        return STATUS_BUFFER_OVERFLOW;
    memcpy(irp->UserBuffer, node->descriptor, node->descriptor_size);
    return STATUS_SUCCESS;
}

/* --- dispatch ---------------------------------------------------------------------------------------------------------------------------------- */

static NTSTATUS perform(struct fs_volume *volume, PIRP irp, PIO_STACK_LOCATION stack)
{
    PFILE_OBJECT file = stack->FileObject;

    irp->IoStatus.Information = 0;
    switch (stack->MajorFunction) {
    case IRP_MJ_CREATE:
        return fs_create(volume, irp, stack);
    case IRP_MJ_CLEANUP:
        return do_cleanup(file);
    case IRP_MJ_CLOSE:
        return do_close(file);
    case IRP_MJ_READ:
        return do_read(file, irp, stack);
    case IRP_MJ_WRITE:
        return do_write(file, irp, stack);
    case IRP_MJ_QUERY_INFORMATION:
        return do_query(file, irp, stack);
    case IRP_MJ_SET_INFORMATION:
        return do_set(file, irp, stack);
    case IRP_MJ_QUERY_VOLUME_INFORMATION:
        return do_volume(file, irp, stack);
    case IRP_MJ_DIRECTORY_CONTROL:
        return do_directory(file, irp, stack);
    case IRP_MJ_FILE_SYSTEM_CONTROL:
        return do_control(file, stack);
    case IRP_MJ_QUERY_SECURITY:
        return do_security(file, irp, stack, false);
    case IRP_MJ_SET_SECURITY:
        return do_security(file, irp, stack, true);
    case IRP_MJ_FLUSH_BUFFERS:
        return STATUS_SUCCESS;
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}

struct late {
    struct fs_volume *volume;
    PIRP irp;
};

static void finish_late(void *argument)
{
    struct late late = *(struct late *)argument;
    PIO_STACK_LOCATION stack = late.irp->Tail.Overlay.CurrentStackLocation;
    bool high = stack->MajorFunction == IRP_MJ_WRITE || stack->MajorFunction == IRP_MJ_READ;

    free(argument);
    late.irp->IoStatus.Status = perform(late.volume, late.irp, stack);
    free(late.irp->Tail.Overlay.DriverContext[3]);
    late.irp->Tail.Overlay.DriverContext[3] = NULL;
    if (high)
        irql_raise(DISPATCH_LEVEL);
    io_complete(late.irp);
    if (high)
        irql_lower(PASSIVE_LEVEL);
}

/* Could the caller's buffer be locked? */
static bool readable(PIRP irp, PIO_STACK_LOCATION stack)
{
    struct block *block;

    if (stack->MajorFunction != IRP_MJ_WRITE || irp->MdlAddress || !stack->Parameters.Write.Length)
        return true;
    block = mm_block(irp->UserBuffer);
    return block && (block->kind != BLOCK_USER || mm_user_valid(block->owner, irp->UserBuffer, stack->Parameters.Write.Length));
}

static NTSTATUS NTAPI dispatch(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation;
    struct fs_volume *volume = fs_volume_of(device);
    NTSTATUS status;

    if (!volume || (asynchronous && stack->MajorFunction != IRP_MJ_CLOSE && volume)) {
        struct late *late;

        if (!volume) {
            irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
            io_complete(irp);
            return STATUS_INVALID_DEVICE_REQUEST;
        }
        if (stack->MajorFunction == IRP_MJ_READ || !readable(irp, stack))
            goto now;
        if (stack->MajorFunction == IRP_MJ_WRITE && stack->Parameters.Write.Length) {
            irp->Tail.Overlay.DriverContext[3] = malloc(stack->Parameters.Write.Length);
            memcpy(irp->Tail.Overlay.DriverContext[3], irp->MdlAddress ? irp->MdlAddress->MappedSystemVa : irp->UserBuffer,
                   stack->Parameters.Write.Length);
        }
        late = malloc(sizeof *late);
        *late = (struct late){volume, irp};
        stack->Control |= SL_PENDING_RETURNED;
        sched_start("file system", ps_idle_thread(), finish_late, late);
        return STATUS_PENDING;
    }
now:
    status = perform(volume, irp, stack);
    irp->IoStatus.Status = status;
    io_complete(irp);
    return status;
}

/* --- fast I/O ------------------------------------------------------------------------------------------------------------------------------------- */

static BOOLEAN NTAPI fast_write(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, BOOLEAN wait, ULONG key, PVOID buffer,
                                PIO_STATUS_BLOCK iosb, PDEVICE_OBJECT device)
{
    (void)wait, (void)key;
    if (!fs_volume_of(device))
        bugcheck("fast-io", "fast I/O arrives at the file system with a device object that is not its own");
    fsio_store(ccb_of(file)->stream, write_offset(ccb_of(file)->stream, *offset), buffer, length);
    iosb->Status = STATUS_SUCCESS;
    iosb->Information = length;
    return TRUE;
}

static BOOLEAN NTAPI fast_read(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, BOOLEAN wait, ULONG key, PVOID buffer,
                               PIO_STATUS_BLOCK iosb, PDEVICE_OBJECT device)
{
    struct fs_stream *stream = ccb_of(file)->stream;

    (void)wait, (void)key;
    if (!fs_volume_of(device))
        bugcheck("fast-io", "fast I/O arrives at the file system with a device object that is not its own");
    iosb->Information = copy_out(stream, (uint64_t)offset->QuadPart, buffer, length);
    iosb->Status = iosb->Information ? STATUS_SUCCESS : STATUS_END_OF_FILE;
    return TRUE;
}

static BOOLEAN NTAPI fast_basic(PFILE_OBJECT file, BOOLEAN wait, PFILE_BASIC_INFORMATION basic, PIO_STATUS_BLOCK iosb, PDEVICE_OBJECT device)
{
    (void)wait, (void)device;
    fill_basic(ccb_of(file)->stream->node, basic);
    iosb->Status = STATUS_SUCCESS;
    iosb->Information = sizeof *basic;
    return TRUE;
}

static FAST_IO_DISPATCH fast = {.SizeOfFastIoDispatch = sizeof(FAST_IO_DISPATCH), .FastIoRead = fast_read, .FastIoWrite = fast_write,
                                .FastIoQueryBasicInfo = fast_basic};

PDRIVER_OBJECT fsio_disk_driver(void) { return disk_driver; }

void fsio_install(PDRIVER_OBJECT driver)
{
    for (unsigned i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = dispatch;
    driver->FastIoDispatch = &fast;
    memset(sharings, 0, sizeof sharings);
    if (wcscmp(driver->DriverName.Buffer, L"\\FileSystem\\Ntfs") == 0)
        disk_driver = io_driver(L"\\Driver\\Disk", L"Disk");
}
