/* SPDX-License-Identifier: MIT */
/*
 * The archive of deleted files: \Sysmon\ (or another name) on the volume of the file, for SYSTEM only.
 *
 * Nothing in it is reached by a path that anybody else could bend: the directory is opened below this filter without following
 * links and held by handle, files are created in it relative to that handle and never opened over existing ones. The
 * directory is created with its final descriptor; one that is there already must be owned by SYSTEM or administrators
 * and open to SYSTEM alone, or it is refused: any user may create folders at the root of a volume. All of this runs in the System
 * process, so that what is created belongs to it and not to the user whose thread deletes.
 */
#include "file.h"

#define CHUNK 0x10000u
#define SPARE_SPACE (64ull << 20) /* always left free on the volume */
#define EXTENSION_MOST 12u
#define PERSISTENT_ACLS 8u /* FILE_PERSISTENT_ACLS */
#define REMOVE_ACCESS (DELETE | FILE_READ_ATTRIBUTES)

static const UCHAR system_sid[12] = { 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0 };
static const UCHAR administrators_sid[16] = { 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0 };

static LONG serial;

/* One copy being made, on the stack of the thread that waits for it. */
struct job {
    const struct file_op *op;
    const UNICODE_STRING *directory; /* `\Sysmon\` */
    ULONGLONG quota;                 /* bytes */
    WCHAR *name;
    const WCHAR *reason;
    NTSTATUS status;
    PIO_WORKITEM item;
    KEVENT done;
};

/* ---- the descriptor ---- */

struct descriptor {
    SECURITY_DESCRIPTOR descriptor;
    union {
        ACL acl;
        UCHAR bytes[64];
    } dacl;
};

/* O:SYG:SYD:P(A;OICI;FA;;;SY) */
static NTSTATUS descriptor_make(struct descriptor *out)
{
    NTSTATUS status = RtlCreateAcl(&out->dacl.acl, sizeof out->dacl, ACL_REVISION);

    if (NT_SUCCESS(status))
        status = RtlAddAccessAllowedAceEx(&out->dacl.acl, ACL_REVISION, OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE, FILE_ALL_ACCESS,
                                          (PSID)system_sid);
    if (NT_SUCCESS(status))
        status = RtlCreateSecurityDescriptor(&out->descriptor, SECURITY_DESCRIPTOR_REVISION);
    if (NT_SUCCESS(status))
        status = RtlSetDaclSecurityDescriptor(&out->descriptor, TRUE, &out->dacl.acl, FALSE);
    if (NT_SUCCESS(status))
        status = RtlSetOwnerSecurityDescriptor(&out->descriptor, (PSID)system_sid, FALSE);
    if (NT_SUCCESS(status))
        out->descriptor.Control |= SE_DACL_PROTECTED;
    return status;
}

static bool is_sid(PSID sid, const UCHAR *expected)
{
    return RtlEqualSid(sid, (PSID)expected);
}

/* Every entry allows, and allows only SYSTEM. */
static bool is_for_system_only(PACL acl)
{
    for (ULONG i = 0; i < acl->AceCount; i++) {
        PACCESS_ALLOWED_ACE ace;

        if (!NT_SUCCESS(RtlGetAce(acl, i, (PVOID *)&ace)) || ace->Header.AceType != ACCESS_ALLOWED_ACE_TYPE ||
            !is_sid((PSID)&ace->SidStart, system_sid))
            return false;
    }
    return acl->AceCount != 0;
}

static bool is_trusted(PSECURITY_DESCRIPTOR descriptor)
{
    SECURITY_DESCRIPTOR_RELATIVE *relative = descriptor;
    UCHAR *base = descriptor;

    if (!(relative->Control & SE_SELF_RELATIVE) || !(relative->Control & SE_DACL_PRESENT) || !relative->Owner || !relative->Dacl)
        return false;
    return (is_sid(base + relative->Owner, system_sid) || is_sid(base + relative->Owner, administrators_sid)) &&
           is_for_system_only((PACL)(base + relative->Dacl));
}

/* ---- the directory ---- */

static bool has_descriptors(HANDLE directory)
{
    union {
        FILE_FS_ATTRIBUTE_INFORMATION attributes;
        UCHAR bytes[sizeof(FILE_FS_ATTRIBUTE_INFORMATION) + 64];
    } buffer;
    IO_STATUS_BLOCK result;
    NTSTATUS status = ZwQueryVolumeInformationFile(directory, &result, &buffer, sizeof buffer, FileFsAttributeInformation);

    if (!NT_SUCCESS(status) && status != STATUS_BUFFER_OVERFLOW)
        return true; /* then the check of the descriptor decides */
    return (buffer.attributes.FileSystemAttributes & PERSISTENT_ACLS) != 0;
}

static NTSTATUS directory_check(HANDLE directory)
{
    FILE_BASIC_INFORMATION basic;
    IO_STATUS_BLOCK result;
    ULONG size = 1024;
    UCHAR *descriptor;
    NTSTATUS status = ZwQueryInformationFile(directory, &result, &basic, sizeof basic, FileBasicInformation);

    if (!NT_SUCCESS(status))
        return status;
    if (basic.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT)
        return STATUS_ACCESS_DENIED;
    if (!has_descriptors(directory)) /* FAT: nobody's files have any */
        return STATUS_SUCCESS;
    descriptor = pool_allocate_paged(size);
    if (!descriptor)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = ZwQuerySecurityObject(directory, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, descriptor, size, &size);
    if (NT_SUCCESS(status) && !is_trusted(descriptor))
        status = STATUS_ACCESS_DENIED;
    pool_free(descriptor);
    return status;
}

/* Once per volume, not once per file. */
static void refusal_tell(struct volume *volume, NTSTATUS status)
{
    if (InterlockedExchange(&volume->archive_refused, 1) == 0)
        record_error(L"Archive", L"The archive directory of a volume is not ours: refused", status);
}

/* \Device\HarddiskVolume1 + \Sysmon */
static NTSTATUS directory_path(const struct job *job, UNICODE_STRING *out)
{
    UNICODE_STRING name = *job->directory;
    struct text text;
    NTSTATUS status;

    name.Length -= sizeof(WCHAR); /* the last backslash */
    status = text_reserve(out, &text, (job->op->volume->name.Length + name.Length) / sizeof(WCHAR));
    if (!NT_SUCCESS(status))
        return status;
    text_append_name(&text, &job->op->volume->name);
    text_append_name(&text, &name);
    text_finish(out, &text);
    return STATUS_SUCCESS;
}

static NTSTATUS directory_open(const struct job *job, bool create, struct file_open *out)
{
    struct descriptor descriptor;
    UNICODE_STRING path;
    ULONG_PTR information = 0;
    NTSTATUS status = descriptor_make(&descriptor);

    if (NT_SUCCESS(status))
        status = directory_path(job, &path);
    if (!NT_SUCCESS(status))
        return status;
    status = file_open(job->op, NULL, &path, FILE_LIST_DIRECTORY | FILE_TRAVERSE | FILE_ADD_FILE | FILE_READ_ATTRIBUTES | READ_CONTROL,
                       create ? FILE_OPEN_IF : FILE_OPEN, FILE_DIRECTORY_FILE, &descriptor.descriptor, out, &information);
    pool_free(path.Buffer);
    if (!NT_SUCCESS(status))
        return status;
    status = directory_check(out->handle);
    if (!NT_SUCCESS(status)) {
        file_close(job->op, out);
        refusal_tell(job->op->volume, status);
    }
    return status;
}

/* Sum of the sizes in the directory. */
static ULONGLONG directory_size(HANDLE directory)
{
    ULONGLONG total = 0;
    UCHAR *buffer = pool_allocate_paged(CHUNK);
    IO_STATUS_BLOCK result;
    BOOLEAN restart = TRUE;

    if (!buffer)
        return 0;
    while (NT_SUCCESS(ZwQueryDirectoryFile(directory, NULL, NULL, NULL, &result, buffer, CHUNK, FileDirectoryInformation, FALSE, NULL,
                                           restart))) {
        const FILE_DIRECTORY_INFORMATION *entry = (const FILE_DIRECTORY_INFORMATION *)buffer;

        restart = FALSE;
        for (;;) {
            total += (ULONGLONG)entry->EndOfFile.QuadPart;
            if (!entry->NextEntryOffset)
                break;
            entry = (const FILE_DIRECTORY_INFORMATION *)((const UCHAR *)entry + entry->NextEntryOffset);
        }
    }
    pool_free(buffer);
    return total;
}

/* ---- room ---- */

static ULONGLONG free_space(HANDLE directory)
{
    FILE_FS_SIZE_INFORMATION size;
    IO_STATUS_BLOCK result;

    if (!NT_SUCCESS(ZwQueryVolumeInformationFile(directory, &result, &size, sizeof size, FileFsSizeInformation)))
        return 0;
    return (ULONGLONG)size.AvailableAllocationUnits.QuadPart * size.SectorsPerAllocationUnit * size.BytesPerSector;
}

/* The service may have removed files: before a refusal the directory is measured again. */
static bool fits(const struct job *job, HANDLE directory, ULONGLONG size)
{
    struct volume *volume = job->op->volume;

    if (size > job->quota)
        return false;
    if (!volume->archive_measured || volume->archive_used + size > job->quota) {
        volume->archive_used = directory_size(directory);
        volume->archive_measured = true;
    }
    return volume->archive_used + size <= job->quota;
}

static NTSTATUS room_check(struct job *job, HANDLE directory, ULONGLONG *size)
{
    FILE_STANDARD_INFORMATION standard;
    NTSTATUS status = file_query(job->op, FileStandardInformation, &standard, sizeof standard);

    if (!NT_SUCCESS(status))
        return status;
    *size = (ULONGLONG)standard.EndOfFile.QuadPart;
    if (!fits(job, directory, *size)) {
        job->reason = L"false - quota";
        return STATUS_QUOTA_EXCEEDED;
    }
    if (free_space(directory) < *size + SPARE_SPACE) {
        job->reason = L"false - disk full";
        return STATUS_DISK_FULL;
    }
    return STATUS_SUCCESS;
}

/* ---- the copy ---- */

/* The extension of the deleted file, when it is a short and plain one. */
static void extension_append(struct text *text, const UNICODE_STRING *name)
{
    ULONG length = name->Length / sizeof(WCHAR), at = length;

    while (at && name->Buffer[at - 1] != L'.' && name->Buffer[at - 1] != L'\\' && length - at <= EXTENSION_MOST)
        at--;
    if (!at || name->Buffer[at - 1] != L'.' || at == length)
        return;
    for (ULONG i = at; i < length; i++)
        if (name->Buffer[i] < L'0' || wcschr(L":;<=>?@[\\]^`{|}~", name->Buffer[i]) || name->Buffer[i] > L'z')
            return;
    text_append(text, name->Buffer + at - 1, length - at + 1);
}

/* Time and serial number: never the same twice; the service gives the final name. */
static void name_make(struct job *job)
{
    ULONGLONG now = compat_time();
    struct text text;

    text_start(&text, job->name, ARCHIVE_NAME_MOST - 1);
    text_append_hex(&text, (ULONG)(now >> 32), true);
    text_append_hex(&text, (ULONG)now, true);
    text_append_string(&text, L"-");
    text_append_hex(&text, (ULONG)InterlockedIncrement(&serial), true);
    if (job->op->name)
        extension_append(&text, job->op->name);
    job->name[text.length] = 0;
}

static NTSTATUS contents_copy(const struct file_op *from, HANDLE to, ULONGLONG size)
{
    UCHAR *buffer = pool_allocate(CHUNK);
    ULONGLONG at = 0;
    NTSTATUS status = STATUS_SUCCESS;

    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    while (at < size && NT_SUCCESS(status)) {
        IO_STATUS_BLOCK result;
        ULONG read = 0;

        status = file_read(from, at, buffer, CHUNK, &read);
        if (status == STATUS_END_OF_FILE || (NT_SUCCESS(status) && !read)) {
            status = STATUS_SUCCESS;
            break; /* shorter meanwhile */
        }
        if (NT_SUCCESS(status))
            status = ZwWriteFile(to, NULL, NULL, NULL, &result, buffer, read, NULL, NULL);
        at += read;
    }
    pool_free(buffer);
    return status;
}

static void mark_deleted(HANDLE file)
{
    FILE_DISPOSITION_INFORMATION disposition = { TRUE };
    IO_STATUS_BLOCK result;

    ZwSetInformationFile(file, &result, &disposition, sizeof disposition, FileDispositionInformation);
}

static NTSTATUS copy_into(struct job *job, HANDLE directory)
{
    struct file_open copy;
    UNICODE_STRING name;
    ULONGLONG size = 0;
    NTSTATUS status = room_check(job, directory, &size);

    if (!NT_SUCCESS(status))
        return status;
    name_make(job);
    RtlInitUnicodeString(&name, job->name);
    status = file_open(job->op, directory, &name, FILE_WRITE_DATA | DELETE, FILE_CREATE, FILE_NON_DIRECTORY_FILE, NULL, &copy, NULL);
    if (!NT_SUCCESS(status))
        return status;
    status = contents_copy(job->op, copy.handle, size);
    if (NT_SUCCESS(status))
        job->op->volume->archive_used += size;
    else
        mark_deleted(copy.handle);
    file_close(job->op, &copy);
    return status;
}

static void job_run(struct job *job)
{
    struct volume *volume = job->op->volume;
    struct file_open directory;

    mutex_enter(&volume->archiving);
    job->status = directory_open(job, true, &directory);
    if (NT_SUCCESS(job->status)) {
        job->status = copy_into(job, directory.handle);
        file_close(job->op, &directory);
    }
    mutex_leave(&volume->archiving);
    if (!NT_SUCCESS(job->status))
        job->name[0] = 0;
}

/* In a system worker thread. The job lies on the stack of the thread that waits: after the event it is gone. */
static VOID NTAPI job_work(PDEVICE_OBJECT device, PVOID context)
{
    struct job *job = context;

    UNREFERENCED_PARAMETER(device);
    job_run(job);
    KeSetEvent(&job->done, IO_NO_INCREMENT, FALSE);
}

static NTSTATUS job_wait(struct job *job)
{
    job->item = IoAllocateWorkItem(driver.control);
    if (!job->item)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeEvent(&job->done, NotificationEvent, FALSE);
    IoQueueWorkItem(job->item, job_work, DelayedWorkQueue, job);
    KeWaitForSingleObject(&job->done, Executive, KernelMode, FALSE, NULL);
    IoFreeWorkItem(job->item);
    return job->status;
}

NTSTATUS archive_file(const struct file_op *op, WCHAR name[ARCHIVE_NAME_MOST], const WCHAR **reason)
{
    struct settings *settings = settings_acquire();
    struct job job = { .op = op, .directory = &settings->archive_directory, .quota = (ULONGLONG)settings->archive_quota << 20,
                       .name = name, .reason = L"false" };
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    name[0] = 0;
    if (op->volume->kind != VOLUME_LOCAL || !op->volume->name.Length) {
        job.reason = L"false - not a local volume";
        status = STATUS_NOT_SUPPORTED;
    } else if (!file_may_wait()) {
        status = STATUS_NOT_SUPPORTED;
    } else {
        status = job_wait(&job);
    }
    settings_release(settings);
    *reason = job.reason;
    return status;
}

void archive_remove(const struct file_op *op, const WCHAR *name)
{
    struct settings *settings = settings_acquire();
    const struct job job = { .op = op, .directory = &settings->archive_directory };
    struct file_open directory, copy;
    UNICODE_STRING leaf;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    RtlInitUnicodeString(&leaf, name);
    if (file_may_wait() && NT_SUCCESS(directory_open(&job, false, &directory))) {
        if (NT_SUCCESS(file_open(op, directory.handle, &leaf, REMOVE_ACCESS, FILE_OPEN, FILE_NON_DIRECTORY_FILE, NULL, &copy, NULL))) {
            mark_deleted(copy.handle);
            file_close(op, &copy);
        }
        file_close(op, &directory);
    }
    settings_release(settings);
}
