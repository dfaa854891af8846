/* SPDX-License-Identifier: MIT */
/* The named-pipe device: names and instances, no data. */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "io.h"
#include "mm.h"
#include "npfs.h"
#include "ob.h"

enum { PIPES = 32 };

static struct pipe {
    WCHAR name[260];
    unsigned servers, clients;
    bool used;
} pipes[PIPES];
static PDEVICE_OBJECT device;

PDEVICE_OBJECT npfs_device(void) { return device; }

static struct pipe *find(const WCHAR *name)
{
    for (unsigned i = 0; i < PIPES; i++)
        if (pipes[i].used && _wcsicmp(pipes[i].name, name) == 0)
            return &pipes[i];
    return NULL;
}

static struct pipe *make(const WCHAR *name)
{
    for (unsigned i = 0; i < PIPES; i++)
        if (!pipes[i].used) {
            memset(&pipes[i], 0, sizeof pipes[i]);
            wcscpy(pipes[i].name, name);
            pipes[i].used = true;
            return &pipes[i];
        }
    return NULL;
}

/* Name without the leading backslash; relative to the root's own (empty) name. */
static void pipe_name(PFILE_OBJECT file, WCHAR *text, size_t room)
{
    const WCHAR *name = file->FileName.Buffer;
    size_t length = file->FileName.Length / sizeof(WCHAR);

    if (length && name[0] == '\\') {
        name++;
        length--;
    }
    if (length >= room)
        length = room - 1;
    memcpy(text, name, length * sizeof(WCHAR));
    text[length] = 0;
}

static NTSTATUS create_server(PIRP irp, PIO_STACK_LOCATION stack)
{
    WCHAR name[260];
    struct pipe *pipe;
    bool first;

    pipe_name(stack->FileObject, name, 260);
    pipe = name[0] ? find(name) : NULL;
    first = !pipe;
    if (!pipe)
        pipe = make(name);
    pipe->servers++;
    stack->FileObject->FsContext2 = pipe;
    irp->IoStatus.Information = first ? FILE_CREATED : FILE_OPENED;
    return STATUS_SUCCESS;
}

static NTSTATUS connect_client(PIRP irp, PIO_STACK_LOCATION stack)
{
    WCHAR name[260];
    struct pipe *pipe;

    irp->IoStatus.Information = FILE_OPENED;
    pipe_name(stack->FileObject, name, 260);
    if (!name[0] && !stack->FileObject->RelatedFileObject)
        return STATUS_SUCCESS; /* the device or its root directory */
    pipe = name[0] ? find(name) : stack->FileObject->RelatedFileObject->FsContext2;
    if (!pipe)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (pipe->clients >= pipe->servers)
        return STATUS_PIPE_NOT_AVAILABLE;
    pipe->clients++;
    stack->FileObject->FsContext2 = pipe;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI dispatch(PDEVICE_OBJECT unused, PIRP irp)
{
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation;
    NTSTATUS status = STATUS_SUCCESS;

    (void)unused;
    irp->IoStatus.Information = 0;
    switch (stack->MajorFunction) {
    case IRP_MJ_CREATE_NAMED_PIPE:
        status = create_server(irp, stack);
        break;
    case IRP_MJ_CREATE:
        status = connect_client(irp, stack);
        break;
    case IRP_MJ_CLEANUP:
    case IRP_MJ_CLOSE:
        break;
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
        irp->IoStatus.Information = stack->MajorFunction == IRP_MJ_WRITE ? stack->Parameters.Write.Length : 0;
        break;
    default:
        status = STATUS_INVALID_DEVICE_REQUEST;
    }
    irp->IoStatus.Status = status;
    io_complete(irp);
    return status;
}

static BOOLEAN NTAPI fast_write(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, BOOLEAN wait, ULONG key, PVOID buffer,
                                PIO_STATUS_BLOCK iosb, PDEVICE_OBJECT at)
{
    (void)file, (void)offset, (void)wait, (void)key, (void)buffer;
    iosb->Status = STATUS_SUCCESS;
    iosb->Information = length;
    return at == device;
}

static FAST_IO_DISPATCH fast = {.SizeOfFastIoDispatch = sizeof(FAST_IO_DISPATCH), .FastIoWrite = fast_write};

void npfs_begin(void)
{
    PDRIVER_OBJECT driver = io_driver(L"\\FileSystem\\Npfs", L"Npfs");

    memset(pipes, 0, sizeof pipes);
    for (unsigned i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = dispatch;
    driver->FastIoDispatch = &fast;
    device = io_device(driver, L"\\Device\\NamedPipe", FILE_DEVICE_NAMED_PIPE, 0);
    ob_link(L"\\??\\pipe", L"\\Device\\NamedPipe");
}
