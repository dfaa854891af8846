/* SPDX-License-Identifier: MIT */
/* File names: when they can be asked for, what they are, how they are parsed. Rules: spec 08 section 1.6. */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "export.h"
#include "flt.h"
#include "io.h"
#include "mm.h"
#include "ob.h"
#include "profile.h"
#include "ps.h"
#include "sched.h"
#include "verify.h"

enum { PREFIX = 64, NAME_CHARS = 1024 };

struct name_head {
    LONG references;
    uint32_t hash;      /* nobody may write into a shared name */
    uintptr_t place;
};

static struct name_head *head_of(FLT_FILE_NAME_INFORMATION *info) { return (struct name_head *)((uint8_t *)info - PREFIX); }

static uint32_t hash_name(const FLT_FILE_NAME_INFORMATION *info)
{
    uint32_t hash = 2166136261u;

    for (USHORT i = 0; i < info->Name.Length / sizeof(WCHAR); i++)
        hash = (hash ^ info->Name.Buffer[i]) * 16777619u;
    return hash;
}

static FLT_FILE_NAME_INFORMATION *name_new(const WCHAR *text, size_t volume_chars, ULONG format)
{
    size_t bytes = wcslen(text) * sizeof(WCHAR);
    uint8_t *memory = mm_allocate(BLOCK_PAGED, PREFIX + sizeof(FLT_FILE_NAME_INFORMATION) + bytes, 'mNtF', 0);
    FLT_FILE_NAME_INFORMATION *info = (FLT_FILE_NAME_INFORMATION *)(memory + PREFIX);

    mm_block(memory)->driver_owned = true;
    memset(memory, 0, PREFIX + sizeof *info);
    info->Size = sizeof *info;
    info->Format = format;
    info->Name = (UNICODE_STRING){(USHORT)bytes, (USHORT)bytes, (WCHAR *)(info + 1)};
    memcpy(info + 1, text, bytes);
    info->Volume = (UNICODE_STRING){(USHORT)(volume_chars * sizeof(WCHAR)), (USHORT)(volume_chars * sizeof(WCHAR)), info->Name.Buffer};
    *head_of(info) = (struct name_head){1, hash_name(info), self()->gate_caller};
    return info;
}

/* --- is the question allowed? --------------------------------------------------------------------------------------------------- */

static NTSTATUS refuse(struct flt_operation *op, ULONG options)
{
    UCHAR major = op->iopb->MajorFunction;
    bool after = op->stage == FLT_IN_POST;

    if (self()->irql > APC_LEVEL || self()->all_apcs_off)
        return STATUS_FLT_INVALID_NAME_REQUEST;
    if (op->iopb->IrpFlags & (IRP_PAGING_IO | IRP_SYNCHRONOUS_PAGING_IO))
        return STATUS_FLT_INVALID_NAME_REQUEST;
    if (self()->top_level_irp)
        return STATUS_FLT_INVALID_NAME_REQUEST;
    if (major == IRP_MJ_CLOSE || (major == IRP_MJ_CLEANUP && after))
        return STATUS_FLT_INVALID_NAME_REQUEST;
    if (op->iopb->TargetFileObject->Flags & FO_CLEANUP_COMPLETE)
        return STATUS_FLT_INVALID_NAME_REQUEST;
    if ((options & 0xff) == FLT_FILE_NAME_SHORT && major == IRP_MJ_CREATE && !after)
        return STATUS_FLT_INVALID_NAME_REQUEST;
    if (major == IRP_MJ_CREATE && after && !NT_SUCCESS(op->data->IoStatus.Status) && (options & 0xff) == FLT_FILE_NAME_NORMALIZED)
        return STATUS_FLT_INVALID_NAME_REQUEST;
    return STATUS_SUCCESS;
}

/* --- what the name is ------------------------------------------------------------------------------------------------------------- */

static bool is_open(PFILE_OBJECT file) { return file->FsContext || (file->FsContext2 && !file->DeviceObject->Vpb); }

/* As the opener wrote it, with the related file object and the volume in front. */
static void written_name(PFILE_OBJECT file, WCHAR *text, size_t room)
{
    size_t length = (size_t)swprintf(text, room, L"%ls", ob_path(file->DeviceObject));
    size_t device = length;

    if (file->RelatedFileObject) {
        WCHAR related[NAME_CHARS];

        io_file_name(file->RelatedFileObject, related, NAME_CHARS);
        length = (size_t)swprintf(text, room, L"%ls", related);
        if (file->FileName.Length && file->FileName.Buffer[0] != '\\' && file->FileName.Buffer[0] != ':' && length > device &&
            text[length - 1] != '\\')
            text[length++] = '\\';
    }
    memcpy(text + length, file->FileName.Buffer, file->FileName.Length);
    text[length + file->FileName.Length / sizeof(WCHAR)] = 0;
}

static void cut_last_component(WCHAR *text)
{
    WCHAR *slash = wcsrchr(text, '\\');

    if (slash)
        *slash = 0;
}

static void compose(struct flt_operation *op, PFILE_OBJECT file, ULONG format, WCHAR *text)
{
    size_t length;

    if (!is_open(file)) {
        written_name(file, text, NAME_CHARS);
        if (op && op->iopb->OperationFlags & SL_OPEN_TARGET_DIRECTORY)
            cut_last_component(text);
    } else {
        io_file_name(file, text, NAME_CHARS);
    }
    length = wcslen(text);
    if (format == FLT_FILE_NAME_NORMALIZED && length > 6 && _wcsicmp(text + length - 6, L":$DATA") == 0)
        text[length - 6] = 0;
    if (format == FLT_FILE_NAME_OPENED && is_open(file) && file->FileName.Length > 12 &&
        _wcsnicmp(file->FileName.Buffer + file->FileName.Length / 2 - 6, L":$DATA", 6) == 0)
        wcscat(text, L":$DATA");
}

static NTSTATUS ask(struct flt_operation *op, PFILE_OBJECT file, ULONG options, FLT_FILE_NAME_INFORMATION **info)
{
    WCHAR text[NAME_CHARS];

    if (op && op->iopb->MajorFunction == IRP_MJ_CREATE && op->stage == FLT_IN_PRE && op->irp->Tail.Overlay.CurrentStackLocation->Parameters.Create.Options & FILE_OPEN_BY_FILE_ID) {
        swprintf(text, NAME_CHARS, L"%ls\\0000000000000042", ob_path(file->DeviceObject)); /* a number before the create */
        *info = name_new(text, wcslen(ob_path(file->DeviceObject)), options & 0xff);
        return STATUS_SUCCESS;
    }
    compose(op, file, options & 0xff, text);
    *info = name_new(text, wcslen(ob_path(file->DeviceObject)), options & 0xff);
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltGetFileNameInformation, (FLT_CALLBACK_DATA *data, ULONG options, FLT_FILE_NAME_INFORMATION **info))
{
    struct flt_operation *op = flt_operation_of(data);
    NTSTATUS status;

    *info = NULL;
    if ((options & 0xff) < 1 || (options & 0xff) > 3 || !(options & 0xff00))
        bug("flt-name", "name options 0x%x", (unsigned)options);
    status = refuse(op, options);
    return NT_SUCCESS(status) ? ask(op, op->iopb->TargetFileObject, options, info) : status;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltGetFileNameInformationUnsafe, (PFILE_OBJECT file, PFLT_INSTANCE instance, ULONG options,
                                                                   FLT_FILE_NAME_INFORMATION **info))
{
    *info = NULL;
    if (flt_in_callback())
        bug("flt-name", "FltGetFileNameInformationUnsafe in an I/O callback");
    if (!instance && !nt_at_least(6000))
        return STATUS_INVALID_PARAMETER;
    return ask(NULL, file, options, info);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltGetDestinationFileNameInformation, (PFLT_INSTANCE instance, PFILE_OBJECT file, HANDLE root, PWSTR name,
                                                                        ULONG length, ULONG options, FLT_FILE_NAME_INFORMATION **info))
{
    struct flt_operation *op = self()->flt;
    WCHAR text[NAME_CHARS], given[NAME_CHARS];
    const WCHAR *device = ob_path(file->DeviceObject);

    (void)instance, (void)root;
    *info = NULL;
    if (!op || op->iopb->TargetFileObject != file || op->iopb->MajorFunction != IRP_MJ_SET_INFORMATION)
        bug("flt-name", "FltGetDestinationFileNameInformation outside SET_INFORMATION of that file");
    if (length >= sizeof given || (options & 0xff) == FLT_FILE_NAME_SHORT)
        return STATUS_INVALID_PARAMETER;
    memcpy(given, name, length);
    given[length / sizeof(WCHAR)] = 0;
    if (wcschr(given, '\\')) {
        const WCHAR *rest;
        size_t rest_length;

        if (!ob_lookup(given, wcslen(given), &rest, &rest_length))
            return STATUS_OBJECT_PATH_NOT_FOUND;
        swprintf(text, NAME_CHARS, L"%ls%ls", device, rest);
    } else {
        io_file_name(file, text, NAME_CHARS);
        cut_last_component(text);
        wcscat(text, L"\\");
        wcscat(text, given);
    }
    *info = name_new(text, wcslen(device), options & 0xff);
    return STATUS_SUCCESS;
}

EXPORT(NTSTATUS, FltGetTunneledName, (FLT_CALLBACK_DATA *data, FLT_FILE_NAME_INFORMATION *info, FLT_FILE_NAME_INFORMATION **tunneled))
{
    (void)data, (void)info;
    *tunneled = NULL;
    return STATUS_SUCCESS;
}

/* --- parsing ------------------------------------------------------------------------------------------------------------------------ */

static UNICODE_STRING part(WCHAR *from, const WCHAR *to)
{
    USHORT bytes = (USHORT)((const uint8_t *)to - (const uint8_t *)from);

    return (UNICODE_STRING){bytes, bytes, from};
}

static WCHAR *find_char(WCHAR *from, WCHAR *end, WCHAR wanted, bool last)
{
    WCHAR *found = NULL;

    for (WCHAR *p = from; p < end; p++)
        if (*p == wanted) {
            found = p;
            if (!last)
                break;
        }
    return found;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltParseFileNameInformation, (FLT_FILE_NAME_INFORMATION *info))
{
    WCHAR *start = info->Name.Buffer, *end = start + info->Name.Length / sizeof(WCHAR);
    WCHAR *path = start + info->Volume.Length / sizeof(WCHAR);
    WCHAR *slash = find_char(path, end, '\\', true), *final = slash ? slash + 1 : end;
    WCHAR *stream = find_char(final, end, ':', false), *file_end = stream ? stream : end;
    WCHAR *dot = find_char(final, file_end, '.', true);

    info->ParentDir = slash ? part(path, slash + 1) : part(end, end);
    info->FinalComponent = part(final, end);
    info->Stream = stream ? part(stream, end) : part(end, end);
    info->Extension = dot ? part(dot + 1, file_end) : part(file_end, file_end);
    info->NamesParsed = 15;
    return STATUS_SUCCESS;
}

/* --- life ------------------------------------------------------------------------------------------------------------------------------ */

EXPORT(VOID, FltReferenceFileNameInformation, (FLT_FILE_NAME_INFORMATION *info)) { InterlockedIncrement(&head_of(info)->references); }

EXPORT(VOID, FltReleaseFileNameInformation, (FLT_FILE_NAME_INFORMATION *info))
{
    struct name_head *head = head_of(info);

    if (hash_name(info) != head->hash)
        bug("flt-name", "a name that is shared with the manager's cache was written to");
    if (InterlockedDecrement(&head->references) == 0)
        mm_free(head);
}
