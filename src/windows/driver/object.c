/* SPDX-License-Identifier: MIT */
/* Handles to processes, opened or duplicated (event 10), by object callbacks where the kernel has them. */
#include "driver.h"
#include "trace.h"

#define ALTITUDE L"385201"
#define OPERATIONS (OB_OPERATION_HANDLE_CREATE | OB_OPERATION_HANDLE_DUPLICATE)

static PVOID registration;

struct access {
    struct process *client, *target;
    ULONG granted;
};

static struct record *access_record(const struct access *access, const struct wire_frame *frames, ULONG count)
{
    const struct span extensions[WIRE_ACCESS_EXTENSIONS] = {
        [WIRE_ACCESS_CALL_TRACE] = { frames, count * (ULONG)sizeof *frames },
        [WIRE_ACCESS_CLIENT_IMAGE] = SPAN_TEXT(&access->client->image),
        [WIRE_ACCESS_TARGET_IMAGE] = SPAN_TEXT(&access->target->image),
        [WIRE_ACCESS_SOURCE_SID] = SPAN_SID(access->client),
        [WIRE_ACCESS_TARGET_SID] = SPAN_SID(access->target),
    };
    struct record *record = record_create(WIRE_PROCESS_ACCESS, extensions);
    struct wire_process_access *body;

    if (!record)
        return NULL;
    body = record_body(record);
    body->ClientProcessID = access->client->id;
    body->ClientThreadID = HandleToULong(PsGetCurrentThreadId());
    body->TargetPid = access->target->id;
    body->GrantedAccess = access->granted;
    body->EventSystemTime = compat_time();
    return record;
}

/* The trace costs far more than the rest: it is taken only for what the rules do not refuse without it. */
static void report(const struct access *access)
{
    struct record *record = access_record(access, NULL, 0);
    struct wire_frame *frames;
    ULONG count;

    if (!record || record_is_refused(record, access->client->session))
        goto out;
    frames = trace_capture(&count);
    if (frames) {
        struct record *with_trace = access_record(access, frames, count);

        pool_free(frames);
        if (with_trace) {
            record_free(record);
            record = with_trace;
        } else {
            goto out; /* counted as lost */
        }
    }
    record_submit(record, access->client->session);
    return;
out:
    record_free(record);
}

static bool name_ends_with(const UNICODE_STRING *image, const WCHAR *name)
{
    UNICODE_STRING tail, wanted;

    RtlInitUnicodeString(&wanted, name);
    if (!wanted.Length || wanted.Length > image->Length)
        return false;
    tail.Buffer = image->Buffer + (image->Length - wanted.Length) / sizeof(WCHAR);
    tail.Length = tail.MaximumLength = wanted.Length;
    if (!RtlEqualUnicodeString(&tail, &wanted, TRUE))
        return false;
    return tail.Buffer == image->Buffer || tail.Buffer[-1] == L'\\';
}

/* ProcessAccessNames, when present, restricts the event to those targets and accesses. */
static bool is_watched(const struct access *access)
{
    struct settings *settings = settings_acquire();
    const WCHAR *name = settings->access_names;
    bool watched = name == NULL;

    for (unsigned i = 0; !watched && name && *name && i < COUNT(settings->access_masks); i++, name += wcslen(name) + 1)
        watched = (access->granted & settings->access_masks[i]) != 0 && name_ends_with(&access->target->image, name);
    settings_release(settings);
    return watched;
}

static PEPROCESS receiver_of(POB_PRE_OPERATION_INFORMATION info)
{
    if (info->Operation == OB_OPERATION_HANDLE_DUPLICATE)
        return info->Parameters->DuplicateHandleInformation.TargetProcess;
    return PsGetCurrentProcess();
}

/* IRQL: PASSIVE_LEVEL, normal APCs off; after the access check, before the handle exists. Never changes the access. */
static OB_PREOP_CALLBACK_STATUS NTAPI pre_operation(PVOID context, POB_PRE_OPERATION_INFORMATION info)
{
    struct access access;
    PEPROCESS receiver;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    UNREFERENCED_PARAMETER(context);
    if (info->KernelHandle || !(info->Operation & OPERATIONS) || !settings_wants(EVENT_ACCESS_PROCESS))
        return OB_PREOP_SUCCESS;
    receiver = receiver_of(info);
    if (receiver == info->Object)
        return OB_PREOP_SUCCESS;
    access.granted = info->Parameters->CreateHandleInformation.DesiredAccess;
    access.client = process_acquire_object(receiver);
    access.target = process_acquire_object(info->Object);
    if (!access.client || !access.target)
        queue_lose(WIRE_PROCESS_ACCESS, WIRE_LOSS_SOURCE);
    else if (is_watched(&access))
        report(&access);
    process_release(access.client);
    process_release(access.target);
    return OB_PREOP_SUCCESS;
}

NTSTATUS object_start(void)
{
    OB_OPERATION_REGISTRATION operation = { nt_process_type, OPERATIONS, pre_operation, NULL };
    OB_CALLBACK_REGISTRATION callbacks = {
        .Version = OB_FLT_REGISTRATION_VERSION,
        .OperationRegistrationCount = 1,
        .OperationRegistration = &operation,
    };

    IRQL_AT_MOST(PASSIVE_LEVEL);
    registration = NULL;
    if (!compat.ObRegisterCallbacks || !compat.ObUnRegisterCallbacks)
        return STATUS_SUCCESS; /* before NT 6.0 SP1 nobody can see this */
    RtlInitUnicodeString(&callbacks.Altitude, ALTITUDE);
    return compat.ObRegisterCallbacks(&callbacks, &registration);
}

void object_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (registration)
        compat.ObUnRegisterCallbacks(registration);
    registration = NULL;
}
