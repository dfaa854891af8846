/* SPDX-License-Identifier: MIT */
/* Full NT paths of files: \Device\HarddiskVolume1\folder\file:stream. */
#include "file.h"

UNICODE_STRING *name_duplicate(const UNICODE_STRING *name)
{
    UNICODE_STRING *copy = pool_allocate_paged(sizeof *copy + name->Length);

    if (!copy)
        return NULL;
    copy->Buffer = (WCHAR *)(copy + 1);
    copy->Length = copy->MaximumLength = name->Length;
    if (name->Length)
        memcpy(copy->Buffer, name->Buffer, name->Length);
    return copy;
}

/* `first` + `second` + `third`; NULL parts are left out. */
static UNICODE_STRING *name_join(const UNICODE_STRING *first, const UNICODE_STRING *second, const UNICODE_STRING *third)
{
    const UNICODE_STRING *parts[] = { first, second, third };
    ULONG length = 0;
    UNICODE_STRING *name;
    struct text text;

    for (unsigned i = 0; i < COUNT(parts); i++)
        length += parts[i] ? parts[i]->Length : 0;
    if (length > TEXT_MOST * sizeof(WCHAR))
        return NULL;
    name = pool_allocate_paged(sizeof *name + length);
    if (!name)
        return NULL;
    name->Buffer = (WCHAR *)(name + 1);
    name->MaximumLength = (USHORT)length;
    text_start(&text, name->Buffer, length / sizeof(WCHAR));
    for (unsigned i = 0; i < COUNT(parts); i++)
        if (parts[i])
            text_append_name(&text, parts[i]);
    text_finish(name, &text);
    return name;
}

static bool ends_with_backslash(const UNICODE_STRING *name)
{
    return name->Length && name->Buffer[name->Length / sizeof(WCHAR) - 1] == L'\\';
}

/* `directory` `\` `leaf` with exactly one backslash between. */
static UNICODE_STRING *name_below(const UNICODE_STRING *directory, const UNICODE_STRING *leaf)
{
    static const UNICODE_STRING backslash = { sizeof(WCHAR), sizeof(WCHAR), (WCHAR *)L"\\" };
    bool separated = ends_with_backslash(directory) || (leaf->Length && (leaf->Buffer[0] == L'\\' || leaf->Buffer[0] == L':'));

    return name_join(directory, separated ? NULL : &backslash, leaf);
}

/* ---- the minifilter's ---- */

static UNICODE_STRING *name_query(const struct file_op *op, ULONG format)
{
    PFLT_FILE_NAME_INFORMATION info;
    UNICODE_STRING *name;

    if (!NT_SUCCESS(flt.FltGetFileNameInformation(op->data, format | FLT_FILE_NAME_QUERY_DEFAULT, &info)))
        return NULL;
    name = name_duplicate(&info->Name);
    flt.FltReleaseFileNameInformation(info);
    return name;
}

/* The normalised name knows no short components that could hide from a rule; over a network it would cost a journey for each. */
UNICODE_STRING *file_name_minifilter(const struct file_op *op)
{
    UNICODE_STRING *name = NULL;

    if (!op->data)
        return NULL;
    if (op->volume->kind == VOLUME_LOCAL)
        name = name_query(op, FLT_FILE_NAME_NORMALIZED);
    return name ? name : name_query(op, FLT_FILE_NAME_OPENED);
}

static UNICODE_STRING *destination_minifilter(const struct file_op *op, const FILE_RENAME_INFORMATION *rename)
{
    ULONG format = op->volume->kind == VOLUME_LOCAL ? FLT_FILE_NAME_NORMALIZED : FLT_FILE_NAME_OPENED;
    PFLT_FILE_NAME_INFORMATION info;
    UNICODE_STRING *name;

    if (!NT_SUCCESS(flt.FltGetDestinationFileNameInformation(op->instance, op->file, rename->RootDirectory,
                                                             (PWSTR)rename->FileName, rename->FileNameLength,
                                                             format | FLT_FILE_NAME_QUERY_DEFAULT, &info)))
        return NULL;
    name = name_duplicate(&info->Name);
    flt.FltReleaseFileNameInformation(info);
    return name;
}

/* ---- the legacy filter's ---- */

/*
 * Asked below us by a request of our own: ObQueryNameString would start at the top of the stack and may want the lock that
 * the request under way holds on a synchronous file.
 */
static FILE_NAME_INFORMATION *name_information(const struct file_op *op)
{
    ULONG size = 1024;

    for (int attempt = 0; attempt < 2; attempt++) {
        FILE_NAME_INFORMATION *info = pool_allocate(size);
        NTSTATUS status;

        if (!info)
            return NULL;
        status = file_query(op, FileNameInformation, info, size);
        if (NT_SUCCESS(status) && info->FileNameLength <= size - FIELD_OFFSET(FILE_NAME_INFORMATION, FileName))
            return info;
        size = FIELD_OFFSET(FILE_NAME_INFORMATION, FileName) + info->FileNameLength;
        pool_free(info);
        if (status != STATUS_BUFFER_OVERFLOW || size > 0x10000)
            return NULL;
    }
    return NULL;
}

static UNICODE_STRING *name_on_volume(const struct file_op *op, PFILE_OBJECT file)
{
    const struct file_op other = { .volume = op->volume, .lower = op->lower, .file = file };
    FILE_NAME_INFORMATION *info = name_information(&other);
    UNICODE_STRING path, *name;

    if (!info)
        return NULL;
    path.Buffer = info->FileName;
    path.Length = path.MaximumLength = (USHORT)info->FileNameLength & ~1u;
    name = name_join(&op->volume->name, &path, NULL);
    pool_free(info);
    return name;
}

/* Before the create only the file object's own words are there; afterwards the file system knows the name. */
UNICODE_STRING *file_name_legacy(const struct file_op *op)
{
    PFILE_OBJECT file = op->file;
    UNICODE_STRING *base, *name;

    if (file->FsContext)
        return name_on_volume(op, file);
    if (!file->RelatedFileObject)
        return name_join(&op->volume->name, &file->FileName, NULL);
    base = name_on_volume(op, file->RelatedFileObject);
    name = base ? name_below(base, &file->FileName) : NULL;
    pool_free(base);
    return name;
}

static UNICODE_STRING *parent_of(const struct file_op *op)
{
    UNICODE_STRING *name = name_on_volume(op, op->file);

    if (name)
        while (name->Length && !ends_with_backslash(name))
            name->Length -= sizeof(WCHAR);
    return name;
}

/* `\??\C:\…`: the part behind the drive; the rename can not leave the volume. */
static bool strip_drive(UNICODE_STRING *name)
{
    if (name->Length < 7 * sizeof(WCHAR) || memcmp(name->Buffer, L"\\??\\", 4 * sizeof(WCHAR)) != 0 || name->Buffer[5] != L':')
        return false;
    name->Buffer += 6;
    name->Length -= 6 * sizeof(WCHAR);
    return true;
}

static UNICODE_STRING *destination_legacy(const struct file_op *op, UNICODE_STRING target, PFILE_OBJECT parent)
{
    UNICODE_STRING *base, *name;

    if (strip_drive(&target)) {
        base = name_duplicate(&op->volume->name);
    } else if (target.Length && target.Buffer[0] == L'\\') {
        return name_duplicate(&target); /* \Device\… */
    } else {
        base = parent ? name_on_volume(op, parent) : parent_of(op);
    }
    if (!base)
        return NULL;
    name = name_below(base, &target);
    pool_free(base);
    return name;
}

/* ---- both ---- */

UNICODE_STRING *file_destination(const struct file_op *op, const FILE_RENAME_INFORMATION *rename, ULONG length, PFILE_OBJECT parent)
{
    UNICODE_STRING target;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (length < FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) ||
        rename->FileNameLength > length - FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) || rename->FileNameLength > 0xFFFE ||
        !rename->FileNameLength)
        return NULL;
    if (op->instance)
        return destination_minifilter(op, rename);
    target.Buffer = (PWSTR)rename->FileName;
    target.Length = target.MaximumLength = (USHORT)rename->FileNameLength & ~1u;
    return destination_legacy(op, target, parent);
}

const UNICODE_STRING *file_name(struct file_op *op)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!op->name)
        op->name = op->instance ? file_name_minifilter(op) : file_name_legacy(op);
    return op->name;
}

/* Without the type: `:$DATA` behind a second colon. */
UNICODE_STRING file_stream_part(const UNICODE_STRING *name)
{
    ULONG length = name->Length / sizeof(WCHAR), at = length, end = length;
    UNICODE_STRING part = { 0 };

    while (at && name->Buffer[at - 1] != L'\\')
        at--;
    while (at < length && name->Buffer[at] != L':')
        at++;
    if (at >= length)
        return part;
    at++;
    for (ULONG i = at; i < length; i++)
        if (name->Buffer[i] == L':') {
            end = i;
            break;
        }
    part.Buffer = name->Buffer + at;
    part.Length = part.MaximumLength = (USHORT)((end - at) * sizeof(WCHAR));
    return part;
}

void file_op_finish(struct file_op *op)
{
    pool_free(op->name);
    op->name = NULL;
}

struct process *file_actor(const struct file_op *op)
{
    return op->requestor ? process_acquire_object(op->requestor) : NULL;
}

bool file_may_wait(void)
{
    return nt_current_irql() == PASSIVE_LEVEL && !IoGetTopLevelIrp() && !KeAreAllApcsDisabled();
}

void volume_initialize(struct volume *volume, enum volume_kind kind)
{
    memset(volume, 0, sizeof *volume);
    volume->kind = kind;
    volume->name.Buffer = volume->characters;
    volume->name.MaximumLength = sizeof volume->characters;
    mutex_initialize(&volume->archiving);
}
