/* SPDX-License-Identifier: MIT */
/*
 * The minifilter: exactly six operations (spec 01 section 4.2), each turned into a struct file_op and given to the file_*.c part
 * it belongs to. Post-operations of CREATE come in the requestor's thread at PASSIVE_LEVEL; those of CLEANUP and
 * SET_INFORMATION are brought back there by FLT_PREOP_SYNCHRONIZE. Paging I/O, fast paths and everything else pass untouched.
 */
#include "file.h"

static struct {
    PFLT_FILTER filter;
    bool sees_pipes;
} state;

PFLT_FILTER minifilter_object(void)
{
    return state.filter;
}

bool minifilter_sees_pipes(void)
{
    return state.filter && state.sees_pipes;
}

/* ---- operations ---- */

/* False: not attached by us, or no context: nothing is done. Else op_end() is due. */
static bool op_begin(struct file_op *op, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    memset(op, 0, sizeof *op);
    op->instance = objects->Instance; /* also needed to give things back */
    if (!objects->FileObject || !NT_SUCCESS(flt.FltGetInstanceContext(objects->Instance, (PFLT_CONTEXT *)&op->volume)))
        return false;
    op->data = data;
    op->file = objects->FileObject;
    op->requestor = flt.FltGetRequestorProcess(data);
    return true;
}

static void op_end(struct file_op *op)
{
    file_op_finish(op);
    flt.FltReleaseContext(op->volume);
}

static FLT_PREOP_CALLBACK_STATUS with(PVOID context, FLT_PREOP_CALLBACK_STATUS status, PVOID *out)
{
    *out = context;
    return context ? status : FLT_PREOP_SUCCESS_NO_CALLBACK;
}

static FLT_PREOP_CALLBACK_STATUS refuse(PFLT_CALLBACK_DATA data, NTSTATUS status, PVOID *context)
{
    *context = NULL;
    data->IoStatus.Status = status;
    data->IoStatus.Information = 0;
    return FLT_PREOP_COMPLETE;
}

static struct create_request create_request_of(const FLT_IO_PARAMETER_BLOCK *block)
{
    PIO_SECURITY_CONTEXT security = block->Parameters.Create.SecurityContext;

    return (struct create_request){
        .options = block->Parameters.Create.Options & 0xFFFFFF,
        .disposition = block->Parameters.Create.Options >> 24,
        .flags = block->OperationFlags,
        .access = security ? security->DesiredAccess : 0,
    };
}

/* An error refuses the request; `*context` is for post_create(). */
static NTSTATUS create_before(struct file_op *op, PVOID *context)
{
    const FLT_IO_PARAMETER_BLOCK *block = op->data->Iopb;
    const struct create_request request = create_request_of(block);

    *context = NULL;
    if (op->volume->kind == VOLUME_PIPES) {
        *context = pipe_before(block->MajorFunction, op->file, op->requestor);
    } else if (block->MajorFunction == IRP_MJ_CREATE) {
        if (file_create_is_refused(op, &request, op->data->RequestorMode))
            return STATUS_ACCESS_DENIED;
        *context = file_create_before(op, &request);
    }
    return STATUS_SUCCESS;
}

static PVOID set_before(struct file_op *op)
{
    const FLT_PARAMETERS *parameters = &op->data->Iopb->Parameters;
    const struct set_request request = {
        .class = parameters->SetFileInformation.FileInformationClass,
        .length = parameters->SetFileInformation.Length,
        .buffer = parameters->SetFileInformation.InfoBuffer,
        .replaces = parameters->SetFileInformation.ReplaceIfExists,
        .parent = parameters->SetFileInformation.ParentOfTarget,
    };

    if (op->volume->kind == VOLUME_PIPES || !file_may_wait())
        return NULL;
    return file_set_before(op, &request);
}

/* Where a write begins; MAXULONGLONG when that is the end of the file, wherever it may be. */
static ULONGLONG write_offset(LARGE_INTEGER offset, PFILE_OBJECT file)
{
    if (offset.HighPart == -1 && offset.LowPart == FILE_USE_FILE_POINTER_POSITION)
        return (ULONGLONG)file->CurrentByteOffset.QuadPart;
    return (ULONGLONG)offset.QuadPart; /* FILE_WRITE_TO_END_OF_FILE is -1 */
}

static NTSTATUS write_before(struct file_op *op)
{
    const FLT_PARAMETERS *parameters = &op->data->Iopb->Parameters;
    const struct write_request request = {
        .offset = write_offset(parameters->Write.ByteOffset, op->file),
        .length = parameters->Write.Length,
        .mdl = parameters->Write.MdlAddress,
        .buffer = parameters->Write.WriteBuffer,
    };

    if (op->volume->kind == VOLUME_PIPES || op->data->Iopb->MinorFunction)
        return STATUS_SUCCESS;
    return file_write_before(op, &request);
}

static FLT_PREOP_CALLBACK_STATUS NTAPI pre_create(PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID *context)
{
    struct file_op op;
    PVOID result = NULL;
    NTSTATUS status = STATUS_SUCCESS;

    if (nt_current_irql() == PASSIVE_LEVEL && op_begin(&op, data, objects)) {
        status = create_before(&op, &result);
        op_end(&op);
    }
    if (!NT_SUCCESS(status))
        return refuse(data, status, context);
    return with(result, FLT_PREOP_SUCCESS_WITH_CALLBACK, context);
}

static FLT_PREOP_CALLBACK_STATUS NTAPI pre_set(PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID *context)
{
    struct file_op op;
    PVOID result = NULL;

    if (op_begin(&op, data, objects)) {
        result = set_before(&op);
        op_end(&op);
    }
    return with(result, FLT_PREOP_SYNCHRONIZE, context);
}

static FLT_PREOP_CALLBACK_STATUS NTAPI pre_cleanup(PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID *context)
{
    struct file_op op;
    PVOID result = NULL;

    if (file_may_wait() && op_begin(&op, data, objects)) {
        result = op.volume->kind == VOLUME_PIPES ? NULL : file_cleanup_before(&op);
        op_end(&op);
    }
    return with(result, FLT_PREOP_SYNCHRONIZE, context);
}

/* Also fast I/O; it never needs a callback afterwards. */
static FLT_PREOP_CALLBACK_STATUS NTAPI pre_write(PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID *context)
{
    struct file_op op;
    NTSTATUS status = STATUS_SUCCESS;

    *context = NULL;
    if (data->Iopb->IrpFlags & (IRP_PAGING_IO | IRP_SYNCHRONOUS_PAGING_IO) || nt_current_irql() != PASSIVE_LEVEL ||
        !objects->FileObject || write_offset(data->Iopb->Parameters.Write.ByteOffset, objects->FileObject) != 0)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    if (op_begin(&op, data, objects)) {
        status = write_before(&op);
        op_end(&op);
    }
    if (NT_SUCCESS(status))
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    return refuse(data, status, context);
}

/* The end of a file object: its stream context takes care of itself. */
static FLT_PREOP_CALLBACK_STATUS NTAPI pre_close(PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID *context)
{
    UNREFERENCED_PARAMETER(data);
    UNREFERENCED_PARAMETER(objects);
    *context = NULL;
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

/* While the instance goes away the operation has not ended: nothing but the context may be touched (spec 08 section 1.5). */
static bool is_over(ULONG flags)
{
    return !(flags & FLTFL_POST_OPERATION_DRAINING) && nt_current_irql() == PASSIVE_LEVEL;
}

static FLT_POSTOP_CALLBACK_STATUS NTAPI post_create(PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID context, ULONG flags)
{
    struct file_op op;
    bool known = op_begin(&op, data, objects);
    bool is_pipe = known && op.volume->kind == VOLUME_PIPES;

    if (is_pipe && is_over(flags))
        pipe_after(context, data->IoStatus.Status);
    else if (is_pipe)
        pipe_abandon(context);
    else if (known && is_over(flags))
        file_create_after(&op, context, data->IoStatus.Status, data->IoStatus.Information);
    else
        file_create_abandon(context);
    if (known)
        op_end(&op);
    return FLT_POSTOP_FINISHED_PROCESSING;
}

static FLT_POSTOP_CALLBACK_STATUS NTAPI post_set(PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID context, ULONG flags)
{
    struct file_op op;

    if (is_over(flags) && op_begin(&op, data, objects)) {
        file_set_after(&op, context, data->IoStatus.Status);
        op_end(&op);
    } else {
        file_set_abandon(context);
    }
    return FLT_POSTOP_FINISHED_PROCESSING;
}

static FLT_POSTOP_CALLBACK_STATUS NTAPI post_cleanup(PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID context, ULONG flags)
{
    struct file_op op = { .instance = objects->Instance };

    if (is_over(flags) && op_begin(&op, data, objects)) {
        file_cleanup_after(&op, context);
        op_end(&op);
    } else {
        file_cleanup_abandon(&op, context);
    }
    return FLT_POSTOP_FINISHED_PROCESSING;
}

/* ---- instances ---- */

static NTSTATUS kind_of(ULONG device_type, enum volume_kind *kind)
{
    switch (device_type) {
    case FILE_DEVICE_DISK_FILE_SYSTEM:
    case FILE_DEVICE_CD_ROM_FILE_SYSTEM:
        *kind = VOLUME_LOCAL;
        return STATUS_SUCCESS;
    case FILE_DEVICE_NETWORK_FILE_SYSTEM:
        *kind = VOLUME_NETWORK;
        return STATUS_SUCCESS;
    case FILE_DEVICE_NAMED_PIPE:
        *kind = VOLUME_PIPES;
        return STATUS_SUCCESS;
    default:
        return STATUS_FLT_DO_NOT_ATTACH;
    }
}

static NTSTATUS NTAPI instance_setup(PCFLT_RELATED_OBJECTS objects, ULONG flags, ULONG device_type, ULONG file_system)
{
    struct volume *volume;
    enum volume_kind kind;
    NTSTATUS status = kind_of(device_type, &kind);

    IRQL_AT_MOST(PASSIVE_LEVEL);
    UNREFERENCED_PARAMETER(flags);
    if (!NT_SUCCESS(status))
        return status;
    status = flt.FltAllocateContext(state.filter, FLT_INSTANCE_CONTEXT, sizeof *volume, compat.non_paged, (PFLT_CONTEXT *)&volume);
    if (!NT_SUCCESS(status)) {
        record_error(L"Files", L"A volume is not monitored", status);
        return STATUS_FLT_DO_NOT_ATTACH;
    }
    volume_initialize(volume, kind);
    volume->tells_deletion = file_system == FLT_FSTYPE_NTFS || file_system == FLT_FSTYPE_REFS || file_system == FLT_FSTYPE_CSVFS;
    flt.FltGetVolumeName(objects->Volume, &volume->name, NULL);
    status = flt.FltSetInstanceContext(objects->Instance, FLT_SET_CONTEXT_KEEP_IF_EXISTS, volume, NULL);
    flt.FltReleaseContext(volume);
    return NT_SUCCESS(status) ? STATUS_SUCCESS : STATUS_FLT_DO_NOT_ATTACH;
}

static VOID NTAPI stream_cleanup(PFLT_CONTEXT context, USHORT type)
{
    UNREFERENCED_PARAMETER(type);
    stream_finish(context);
}

/* ---- start and stop ---- */

/* Stopping the service is mandatory; the filter manager alone (fltmc unload) is refused. */
static NTSTATUS NTAPI filter_unload(ULONG flags)
{
    if (!(flags & FLTFL_FILTER_UNLOAD_MANDATORY))
        return STATUS_FLT_DO_NOT_DETACH;
    driver_stop();
    return STATUS_SUCCESS;
}

static const FLT_CONTEXT_REGISTRATION contexts[] = {
    { .ContextType = FLT_INSTANCE_CONTEXT, .Size = sizeof(struct volume), .PoolTag = 'nmsS' },
    { .ContextType = FLT_STREAM_CONTEXT, .Size = sizeof(struct stream), .PoolTag = 'nmsS', .ContextCleanupCallback = stream_cleanup },
    { .ContextType = FLT_CONTEXT_END },
};

static const FLT_OPERATION_REGISTRATION operations[] = {
    { IRP_MJ_CREATE, 0, pre_create, post_create, NULL },
    { IRP_MJ_CREATE_NAMED_PIPE, 0, pre_create, post_create, NULL },
    { IRP_MJ_CLOSE, 0, pre_close, NULL, NULL },
    { IRP_MJ_WRITE, FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO, pre_write, NULL, NULL },
    { IRP_MJ_CLEANUP, 0, pre_cleanup, post_cleanup, NULL },
    { IRP_MJ_SET_INFORMATION, 0, pre_set, post_set, NULL },
    { .MajorFunction = IRP_MJ_OPERATION_END },
};

NTSTATUS minifilter_start(void)
{
    FLT_REGISTRATION registration = {
        .Size = FIELD_OFFSET(FLT_REGISTRATION, SectionNotificationCallback),
        .Version = FLT_REGISTRATION_6_0,
        .ContextRegistration = contexts,
        .OperationRegistration = operations,
        .FilterUnloadCallback = filter_unload,
        .InstanceSetupCallback = instance_setup,
    };
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    state.sees_pipes = compat_at_least(6, 2);
    if (state.sees_pipes) {
        registration.Size = sizeof registration;
        registration.Version = FLT_REGISTRATION_6_2;
        registration.Flags = FLTFL_REGISTRATION_SUPPORT_NPFS_MSFS;
    }
    status = flt_start();
    if (NT_SUCCESS(status))
        status = flt.FltRegisterFilter(driver.object, &registration, &state.filter);
    if (!NT_SUCCESS(status)) {
        state.filter = NULL;
        return status;
    }
    status = flt.FltStartFiltering(state.filter);
    if (!NT_SUCCESS(status))
        minifilter_stop();
    return status;
}

void minifilter_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    flt.FltUnregisterFilter(state.filter);
    state.filter = NULL;
}
