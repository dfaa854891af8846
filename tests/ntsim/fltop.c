/* SPDX-License-Identifier: MIT */
/* An operation's way through the instance: parameters, pre, the file system, post. Rules: spec 08 section 1.5. */
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "flt.h"
#include "host.h"
#include "io.h"
#include "irql.h"
#include "mm.h"
#include "ob.h"
#include "profile.h"
#include "ps.h"
#include "sched.h"
#include "verify.h"

enum { DATA_PREFIX = 64 };
static struct flt_operation *outstanding;

bool flt_in_callback(void) { return self()->flt != NULL; }

struct flt_operation *flt_operation_of(FLT_CALLBACK_DATA *data)
{
    return *(struct flt_operation **)((uint8_t *)data - DATA_PREFIX);
}

/* --- parameters ------------------------------------------------------------------------------------------------------- */

static void fill_create(FLT_PARAMETERS *to, PIRP irp, const IO_STACK_LOCATION *stack)
{
    to->Create.SecurityContext = stack->Parameters.Create.SecurityContext;
    to->Create.Options = stack->Parameters.Create.Options;
    to->Create.FileAttributes = stack->Parameters.Create.FileAttributes;
    to->Create.ShareAccess = stack->Parameters.Create.ShareAccess;
    to->Create.EaLength = stack->Parameters.Create.EaLength;
    to->Create.EaBuffer = irp->AssociatedIrp.SystemBuffer;
    to->Create.AllocationSize = irp->Overlay.AllocationSize;
}

static void fill_parameters(FLT_PARAMETERS *to, PIRP irp, const IO_STACK_LOCATION *stack)
{
    switch (stack->MajorFunction) {
    case IRP_MJ_CREATE:
        fill_create(to, irp, stack);
        break;
    case IRP_MJ_CREATE_NAMED_PIPE:
        to->CreatePipe.SecurityContext = stack->Parameters.CreatePipe.SecurityContext;
        to->CreatePipe.Options = stack->Parameters.CreatePipe.Options;
        to->CreatePipe.ShareAccess = stack->Parameters.CreatePipe.ShareAccess;
        to->CreatePipe.Parameters = stack->Parameters.CreatePipe.Parameters;
        break;
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
        to->Transfer.Length = stack->Parameters.Write.Length;
        to->Transfer.Key = stack->Parameters.Write.Key;
        to->Transfer.ByteOffset = stack->Parameters.Write.ByteOffset;
        to->Transfer.Buffer = irp->UserBuffer;
        to->Transfer.MdlAddress = irp->MdlAddress;
        break;
    case IRP_MJ_SET_INFORMATION:
        to->SetFileInformation.Length = stack->Parameters.SetFile.Length;
        to->SetFileInformation.FileInformationClass = stack->Parameters.SetFile.FileInformationClass;
        to->SetFileInformation.ParentOfTarget = stack->Parameters.SetFile.FileObject;
        to->SetFileInformation.DeleteHandle = stack->Parameters.SetFile.DeleteHandle;
        to->SetFileInformation.InfoBuffer = irp->AssociatedIrp.SystemBuffer;
        break;
    default:
        break;
    }
}

static FLT_CALLBACK_DATA *data_new(struct flt_operation *op)
{
    uint8_t *memory = mm_allocate(BLOCK_NONPAGED, DATA_PREFIX + sizeof(FLT_CALLBACK_DATA), 'aDtF', MM_BYTE_END);
    FLT_CALLBACK_DATA *data = (FLT_CALLBACK_DATA *)(memory + DATA_PREFIX);

    *(struct flt_operation **)memory = op;
    memset(data, 0, sizeof *data);
    data->Iopb = op->iopb;
    data->Thread = (PETHREAD)current_thread();
    data->RequestorMode = self()->previous_mode;
    return data;
}

static struct flt_operation *operation_new(struct flt_instance *instance, const FLT_OPERATION_REGISTRATION *r, PFILE_OBJECT file, UCHAR major)
{
    struct flt_operation *op = calloc(1, sizeof *op);

    op->instance = instance;
    op->registration = r;
    op->iopb = mm_allocate(BLOCK_NONPAGED, sizeof *op->iopb, 'oItF', MM_BYTE_END);
    memset(op->iopb, 0, sizeof *op->iopb);
    op->iopb->MajorFunction = major;
    op->iopb->TargetFileObject = file;
    op->iopb->TargetInstance = instance;
    op->data = data_new(op);
    op->objects = flt_lend_objects(instance, instance->volume, file);
    sched_lock();
    instance->outstanding++;
    op->next = outstanding;
    outstanding = op;
    sched_unlock();
    return op;
}

static void operation_free(struct flt_operation *op)
{
    sched_lock();
    for (struct flt_operation **at = &outstanding; *at; at = &(*at)->next)
        if (*at == op) {
            *at = op->next;
            break;
        }
    op->instance->outstanding--;
    sched_wake(op->instance);
    sched_unlock();
    if (op->mdl)
        mm_free(op->mdl);
    mm_free(op->objects);
    mm_free((uint8_t *)op->data - DATA_PREFIX);
    mm_free(op->iopb);
    free(op);
}

/* --- pre --------------------------------------------------------------------------------------------------------------------- */

static void check_pre_result(struct flt_operation *op, ULONG result)
{
    bool keeps_context = result == FLT_PREOP_SUCCESS_WITH_CALLBACK || result == FLT_PREOP_SYNCHRONIZE;

    if (op->completion_context && !keeps_context)
        bug("flt-pre", "a completion context is returned with status %u: nobody will ever see it", (unsigned)result);
    if (keeps_context && !op->registration->PostOperation)
        bug("flt-pre", "status %u without a post-operation routine for IRP_MJ 0x%x", (unsigned)result, op->iopb->MajorFunction);
    if (result == FLT_PREOP_DISALLOW_FASTIO && op->irp)
        bug("flt-pre", "DISALLOW_FASTIO for an IRP");
    if (result == FLT_PREOP_PENDING && !op->irp)
        bug("flt-pre", "PENDING for a fast I/O operation");
    if (result > FLT_PREOP_SYNCHRONIZE)
        bug("flt-pre", "status %u", (unsigned)result);
    if (result == FLT_PREOP_COMPLETE && op->data->IoStatus.Status == STATUS_PENDING)
        bug("flt-pre", "completed with STATUS_PENDING");
    if (result == FLT_PREOP_COMPLETE && (op->iopb->MajorFunction == IRP_MJ_CLEANUP || op->iopb->MajorFunction == IRP_MJ_CLOSE))
        bug("flt-pre", "CLEANUP and CLOSE must reach the file system");
}

static void check_parameters(struct flt_operation *op)
{
    op->before.TargetInstance = op->iopb->TargetInstance;
    if (!(op->data->Flags & FLTFL_CALLBACK_DATA_DIRTY) && memcmp(&op->before, op->iopb, sizeof op->before) != 0)
        bug("flt-dirty", "parameters of IRP_MJ 0x%x were changed without FltSetCallbackDataDirty", op->before.MajorFunction);
}

static ULONG call_pre(struct flt_operation *op)
{
    struct crossing crossing;
    ULONG result;

    op->before = *op->iopb;
    op->outer = self()->flt;
    self()->flt = op;
    cross_in(&crossing, "a pre-operation callback");
    result = op->registration->PreOperation(op->data, op->objects, &op->completion_context);
    cross_out(&crossing);
    self()->flt = op->outer;
    op->pre_result = result;
    check_pre_result(op, result);
    check_parameters(op);
    op->stage = FLT_BETWEEN;
    return result;
}

/* --- post --------------------------------------------------------------------------------------------------------------------- */

static ULONG call_post_routine(struct flt_operation *op, PFLT_POST_OPERATION_CALLBACK routine, ULONG flags)
{
    struct crossing crossing;
    ULONG result;

    op->stage = FLT_IN_POST;
    op->data->Flags |= FLTFL_CALLBACK_DATA_POST_OPERATION;
    op->outer = self()->flt;
    self()->flt = op;
    cross_in(&crossing, "a post-operation callback");
    result = routine(op->data, op->objects, op->completion_context, flags);
    cross_out(&crossing);
    self()->flt = op->outer;
    if (result > FLT_POSTOP_MORE_PROCESSING_REQUIRED)
        bug("flt-post", "status %u", (unsigned)result);
    return result;
}

/* FLT_POSTOP_MORE_PROCESSING_REQUIRED: the filter finishes later. */
static ULONG call_post(struct flt_operation *op, ULONG flags)
{
    ULONG result;

    if (!op->registration->PostOperation || op->drained)
        return FLT_POSTOP_FINISHED_PROCESSING;
    result = call_post_routine(op, op->registration->PostOperation, flags);
    if (result == FLT_POSTOP_MORE_PROCESSING_REQUIRED && !op->pended_post)
        op->pended_post = true;
    return result;
}

void flt_drain(struct flt_instance *instance)
{
    for (struct flt_operation *op = outstanding; op; op = op->next) {
        if (op->instance != instance || op->stage != FLT_BETWEEN || op->synchronized || op->drained)
            continue;
        if (op->pre_result == FLT_PREOP_SUCCESS_WITH_CALLBACK)
            call_post(op, FLTFL_POST_OPERATION_DRAINING);
        op->drained = true;
    }
}

/* --- IRPs ---------------------------------------------------------------------------------------------------------------------- */

static const FLT_OPERATION_REGISTRATION *registered(struct flt_instance *instance, UCHAR major)
{
    struct flt_filter *filter = instance ? instance->filter : NULL;

    for (unsigned i = 0; filter && !instance->tearing_down && i < filter->operation_count; i++)
        if (filter->operations[i].MajorFunction == major)
            return &filter->operations[i];
    return NULL;
}

static NTSTATUS pass_down(struct flt_volume *volume, PIRP irp)
{
    irp->CurrentLocation++;
    irp->Tail.Overlay.CurrentStackLocation++;
    return io_send(volume->lower, irp);
}

static void copy_to_next(PIRP irp, PIO_COMPLETION_ROUTINE routine, PVOID context)
{
    PIO_STACK_LOCATION current = irp->Tail.Overlay.CurrentStackLocation, next = current - 1;

    *next = *current;
    next->Control = SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL;
    next->CompletionRoutine = routine;
    next->Context = context;
}

static void take_status(struct flt_operation *op)
{
    op->data->IoStatus.Status = op->irp->IoStatus.Status;
    op->data->IoStatus.Information = op->irp->IoStatus.Information;
}

static void give_status(struct flt_operation *op)
{
    op->irp->IoStatus.Status = op->data->IoStatus.Status;
    op->irp->IoStatus.Information = op->data->IoStatus.Information;
}

struct rendezvous {
    bool done;
};

static NTSTATUS NTAPI meet(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct rendezvous *at = context;

    (void)device, (void)irp;
    sched_lock();
    at->done = true;
    sched_wake(at);
    sched_unlock();
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS finish(struct flt_operation *op)
{
    PIRP irp = op->irp;
    NTSTATUS status;

    give_status(op);
    status = irp->IoStatus.Status;
    operation_free(op);
    io_complete(irp);
    return status;
}

static void undo_open(struct flt_operation *op, struct flt_volume *volume)
{
    if (NT_SUCCESS(op->data->IoStatus.Status))
        bug("flt-post", "FltCancelFileOpen, but the operation still succeeds");
    io_undo_open(op->iopb->TargetFileObject, volume->lower);
}

/* Wait for the file system, then post in this thread. */
static NTSTATUS synchronously(struct flt_operation *op, struct flt_volume *volume)
{
    struct rendezvous at = {false};
    PIRP irp = op->irp;

    op->synchronized = true;
    copy_to_next(irp, meet, &at);
    io_send(volume->lower, irp);
    sched_lock();
    while (!at.done)
        sched_sleep(&at, NEVER, "the file system");
    sched_unlock();
    take_status(op);
    if (call_post(op, 0) == FLT_POSTOP_MORE_PROCESSING_REQUIRED) {
        sched_lock();
        while (op->pended_post)
            sched_sleep(op, NEVER, "FltCompletePendedPostOperation");
        sched_unlock();
    }
    if (op->cancelled_open)
        undo_open(op, volume);
    return finish(op);
}

static NTSTATUS NTAPI completed(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct flt_operation *op = context;

    (void)device;
    if (irp->PendingReturned)
        irp->Tail.Overlay.CurrentStackLocation->Control |= SL_PENDING_RETURNED;
    take_status(op);
    if (call_post(op, 0) == FLT_POSTOP_MORE_PROCESSING_REQUIRED)
        return STATUS_MORE_PROCESSING_REQUIRED;
    give_status(op);
    operation_free(op);
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS with_callback(struct flt_operation *op, struct flt_volume *volume)
{
    copy_to_next(op->irp, completed, op);
    return io_send(volume->lower, op->irp);
}

static NTSTATUS act(struct flt_operation *op, struct flt_volume *volume, ULONG result)
{
    PIRP irp = op->irp;

    switch (result) {
    case FLT_PREOP_PENDING:
        irp->Tail.Overlay.CurrentStackLocation->Control |= SL_PENDING_RETURNED;
        return STATUS_PENDING;
    case FLT_PREOP_COMPLETE:
        return finish(op);
    case FLT_PREOP_SUCCESS_NO_CALLBACK:
        operation_free(op);
        return pass_down(volume, irp);
    case FLT_PREOP_SYNCHRONIZE:
        return synchronously(op, volume);
    default:
        /* creates are always brought back to the thread */
        return op->iopb->MajorFunction == IRP_MJ_CREATE || op->iopb->MajorFunction == IRP_MJ_CREATE_NAMED_PIPE
                   ? synchronously(op, volume)
                   : with_callback(op, volume);
    }
}

static bool skipped(const FLT_OPERATION_REGISTRATION *r, PIRP irp)
{
    bool paging = irp->Flags & (IRP_PAGING_IO | IRP_SYNCHRONOUS_PAGING_IO);

    if (r->MajorFunction != IRP_MJ_READ && r->MajorFunction != IRP_MJ_WRITE)
        return false;
    if (r->Flags & FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO && paging)
        return true;
    return r->Flags & FLTFL_OPERATION_REGISTRATION_SKIP_CACHED_IO && !(irp->Flags & IRP_NOCACHE);
}

NTSTATUS NTAPI flt_dispatch(PDEVICE_OBJECT device, PIRP irp)
{
    struct flt_volume *volume = *(struct flt_volume **)device->DeviceExtension;
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation;
    const FLT_OPERATION_REGISTRATION *r = registered(volume->instance, stack->MajorFunction);
    struct flt_operation *op;

    if (!r || skipped(r, irp))
        return pass_down(volume, irp);
    op = operation_new(volume->instance, r, stack->FileObject, stack->MajorFunction);
    op->irp = irp;
    op->iopb->IrpFlags = irp->Flags;
    op->iopb->MinorFunction = stack->MinorFunction;
    op->iopb->OperationFlags = stack->Flags;
    fill_parameters(&op->iopb->Parameters, irp, stack);
    op->data->Flags = FLTFL_CALLBACK_DATA_IRP_OPERATION;
    op->data->Thread = irp->Tail.Overlay.Thread;
    op->data->RequestorMode = irp->RequestorMode;
    if (stack->MajorFunction == IRP_MJ_SET_INFORMATION)
        op->data->Flags |= FLTFL_CALLBACK_DATA_SYSTEM_BUFFER;
    return act(op, volume, r->PreOperation ? call_pre(op) : FLT_PREOP_SUCCESS_WITH_CALLBACK);
}

/* --- fast I/O ---------------------------------------------------------------------------------------------------------------------- */

static BOOLEAN fast_below(struct flt_volume *volume, PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, PVOID buffer, PIO_STATUS_BLOCK iosb)
{
    PFAST_IO_DISPATCH fast = volume->lower->DriverObject->FastIoDispatch;

    return fast && fast->FastIoWrite && fast->FastIoWrite(file, offset, length, TRUE, 0, buffer, iosb, volume->lower);
}

BOOLEAN NTAPI flt_fast_write(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, BOOLEAN wait, ULONG key, PVOID buffer,
                             PIO_STATUS_BLOCK iosb, PDEVICE_OBJECT device)
{
    struct flt_volume *volume = *(struct flt_volume **)device->DeviceExtension;
    const FLT_OPERATION_REGISTRATION *r = registered(volume->instance, IRP_MJ_WRITE);
    struct flt_operation *op;
    BOOLEAN taken;
    ULONG result;

    (void)wait;
    if (!r || r->Flags & FLTFL_OPERATION_REGISTRATION_SKIP_CACHED_IO)
        return fast_below(volume, file, offset, length, buffer, iosb);
    op = operation_new(volume->instance, r, file, IRP_MJ_WRITE);
    op->data->Flags = FLTFL_CALLBACK_DATA_FAST_IO_OPERATION;
    op->iopb->Parameters.Transfer.Length = length;
    op->iopb->Parameters.Transfer.Key = key;
    op->iopb->Parameters.Transfer.ByteOffset = *offset;
    op->iopb->Parameters.Transfer.Buffer = buffer;
    result = r->PreOperation ? call_pre(op) : FLT_PREOP_SUCCESS_WITH_CALLBACK;
    if (result == FLT_PREOP_DISALLOW_FASTIO) {
        operation_free(op);
        return FALSE;
    }
    if (result == FLT_PREOP_COMPLETE) {
        *iosb = op->data->IoStatus;
        operation_free(op);
        return TRUE;
    }
    taken = fast_below(volume, file, offset, length, buffer, iosb);
    op->data->IoStatus = *iosb;
    if (result != FLT_PREOP_SUCCESS_NO_CALLBACK && call_post(op, 0) == FLT_POSTOP_MORE_PROCESSING_REQUIRED)
        bug("flt-post", "MORE_PROCESSING_REQUIRED for a fast I/O operation");
    operation_free(op);
    return taken;
}

/* --- finishing later ------------------------------------------------------------------------------------------------------------------ */

EXPORT(VOID, FltCompletePendedPreOperation, (FLT_CALLBACK_DATA *data, ULONG result, PVOID context))
{
    struct flt_operation *op = flt_operation_of(data);

    if (op->pre_result != FLT_PREOP_PENDING)
        bugcheck("flt-pre", "FltCompletePendedPreOperation of an operation that was not pended");
    op->completion_context = context;
    op->pre_result = result;
    check_pre_result(op, result);
    act(op, op->instance->volume, result);
}

EXPORT(VOID, FltCompletePendedPostOperation, (FLT_CALLBACK_DATA *data))
{
    struct flt_operation *op = flt_operation_of(data);

    if (!op->pended_post)
        bugcheck("flt-post", "FltCompletePendedPostOperation of an operation that was not pended");
    if (op->synchronized) {
        sched_lock();
        op->pended_post = false;
        sched_wake(op);
        sched_unlock();
    } else {
        finish(op);
    }
}

static void safe_post(void *argument)
{
    struct flt_operation *op = argument;

    if (call_post_routine(op, (PFLT_POST_OPERATION_CALLBACK)op->safe_post, 0) == FLT_POSTOP_FINISHED_PROCESSING)
        nt_FltCompletePendedPostOperation(op->data);
}

EXPORT(BOOLEAN, FltDoCompletionProcessingWhenSafe, (FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID context, ULONG flags,
                                                    PFLT_POST_OPERATION_CALLBACK routine, ULONG *result))
{
    struct flt_operation *op = flt_operation_of(data);

    if (op->stage != FLT_IN_POST)
        bug("flt-post", "FltDoCompletionProcessingWhenSafe outside a post-operation callback");
    if (!op->irp || op->iopb->IrpFlags & IRP_PAGING_IO) {
        *result = FLT_POSTOP_FINISHED_PROCESSING;
        return FALSE;
    }
    if (self()->irql < DISPATCH_LEVEL) {
        *result = routine(data, objects, context, flags);
        return TRUE;
    }
    op->safe_post = (void *)routine;
    op->pended_post = true;
    *result = FLT_POSTOP_MORE_PROCESSING_REQUIRED;
    sched_start("filter manager", ps_idle_thread(), safe_post, op);
    return TRUE;
}

/* --- about an operation ------------------------------------------------------------------------------------------------------------------- */

EXPORT(VOID, FltSetCallbackDataDirty, (FLT_CALLBACK_DATA *data)) { data->Flags |= FLTFL_CALLBACK_DATA_DIRTY; }
EXPORT(VOID, FltClearCallbackDataDirty, (FLT_CALLBACK_DATA *data)) { data->Flags &= ~FLTFL_CALLBACK_DATA_DIRTY; }
EXPORT(BOOLEAN, FltIsCallbackDataDirty, (FLT_CALLBACK_DATA *data)) { return (data->Flags & FLTFL_CALLBACK_DATA_DIRTY) != 0; }
EXPORT(PEPROCESS, FltGetRequestorProcess, (FLT_CALLBACK_DATA *data))
{
    struct thread *thread = data->Thread ? (struct thread *)data->Thread : current_thread();

    return (PEPROCESS)thread->process;
}
EXPORT(ULONG, FltGetRequestorProcessId, (FLT_CALLBACK_DATA *data)) { return ((struct process *)nt_FltGetRequestorProcess(data))->id; }
EXPORT(HANDLE, FltGetRequestorProcessIdEx, (FLT_CALLBACK_DATA *data)) { return (HANDLE)(ULONG_PTR)nt_FltGetRequestorProcessId(data); }
EXPORT(NTSTATUS, FltGetRequestorSessionId, (FLT_CALLBACK_DATA *data, PULONG session))
{
    *session = ((struct process *)nt_FltGetRequestorProcess(data))->session;
    return STATUS_SUCCESS;
}
EXPORT(BOOLEAN, FltIs32bitProcess, (FLT_CALLBACK_DATA *data)) { return ((struct process *)nt_FltGetRequestorProcess(data))->wow64; }
EXPORT(BOOLEAN, FltIsOperationSynchronous, (FLT_CALLBACK_DATA *data))
{
    struct flt_operation *op = flt_operation_of(data);

    return !op->irp || op->iopb->TargetFileObject->Flags & FO_SYNCHRONOUS_IO || op->irp->Flags & IRP_SYNCHRONOUS_API;
}
EXPORT(PCHAR, FltGetIrpName, (UCHAR major))
{
    (void)major;
    return (PCHAR) "IRP_MJ";
}

/* The pages get an MDL with a system address; the bytes are the user's own, still changing. */
FALLIBLE(FAILS_STATUS, NTSTATUS, FltLockUserBuffer, (FLT_CALLBACK_DATA *data))
{
    struct flt_operation *op = flt_operation_of(data);
    FLT_PARAMETERS *p = &op->iopb->Parameters;
    PMDL mdl;

    if (p->Transfer.MdlAddress)
        return STATUS_SUCCESS;
    if (op->iopb->MajorFunction != IRP_MJ_WRITE && op->iopb->MajorFunction != IRP_MJ_READ)
        return STATUS_INVALID_PARAMETER;
    if (mm_is_user(p->Transfer.Buffer) && !mm_user_valid(ps_address_space(), p->Transfer.Buffer, p->Transfer.Length))
        return STATUS_INVALID_USER_BUFFER;
    mdl = mm_allocate(BLOCK_OBJECT, sizeof *mdl, 'ldmF', 0);
    memset(mdl, 0, sizeof *mdl);
    mdl->MdlFlags = MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA;
    mdl->ByteCount = p->Transfer.Length;
    mdl->StartVa = mdl->MappedSystemVa = p->Transfer.Buffer;
    p->Transfer.MdlAddress = mdl;
    op->before.Parameters.Transfer.MdlAddress = mdl;
    op->mdl = mdl;
    return STATUS_SUCCESS;
}

EXPORT(NTSTATUS, FltCancellableWaitForSingleObject, (PVOID object, PLARGE_INTEGER timeout, FLT_CALLBACK_DATA *data))
{
    NTSTATUS NTAPI nt_KeWaitForSingleObject(PVOID, KWAIT_REASON, KPROCESSOR_MODE, BOOLEAN, PLARGE_INTEGER);

    (void)data;
    return nt_KeWaitForSingleObject(object, Executive, KernelMode, FALSE, timeout);
}
