/* SPDX-License-Identifier: MIT */
/* The tree of a volume and its IRP handlers for create, cleanup, close; the rest is in fsio.c. */
#include "fs.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "fsio.h"
#include "io.h"
#include "mm.h"
#include "ob.h"
#include "profile.h"
#include "sched.h"
#include "verify.h"

static struct fs_volume *volumes;
static PDRIVER_OBJECT drivers[2];     /* NTFS, FAT */
static PDEVICE_OBJECT control_devices[2];
static uint64_t next_file_id;

struct fs_volume *fs_volumes(void) { return volumes; }
PDEVICE_OBJECT fs_control_device(bool fat) { return control_devices[fat]; }
PDRIVER_OBJECT fs_driver(bool fat) { return drivers[fat]; }

struct fs_volume *fs_volume_of(PDEVICE_OBJECT file_system)
{
    for (struct fs_volume *v = volumes; v; v = v->next)
        if (v->file_system == file_system)
            return v;
    return NULL;
}

/* --- nodes ---------------------------------------------------------------------------------------------------------------- */

static struct fs_node *child_of(struct fs_node *parent, const WCHAR *name, size_t length)
{
    for (struct fs_node *n = parent->children; n; n = n->next)
        if (!n->gone && wcslen(n->name) == length && _wcsnicmp(n->name, name, length) == 0)
            return n;
    return NULL;
}

/* Streams are what the driver's contexts hang on: blocks of their own, so that a stale pointer traps. */
static struct fs_stream *stream_new(struct fs_node *node, const WCHAR *name, size_t length)
{
    struct fs_stream *stream = mm_allocate(BLOCK_OBJECT, sizeof *stream, 'bcSF', 0);

    memset(stream, 0, sizeof *stream);
    wcsncpy(stream->name, name, length);
    stream->node = node;
    fsio_header(stream);
    stream->next = node->streams;
    node->streams = stream;
    return stream;
}

static struct fs_node *node_new(struct fs_volume *volume, struct fs_node *parent, const WCHAR *name, size_t length, bool directory)
{
    struct fs_node *node = calloc(1, sizeof *node);

    wcsncpy(node->name, name, length < 259 ? length : 259);
    node->volume = volume;
    node->parent = parent;
    node->directory = directory;
    node->attributes = directory ? FILE_ATTRIBUTE_DIRECTORY : FILE_ATTRIBUTE_ARCHIVE;
    node->created = node->accessed = node->written = node->changed = sched_now();
    node->id = 0x0001000000000000 | ++next_file_id;
    if (parent) {
        node->next = parent->children;
        parent->children = node;
    }
    stream_new(node, L"", 0);
    return node;
}

struct fs_stream *fs_stream(struct fs_node *node, const WCHAR *name, size_t length)
{
    for (struct fs_stream *s = node->streams; s; s = s->next)
        if (!s->gone && wcslen(s->name) == length && _wcsnicmp(s->name, name, length) == 0)
            return s;
    return NULL;
}

size_t fs_path(const struct fs_node *node, const struct fs_stream *stream, WCHAR *text, size_t room)
{
    size_t length = 0;

    if (node->parent) {
        length = node->parent->parent ? fs_path(node->parent, NULL, text, room) : 0;
        length += (size_t)swprintf(text + length, room - length, L"\\%ls", node->name);
    } else {
        length = (size_t)swprintf(text, room, L"\\");
    }
    if (stream && stream->name[0])
        length += (size_t)swprintf(text + length, room - length, L":%ls", stream->name);
    return length;
}

/* --- planting and looking without I/O ----------------------------------------------------------------------------------------- */

static struct fs_node *walk(struct fs_volume *volume, const WCHAR *path, bool make)
{
    struct fs_node *node = volume->root;

    while (node && *path) {
        size_t length = wcscspn(path, L"\\");
        struct fs_node *next;

        if (length) {
            next = child_of(node, path, length);
            if (!next && make)
                next = node_new(volume, node, path, length, path[length] == '\\');
            node = next;
        }
        path += length + (path[length] == '\\');
    }
    return node;
}

static struct fs_volume *volume_by_letter(WCHAR letter)
{
    for (struct fs_volume *v = volumes; v; v = v->next)
        if (v->letter == letter)
            return v;
    return NULL;
}

struct fs_node *fs_find(const WCHAR *path)
{
    struct fs_volume *volume = volume_by_letter(path[0]);

    return volume ? walk(volume, path + 2, false) : NULL;
}

void fsio_store(struct fs_stream *stream, size_t offset, const void *data, size_t size)
{
    size_t end = offset + size;

    if (end > stream->room) {
        stream->room = end * 2;
        stream->data = realloc(stream->data, stream->room);
    }
    if (offset > stream->size)
        memset(stream->data + stream->size, 0, offset - stream->size);
    memcpy(stream->data + offset, data, size);
    if (end > stream->size)
        stream->size = end;
}

struct fs_node *fs_plant(const WCHAR *path, const void *data, size_t size)
{
    struct fs_node *node = walk(volume_by_letter(path[0]), path + 2, true);
    struct fs_stream *stream = fs_stream(node, L"", 0);

    stream->size = 0;
    fsio_store(stream, 0, data, size);
    return node;
}

struct fs_node *fs_plant_directory(const WCHAR *path)
{
    struct fs_node *node = walk(volume_by_letter(path[0]), path + 2, true);

    node->directory = true;
    node->attributes = FILE_ATTRIBUTE_DIRECTORY;
    return node;
}

struct fs_stream *fs_plant_stream(const WCHAR *path, const WCHAR *name, const void *data, size_t size)
{
    struct fs_node *node = fs_find(path);
    struct fs_stream *stream = fs_stream(node, name, wcslen(name));

    if (!stream)
        stream = stream_new(node, name, wcslen(name));
    stream->size = 0;
    fsio_store(stream, 0, data, size);
    return stream;
}

struct fs_stream *fs_stream_of(PFILE_OBJECT file) { return file->FsContext; }

/* --- create ---------------------------------------------------------------------------------------------------------------------- */

struct create {
    struct fs_volume *volume;
    PFILE_OBJECT file;
    struct fs_node *parent, *node;
    struct fs_stream *stream;
    WCHAR full[1024];
    const WCHAR *last;              /* component to create in parent */
    size_t last_length;
    const WCHAR *stream_name;
    size_t stream_length;
    ULONG options, disposition, attributes, access;
    ULONG_PTR information;
};

/* Related file's path + the name, without the type suffix of a stream. */
static void compose(struct create *c)
{
    size_t length = 0;
    WCHAR *colon;

    if (c->file->RelatedFileObject) {
        struct fs_stream *root = fs_stream_of(c->file->RelatedFileObject);

        length = fs_path(root->node, NULL, c->full, 512);
        if (c->file->FileName.Length && c->full[length - 1] != '\\' && c->file->FileName.Buffer[0] != ':')
            c->full[length++] = '\\';
    }
    memcpy(c->full + length, c->file->FileName.Buffer, c->file->FileName.Length);
    c->full[length + c->file->FileName.Length / sizeof(WCHAR)] = 0;
    colon = wcschr(c->full, ':');
    c->stream_name = L"";
    if (!colon)
        return;
    *colon = 0;
    c->stream_name = colon + 1;
    c->stream_length = wcscspn(colon + 1, L":");
}

static NTSTATUS find_by_id(struct create *c, struct fs_node *from, uint64_t id)
{
    for (struct fs_node *n = from->children; n; n = n->next) {
        if (n->id == id && !n->gone) {
            c->node = n;
            c->parent = n->parent;
            return STATUS_SUCCESS;
        }
        if (find_by_id(c, n, id) == STATUS_SUCCESS)
            return STATUS_SUCCESS;
    }
    return STATUS_INVALID_PARAMETER;
}

static NTSTATUS find_target(struct create *c)
{
    WCHAR *slash;

    if (c->options & FILE_OPEN_BY_FILE_ID) {
        uint64_t id;

        if (c->volume->fat || c->file->FileName.Length < 8)
            return STATUS_NOT_SUPPORTED;
        memcpy(&id, (uint8_t *)c->file->FileName.Buffer + c->file->FileName.Length - 8, 8);
        return find_by_id(c, c->volume->root, id);
    }
    compose(c);
    if (wcscmp(c->full, L"\\") == 0) {
        c->node = c->volume->root;
        return STATUS_SUCCESS;
    }
    slash = wcsrchr(c->full, '\\');
    if (!slash)
        return STATUS_OBJECT_NAME_INVALID;
    *slash = 0;
    c->parent = walk(c->volume, c->full, false);
    *slash = '\\';
    c->last = slash + 1;
    c->last_length = wcslen(slash + 1);
    if (!c->parent || !c->parent->directory)
        return STATUS_OBJECT_PATH_NOT_FOUND;
    if (c->last_length)
        c->node = child_of(c->parent, c->last, c->last_length);
    else
        c->node = c->parent;
    return STATUS_SUCCESS;
}

static NTSTATUS check_existing(struct create *c)
{
    if (c->disposition == FILE_CREATE)
        return STATUS_OBJECT_NAME_COLLISION;
    if (c->stream->delete_pending || fs_stream(c->node, L"", 0)->delete_pending)
        return STATUS_DELETE_PENDING;
    if (c->node->directory && !c->stream_length && c->options & FILE_NON_DIRECTORY_FILE)
        return STATUS_FILE_IS_A_DIRECTORY;
    if (!c->node->directory && c->options & FILE_DIRECTORY_FILE)
        return STATUS_NOT_A_DIRECTORY;
    if (c->node->attributes & FILE_ATTRIBUTE_READONLY && c->access & (FILE_WRITE_DATA | FILE_APPEND_DATA) && !c->node->directory)
        return STATUS_ACCESS_DENIED;
    return STATUS_SUCCESS;
}

static void take_over(struct create *c)
{
    if (c->disposition == FILE_SUPERSEDE || c->disposition == FILE_OVERWRITE || c->disposition == FILE_OVERWRITE_IF) {
        c->stream->size = 0;
        for (struct fs_stream *s = c->node->streams; s && !c->stream_length; s = s->next)
            if (s->name[0])
                s->gone = true;
        c->node->written = sched_now();
        c->information = c->disposition == FILE_SUPERSEDE ? FILE_SUPERSEDED : FILE_OVERWRITTEN;
    } else {
        c->information = FILE_OPENED;
    }
}

static NTSTATUS make_new(struct create *c)
{
    if (c->disposition == FILE_OPEN || c->disposition == FILE_OVERWRITE)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (c->stream_length && c->volume->fat)
        return STATUS_OBJECT_NAME_INVALID;
    if (!c->node) {
        c->node = node_new(c->volume, c->parent, c->last, c->last_length, c->options & FILE_DIRECTORY_FILE);
        c->node->attributes |= c->attributes & 0x7;
    }
    c->stream = fs_stream(c->node, c->stream_name, c->stream_length);
    if (!c->stream)
        c->stream = stream_new(c->node, c->stream_name, c->stream_length);
    c->information = FILE_CREATED;
    return STATUS_SUCCESS;
}

static NTSTATUS open_or_make(struct create *c)
{
    NTSTATUS status;

    c->stream = c->node ? fs_stream(c->node, c->stream_name ? c->stream_name : L"", c->stream_length) : NULL;
    if (!c->stream)
        return make_new(c);
    status = check_existing(c);
    if (!NT_SUCCESS(status))
        return status;
    if (c->stream->handles) {
        status = fsio_share(c->stream, c->file, c->access);
        if (!NT_SUCCESS(status))
            return status;
    }
    take_over(c);
    return STATUS_SUCCESS;
}

static NTSTATUS open_volume(struct create *c)
{
    c->stream = &c->volume->dasd;
    c->file->Flags |= FO_VOLUME_OPEN;
    c->information = FILE_OPENED;
    return STATUS_SUCCESS;
}

/* SL_OPEN_TARGET_DIRECTORY: the parent is opened, the last component stays in FileName. */
static NTSTATUS open_parent(struct create *c)
{
    NTSTATUS status = find_target(c);

    if (!NT_SUCCESS(status))
        return status;
    c->information = c->node ? FILE_EXISTS : FILE_DOES_NOT_EXIST;
    c->stream = fs_stream(c->parent, L"", 0);
    return STATUS_SUCCESS;
}

static void keep_descriptor(struct create *c, PIO_STACK_LOCATION stack)
{
    PACCESS_STATE state = stack->Parameters.Create.SecurityContext->AccessState;
    PSECURITY_DESCRIPTOR descriptor = state ? state->SecurityDescriptor : NULL;

    if (c->information == FILE_CREATED && descriptor)
        c->node->descriptor_size = fsio_flatten(descriptor, c->node->descriptor, sizeof c->node->descriptor);
}

static NTSTATUS do_create(struct create *c, PIO_STACK_LOCATION stack)
{
    NTSTATUS status;

    if (!c->file->FileName.Length && !c->file->RelatedFileObject)
        return open_volume(c);
    if (stack->Flags & SL_OPEN_TARGET_DIRECTORY)
        return open_parent(c);
    status = find_target(c);
    if (NT_SUCCESS(status))
        status = open_or_make(c);
    if (NT_SUCCESS(status))
        keep_descriptor(c, stack);
    return status;
}

NTSTATUS fs_create(struct fs_volume *volume, PIRP irp, PIO_STACK_LOCATION stack)
{
    struct create c = {.volume = volume, .file = stack->FileObject, .options = stack->Parameters.Create.Options & 0xffffff,
                       .disposition = stack->Parameters.Create.Options >> 24, .attributes = stack->Parameters.Create.FileAttributes,
                       .access = stack->Parameters.Create.SecurityContext->DesiredAccess};
    NTSTATUS status = do_create(&c, stack);

    irp->IoStatus.Information = 0;
    if (!NT_SUCCESS(status))
        return status;
    c.stream->handles++;
    c.stream->references++;
    c.file->FsContext = &c.stream->header;
    c.file->FsContext2 = fsio_ccb(c.stream, c.options);
    c.file->SectionObjectPointer = NULL;
    c.file->Vpb = volume->storage->Vpb;
    fsio_note_access(c.file, c.access, stack->Parameters.Create.ShareAccess);
    if (c.options & FILE_DELETE_ON_CLOSE)
        c.file->Flags |= FO_DELETE_ON_CLOSE;
    irp->IoStatus.Information = c.information;
    return STATUS_SUCCESS;
}

/* --- devices -------------------------------------------------------------------------------------------------------------------------- */

static void link_letter(struct fs_volume *volume)
{
    WCHAR link[16];

    if (!volume->letter)
        return;
    swprintf(link, 16, L"\\??\\%c:", volume->letter);
    ob_link(link, volume->device);
}

struct fs_volume *fs_mount(const WCHAR *device, WCHAR letter, bool fat)
{
    struct fs_volume *volume = calloc(1, sizeof *volume);
    PVPB vpb = mm_allocate(BLOCK_OBJECT, sizeof *vpb, ' bpV', 0);

    wcscpy(volume->device, device);
    volume->letter = letter;
    volume->fat = fat;
    volume->writable = true;
    volume->root = node_new(volume, NULL, L"", 0, true);
    volume->dasd.node = volume->root;
    volume->storage = io_device(fsio_disk_driver(), device, FILE_DEVICE_DISK, 0);
    volume->file_system = io_device(drivers[fat], NULL, FILE_DEVICE_DISK_FILE_SYSTEM, 0);
    memset(vpb, 0, sizeof *vpb);
    vpb->Type = 10;
    vpb->Size = sizeof *vpb;
    vpb->Flags = VPB_MOUNTED;
    vpb->DeviceObject = volume->file_system;
    vpb->RealDevice = volume->storage;
    volume->storage->Vpb = vpb;
    volume->file_system->SectorSize = 512;
    volume->next = volumes;
    volumes = volume;
    link_letter(volume);
    return volume;
}

void fs_begin(void)
{
    next_file_id = 0;
    drivers[0] = io_driver(L"\\FileSystem\\Ntfs", L"Ntfs");
    drivers[1] = io_driver(L"\\FileSystem\\Fastfat", L"Fastfat");
    control_devices[0] = io_device(drivers[0], L"\\Ntfs", FILE_DEVICE_DISK_FILE_SYSTEM, 0);
    control_devices[1] = io_device(drivers[1], L"\\Fat", FILE_DEVICE_DISK_FILE_SYSTEM, 0);
    for (unsigned i = 0; i < 2; i++)
        fsio_install(drivers[i]);
}

static void free_node(struct fs_node *node)
{
    for (struct fs_node *n = node->children, *next; n; n = next) {
        next = n->next;
        free_node(n);
    }
    for (struct fs_stream *s = node->streams; s; s = s->next)
        free(s->data);
    free(node);
}

void fs_reset(void)
{
    for (struct fs_volume *v = volumes, *next; v; v = next) {
        next = v->next;
        free_node(v->root);
        free(v);
    }
    volumes = NULL;
    fs_asynchronous(false);
}
