/* SPDX-License-Identifier: MIT */
/*
 * Registry: events 12, 13, 14. What an operation is about is written down before it happens, because names and data are gone or
 * changed afterwards, and reported when the post-notification says that it succeeded.
 *
 * The two calls of one operation are brought together by thread, class and key object: NT 5.2 offers nothing better, and unlike a
 * call context such a list can be emptied at unload. Members of the notification structures that NT 5.2 lacks are
 * never read there (spec 08 section 2.5).
 */
#include "registry.h"

#include "driver.h"
#include "guard.h"

#define ALTITUDE L"385201"
#define OPERATIONS_MOST 4096

/* REG_NOTIFY_CLASS by number: the headers' enumerations end at different places. */
enum {
    PRE_DELETE_KEY = 0,
    PRE_SET_VALUE = 1,
    PRE_DELETE_VALUE = 2,
    PRE_RENAME_KEY = 4,
    POST_DELETE_KEY = 15,
    POST_SET_VALUE = 16,
    POST_DELETE_VALUE = 17,
    POST_RENAME_KEY = 19,
    PRE_CREATE_KEY = 26,
    POST_CREATE_KEY = 27,
};

struct operation {
    LIST_ENTRY link;
    PVOID thread;
    PVOID object; /* identity of the key; NULL for PRE_CREATE_KEY */
    ULONG class;  /* PRE_… */
    enum wire_registry_subtype subtype;
    UNICODE_STRING target, data; /* owned */
};

static struct {
    LARGE_INTEGER cookie;
    KSPIN_LOCK lock;
    LIST_ENTRY operations;
    LONG count;
    UNICODE_STRING *own_key; /* full path of the driver's service key; owned unless it is driver.registry_path */
} state;

static const struct {
    const WCHAR *text;
    unsigned event;
} subtypes[] = {
    [WIRE_REGISTRY_CREATE_KEY] = { L"CreateKey", EVENT_REG_KEY },
    [WIRE_REGISTRY_DELETE_KEY] = { L"DeleteKey", EVENT_REG_KEY },
    [WIRE_REGISTRY_RENAME_KEY] = { L"RenameKey", EVENT_REG_NAME },
    [WIRE_REGISTRY_CREATE_VALUE] = { L"CreateValue", EVENT_REG_KEY },
    [WIRE_REGISTRY_DELETE_VALUE] = { L"DeleteValue", EVENT_REG_KEY },
    [WIRE_REGISTRY_RENAME_VALUE] = { L"RenameValue", EVENT_REG_KEY },
    [WIRE_REGISTRY_SET_VALUE] = { L"SetValue", EVENT_REG_SETVALUE },
};

/* ---- operations under way ---- */

static struct operation *operation_create(ULONG class, PVOID object, enum wire_registry_subtype subtype)
{
    struct operation *operation = pool_allocate(sizeof *operation);

    if (!operation) {
        queue_lose(WIRE_REGISTRY_EVENT, WIRE_LOSS_MEMORY);
        return NULL;
    }
    operation->thread = nt_current_thread();
    operation->object = object;
    operation->class = class;
    operation->subtype = subtype;
    return operation;
}

static void operation_free(struct operation *operation)
{
    if (!operation)
        return;
    pool_free(operation->target.Buffer);
    pool_free(operation->data.Buffer);
    pool_free(operation);
}

/* Takes the newest one that fits out of the list. */
static struct operation *operation_take(ULONG class, PVOID object)
{
    struct operation *found = NULL;
    PVOID thread = nt_current_thread();
    KIRQL irql;

    KeAcquireSpinLock(&state.lock, &irql);
    for (LIST_ENTRY *at = state.operations.Flink; at != &state.operations && !found; at = at->Flink) {
        struct operation *operation = CONTAINING_RECORD(at, struct operation, link);

        if (operation->thread == thread && operation->class == class && (!operation->object || operation->object == object))
            found = operation;
    }
    if (found) {
        RemoveEntryList(&found->link);
        state.count--;
    }
    KeReleaseSpinLock(&state.lock, irql);
    return found;
}

/* An operation that another filter refused may never have had its post-notification: it makes room. */
static void operation_keep(struct operation *operation)
{
    bool full;
    KIRQL irql;

    operation_free(operation_take(operation->class, operation->object));
    KeAcquireSpinLock(&state.lock, &irql);
    full = state.count >= OPERATIONS_MOST;
    if (!full) {
        InsertHeadList(&state.operations, &operation->link);
        state.count++;
    }
    KeReleaseSpinLock(&state.lock, irql);
    if (full) {
        queue_lose(WIRE_REGISTRY_EVENT, WIRE_LOSS_MEMORY);
        operation_free(operation);
    }
}

/* ---- records ---- */

static void report(enum wire_registry_subtype subtype, const UNICODE_STRING *target, const UNICODE_STRING *data)
{
    struct process *actor = process_acquire(PsGetCurrentProcessId());
    const struct span extensions[WIRE_REGISTRY_EXTENSIONS] = {
        [WIRE_REGISTRY_SID] = { actor ? actor->sid : NULL, actor ? actor->sid_size : 0 },
        [WIRE_REGISTRY_EVENT_TYPE] = { subtypes[subtype].text, (ULONG)(wcslen(subtypes[subtype].text) * sizeof(WCHAR)) },
        [WIRE_REGISTRY_IMAGE] = { actor ? actor->image.Buffer : NULL, actor ? actor->image.Length : 0 },
        [WIRE_REGISTRY_TARGET] = SPAN_TEXT(target),
        [WIRE_REGISTRY_DATA] = SPAN_TEXT(data),
    };
    struct record *record = record_create(WIRE_REGISTRY_EVENT, extensions);

    if (record) {
        struct wire_registry_event *body = record_body(record);

        body->EventSubtype = subtype;
        body->EventSystemTime = compat_time();
        body->ProcessId = HandleToULong(PsGetCurrentProcessId());
        record_submit(record, actor ? actor->session : 0);
    }
    process_release(actor);
}

/* ---- what is captured before ---- */

/* A name whose header is captured and whose characters may not be (before NT 6.2). */
static NTSTATUS name_capture(UNICODE_STRING *out, const UNICODE_STRING *name)
{
    struct text text;
    USHORT length = name ? name->Length & ~1u : 0;
    NTSTATUS status;

    memset(out, 0, sizeof *out);
    if (!length || !name->Buffer)
        return STATUS_SUCCESS;
    status = text_reserve(out, &text, length / sizeof(WCHAR));
    if (!NT_SUCCESS(status))
        return status;
    status = guard_read_any(out->Buffer, name->Buffer, length);
    if (NT_SUCCESS(status)) {
        out->Length = length;
        return STATUS_SUCCESS;
    }
    pool_free(out->Buffer);
    memset(out, 0, sizeof *out);
    return status;
}

static NTSTATUS capture_key(struct operation *operation, PVOID key, const UNICODE_STRING *leaf)
{
    UNICODE_STRING *path = registry_name_of(&state.cookie, key);
    NTSTATUS status;

    if (!path)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    status = registry_path_show(&operation->target, path, leaf);
    pool_free(path);
    return status;
}

static NTSTATUS capture_value(struct operation *operation, PVOID key, const UNICODE_STRING *value)
{
    UNICODE_STRING name, standard;
    NTSTATUS status = name_capture(&name, value);

    if (!NT_SUCCESS(status))
        return status;
    RtlInitUnicodeString(&standard, L"(Default)");
    status = capture_key(operation, key, name.Length ? &name : &standard);
    pool_free(name.Buffer);
    return status;
}

/* Finishes a capture: the operation waits for its post-notification, or counts as lost. */
static void captured(struct operation *operation, NTSTATUS status)
{
    if (NT_SUCCESS(status)) {
        operation_keep(operation);
        return;
    }
    queue_lose(WIRE_REGISTRY_EVENT, status == STATUS_INSUFFICIENT_RESOURCES ? WIRE_LOSS_MEMORY : WIRE_LOSS_SOURCE);
    operation_free(operation);
}

static void pre_set_value(PREG_SET_VALUE_KEY_INFORMATION info)
{
    struct operation *operation = operation_create(PRE_SET_VALUE, info->Object, WIRE_REGISTRY_SET_VALUE);
    NTSTATUS status;

    if (!operation)
        return;
    status = capture_value(operation, info->Object, info->ValueName);
    if (NT_SUCCESS(status))
        status = registry_value_show(&operation->data, info->Type, info->Data, info->DataSize);
    captured(operation, status);
}

static void pre_delete_value(PREG_DELETE_VALUE_KEY_INFORMATION info)
{
    struct operation *operation = operation_create(PRE_DELETE_VALUE, info->Object, WIRE_REGISTRY_DELETE_VALUE);

    if (operation)
        captured(operation, capture_value(operation, info->Object, info->ValueName));
}

static void pre_delete_key(PREG_DELETE_KEY_INFORMATION info)
{
    struct operation *operation = operation_create(PRE_DELETE_KEY, info->Object, WIRE_REGISTRY_DELETE_KEY);

    if (operation)
        captured(operation, capture_key(operation, info->Object, NULL));
}

/* The new name is one component beside the old one: parent of the old path + `\` + new name. */
static NTSTATUS capture_new_name(struct operation *operation, const UNICODE_STRING *new_name)
{
    UNICODE_STRING name, parent = operation->target;
    struct text text;
    NTSTATUS status = name_capture(&name, new_name);

    if (!NT_SUCCESS(status))
        return status;
    while (parent.Length && parent.Buffer[parent.Length / sizeof(WCHAR) - 1] != L'\\')
        parent.Length -= sizeof(WCHAR);
    status = text_reserve(&operation->data, &text, (parent.Length + name.Length) / sizeof(WCHAR));
    if (NT_SUCCESS(status)) {
        text_append_name(&text, &parent);
        text_append_name(&text, &name);
        text_finish(&operation->data, &text);
    }
    pool_free(name.Buffer);
    return status;
}

static void pre_rename_key(PREG_RENAME_KEY_INFORMATION info)
{
    struct operation *operation = operation_create(PRE_RENAME_KEY, info->Object, WIRE_REGISTRY_RENAME_KEY);
    NTSTATUS status;

    if (!operation)
        return;
    status = capture_key(operation, info->Object, NULL);
    if (NT_SUCCESS(status))
        status = capture_new_name(operation, info->NewName);
    captured(operation, status);
}

/* ---- creation ---- */

/* Full path of a key that is about to be created or opened. */
static NTSTATUS create_path(PREG_CREATE_KEY_INFORMATION info, UNICODE_STRING *out)
{
    UNICODE_STRING *root = NULL, name;
    struct text text;
    NTSTATUS status = name_capture(&name, info->CompleteName);

    if (!NT_SUCCESS(status))
        return status;
    if (info->RootObject && !(name.Length && name.Buffer[0] == L'\\')) {
        root = registry_name_of(&state.cookie, info->RootObject);
        if (!root)
            status = STATUS_OBJECT_NAME_NOT_FOUND;
    }
    if (NT_SUCCESS(status))
        status = text_reserve(out, &text, (name.Length + (root ? root->Length : 0)) / sizeof(WCHAR) + 1);
    if (NT_SUCCESS(status)) {
        if (root) {
            text_append_name(&text, root);
            text_append_string(&text, L"\\");
        }
        text_append_name(&text, &name);
        text_finish(out, &text);
    }
    pool_free(root);
    pool_free(name.Buffer);
    return status;
}

/* NT 5.2 does not tell created from opened. STATUS_OBJECT_NAME_NOT_FOUND: there is no such key yet. */
static NTSTATUS key_look_up(PREG_CREATE_KEY_INFORMATION info)
{
    UNICODE_STRING path;
    OBJECT_ATTRIBUTES attributes;
    HANDLE key;
    NTSTATUS status = create_path(info, &path);

    if (!NT_SUCCESS(status))
        return STATUS_INSUFFICIENT_RESOURCES;
    InitializeObjectAttributes(&attributes, &path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    status = ZwOpenKey(&key, KEY_QUERY_VALUE, &attributes);
    if (NT_SUCCESS(status))
        ZwClose(key);
    pool_free(path.Buffer);
    return status;
}

static void pre_create_key(PREG_CREATE_KEY_INFORMATION info)
{
    struct operation *operation;
    NTSTATUS status;

    if (compat_at_least(6, 0) || !info->CompleteName || !info->CompleteName->Length) /* no name: the root, opened again */
        return;
    status = key_look_up(info);
    if (status == STATUS_INSUFFICIENT_RESOURCES)
        queue_lose(WIRE_REGISTRY_EVENT, WIRE_LOSS_MEMORY); /* it might have been a creation */
    if (status != STATUS_OBJECT_NAME_NOT_FOUND)
        return;
    operation = operation_create(PRE_CREATE_KEY, NULL, WIRE_REGISTRY_CREATE_KEY);
    if (operation)
        operation_keep(operation);
}

/* On NT 6.0 and later the disposition says it. */
static bool was_created(PREG_POST_OPERATION_INFORMATION info)
{
    PREG_CREATE_KEY_INFORMATION pre;
    ULONG disposition = 0;

    if (!compat_at_least(6, 0)) {
        struct operation *operation = operation_take(PRE_CREATE_KEY, NULL);

        operation_free(operation);
        return operation != NULL;
    }
    pre = info->PreInformation;
    return pre && pre->Disposition && NT_SUCCESS(guard_read_any(&disposition, pre->Disposition, sizeof disposition)) &&
           disposition == REG_CREATED_NEW_KEY;
}

static void post_create_key(PREG_POST_OPERATION_INFORMATION info)
{
    static const UNICODE_STRING nothing;
    UNICODE_STRING *path, shown;
    bool created = was_created(info);

    if (!created || info->Status != STATUS_SUCCESS || !info->Object)
        return;
    path = registry_name_of(&state.cookie, info->Object);
    if (path && NT_SUCCESS(registry_path_show(&shown, path, NULL))) {
        report(WIRE_REGISTRY_CREATE_KEY, &shown, &nothing);
        pool_free(shown.Buffer);
    } else {
        queue_lose(WIRE_REGISTRY_EVENT, WIRE_LOSS_SOURCE);
    }
    pool_free(path);
}

static void post(ULONG class, PREG_POST_OPERATION_INFORMATION info)
{
    struct operation *operation = operation_take(class, info->Object);

    if (operation && NT_SUCCESS(info->Status))
        report(operation->subtype, &operation->target, &operation->data);
    operation_free(operation);
}

/* ---- protection of the service key ---- */

/* A key whose name can not be found out counts as ours: this is asked only where protection is switched on. */
static bool is_own_key(PVOID object)
{
    UNICODE_STRING *path = registry_name_of(&state.cookie, object);
    bool own = !path || (RtlPrefixUnicodeString(state.own_key, path, TRUE) &&
                         (path->Length == state.own_key->Length || path->Buffer[state.own_key->Length / sizeof(WCHAR)] == L'\\'));

    pool_free(path);
    return own;
}

/* All classes that change a key have the object first. */
static bool is_refused(ULONG class, PVOID info)
{
    struct settings *settings;
    bool protects;

    if (class > PRE_RENAME_KEY || ExGetPreviousMode() == KernelMode ||
        HandleToULong(PsGetCurrentProcessId()) == control_client())
        return false;
    settings = settings_acquire();
    protects = (settings->protect & SETTINGS_PROTECT_KEY) != 0;
    settings_release(settings);
    return protects && is_own_key(*(PVOID *)info);
}

/* ---- the callback ---- */

static bool is_wanted(ULONG class)
{
    switch (class) {
    case PRE_SET_VALUE:
        return settings_wants(EVENT_REG_SETVALUE);
    case PRE_RENAME_KEY:
        return settings_wants(EVENT_REG_NAME);
    default:
        return settings_wants(EVENT_REG_KEY);
    }
}

static void pre(ULONG class, PVOID info)
{
    if (!is_wanted(class))
        return;
    switch (class) {
    case PRE_SET_VALUE:
        pre_set_value(info);
        break;
    case PRE_DELETE_VALUE:
        pre_delete_value(info);
        break;
    case PRE_DELETE_KEY:
        pre_delete_key(info);
        break;
    case PRE_RENAME_KEY:
        pre_rename_key(info);
        break;
    case PRE_CREATE_KEY:
        pre_create_key(info);
        break;
    }
}

/* IRQL: PASSIVE_LEVEL, the calling thread. Unknown classes are none of our business. */
static NTSTATUS NTAPI notify(PVOID context, PVOID argument, PVOID info)
{
    ULONG class = (ULONG)(ULONG_PTR)argument;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    UNREFERENCED_PARAMETER(context);
    if (!info)
        return STATUS_SUCCESS;
    switch (class) {
    case PRE_SET_VALUE:
    case PRE_DELETE_VALUE:
    case PRE_DELETE_KEY:
    case PRE_RENAME_KEY:
        if (is_refused(class, info))
            return STATUS_ACCESS_DENIED;
        pre(class, info);
        break;
    case PRE_CREATE_KEY:
        pre(class, info);
        break;
    case POST_SET_VALUE:
        post(PRE_SET_VALUE, info);
        break;
    case POST_DELETE_VALUE:
        post(PRE_DELETE_VALUE, info);
        break;
    case POST_DELETE_KEY:
        post(PRE_DELETE_KEY, info);
        break;
    case POST_RENAME_KEY:
        post(PRE_RENAME_KEY, info);
        break;
    case POST_CREATE_KEY:
        if (is_wanted(class))
            post_create_key(info);
        break;
    }
    return STATUS_SUCCESS;
}

/* The path the driver was started with may go through links (CurrentControlSet); the notifications show real names. */
static UNICODE_STRING *own_key_open(void)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING *name = NULL;
    HANDLE key;
    PVOID object;

    InitializeObjectAttributes(&attributes, &driver.registry_path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!NT_SUCCESS(ZwOpenKey(&key, KEY_READ, &attributes)))
        return NULL;
    if (NT_SUCCESS(ObReferenceObjectByHandle(key, KEY_READ, NULL, KernelMode, &object, NULL))) {
        name = name_of_object(object);
        ObDereferenceObject(object);
    }
    ZwClose(key);
    return name;
}

static void own_key_find(void)
{
    state.own_key = own_key_open();
    if (!state.own_key)
        state.own_key = &driver.registry_path; /* mostly the same, and needs no memory */
}

static void own_key_forget(void)
{
    if (state.own_key != &driver.registry_path)
        pool_free(state.own_key);
}

NTSTATUS registry_start(void)
{
    UNICODE_STRING altitude;
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    KeInitializeSpinLock(&state.lock);
    InitializeListHead(&state.operations);
    registry_names_start();
    own_key_find();
    RtlInitUnicodeString(&altitude, ALTITUDE);
    if (compat.CmRegisterCallbackEx)
        status = compat.CmRegisterCallbackEx(notify, &altitude, driver.object, NULL, &state.cookie, NULL);
    else
        status = CmRegisterCallback(notify, NULL, &state.cookie);
    if (!NT_SUCCESS(status))
        own_key_forget();
    return status;
}

void registry_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    CmUnRegisterCallback(state.cookie);
    while (!IsListEmpty(&state.operations))
        operation_free(CONTAINING_RECORD(RemoveHeadList(&state.operations), struct operation, link));
    own_key_forget();
    memset(&state, 0, sizeof state);
}
