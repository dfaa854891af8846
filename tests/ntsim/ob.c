/* SPDX-License-Identifier: MIT */
/* Objects, references, handles, names. */
#include "ob.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "export.h"
#include "irql.h"
#include "mm.h"
#include "profile.h"
#include "ps.h"
#include "sched.h"
#include "verify.h"

enum { MAGIC = 0x4a424f21, NAME_MAX_CHARS = 512, HANDLES = 4096, NAMES = 256, PREFIX = 64 };

struct object {
    uint32_t magic;
    LONG references, handles;
    LONG driver_references;
    struct object_type *type;
    uintptr_t driver_place; /* where the driver took its last reference */
    struct object *next;    /* all objects */
};
_Static_assert(sizeof(struct object) <= PREFIX, "object header");

struct object_type ob_event_type = {"Event", NULL, NULL, NULL, NULL}, ob_section_type = {"Section", NULL, NULL, NULL, NULL};

struct link_body {
    WCHAR target[NAME_MAX_CHARS];
};
struct object_type ob_link_type = {"SymbolicLink", NULL, NULL, NULL, NULL};

static struct object *objects;
static struct handle {
    void *body;
    ACCESS_MASK access;
    bool kernel, driver;
    struct process *process;
    uintptr_t place;
} handles[HANDLES];
static struct name {
    void *body;
    WCHAR path[NAME_MAX_CHARS];
    size_t length;
} *names[NAMES];

/* --- bodies ------------------------------------------------------------------------------------------------------------- */

static struct object *object_of(void *body)
{
    struct object *object = (struct object *)((uint8_t *)body - PREFIX);
    struct block *block = mm_block(body);

    if (!block || block->kind != BLOCK_OBJECT)
        bugcheck("bad-object", "%p is not an object", body);
    if (block->live && object->magic != MAGIC)
        bugcheck("bad-object", "%p is not the body of an object", body);
    return object; /* a dead one traps at the next access and explains itself */
}

void *ob_create(struct object_type *type, size_t size)
{
    uint8_t *memory = mm_allocate(BLOCK_OBJECT, PREFIX + size, 'jbO ', 0);
    struct object *object = (struct object *)memory;

    memset(memory, 0, PREFIX + size);
    object->magic = MAGIC;
    object->references = 1;
    object->type = type;
    sched_lock();
    object->next = objects;
    objects = object;
    sched_unlock();
    return memory + PREFIX;
}

bool ob_is(void *body, const struct object_type *type) { return object_of(body)->type == type; }
LONG ob_references(void *body) { return object_of(body)->references; }
void ob_reference(void *body) { InterlockedIncrement(&object_of(body)->references); }

static void unlist(struct object *object)
{
    sched_lock();
    for (struct object **at = &objects; *at; at = &(*at)->next)
        if (*at == object) {
            *at = object->next;
            break;
        }
    sched_unlock();
}

void ob_dereference(void *body)
{
    struct object *object = object_of(body);

    if (InterlockedDecrement(&object->references) > 0)
        return;
    if (object->driver_references > 0)
        bug("reference-underflow", "a %s is destroyed although the driver holds %d reference(s) to it", object->type->name,
            (int)object->driver_references);
    ob_unname(body);
    unlist(object);
    if (object->type->destroy)
        object->type->destroy(body);
    object->magic = 0;
    mm_free(object);
}

void ob_give(void *body)
{
    struct object *object = object_of(body);

    InterlockedIncrement(&object->driver_references);
    object->driver_place = self()->gate_caller;
}

void ob_take_back(void *body)
{
    struct object *object = object_of(body);

    if (InterlockedDecrement(&object->driver_references) < 0)
        bugcheck("reference-underflow", "the driver drops a reference to a %s that it does not have", object->type->name);
}

unsigned ob_report_leaks(void)
{
    unsigned count = 0;

    for (struct object *o = objects; o; o = o->next)
        if (o->driver_references) {
            bug("reference-leak", "%d reference(s) to a %s are left, the last taken at %s", (int)o->driver_references, o->type->name,
                place(o->driver_place));
            count++;
        }
    for (unsigned i = 0; i < HANDLES; i++)
        if (handles[i].body && handles[i].driver) {
            bug("handle-leak", "a handle to a %s is left, opened at %s", object_of(handles[i].body)->type->name, place(handles[i].place));
            count++;
        }
    return count;
}

/* --- handles -------------------------------------------------------------------------------------------------------------- */

static HANDLE handle_value(unsigned index, bool kernel)
{
    return (HANDLE)(((ULONG_PTR)(index + 1) * 4) | (kernel ? ~(ULONG_PTR)0x7fffffff : 0));
}

static struct handle *handle_of(HANDLE value)
{
    ULONG_PTR index = (((ULONG_PTR)value & 0x7fffffff) / 4) - 1;
    bool kernel = (LONG_PTR)value < 0;

    if (index >= HANDLES || !handles[index].body || handles[index].kernel != kernel)
        return NULL;
    return kernel || handles[index].process == ps_current() ? &handles[index] : NULL;
}

NTSTATUS ob_handle(void *body, ACCESS_MASK access, bool kernel, bool driver, HANDLE *value)
{
    unsigned index = 0;

    sched_lock();
    while (index < HANDLES && handles[index].body)
        index++;
    if (index == HANDLES)
        sim_error("out of handles");
    handles[index] = (struct handle){body, access, kernel, driver, ps_current(), self()->gate_caller};
    sched_unlock();
    if (driver && !kernel && ps_current() != ps_system())
        bug("user-handle", "a handle without OBJ_KERNEL_HANDLE, opened in process %u: its owner can close or replace it",
            ps_id(ps_current()));
    ob_reference(body);
    InterlockedIncrement(&object_of(body)->handles);
    *value = handle_value(index, kernel);
    return STATUS_SUCCESS;
}

void *ob_handle_body(HANDLE value)
{
    struct handle *handle = handle_of(value);

    return handle ? handle->body : NULL;
}

ACCESS_MASK ob_handle_access(HANDLE value)
{
    struct handle *handle = handle_of(value);

    return handle ? handle->access : 0;
}

bool ob_handle_is_kernel(HANDLE value) { return (LONG_PTR)value < 0; }

static void close_entry(struct handle *handle)
{
    struct handle was = *handle;
    struct object *object = object_of(was.body);

    handle->body = NULL;
    if (InterlockedDecrement(&object->handles) == 0 && object->type->last_handle_closed)
        object->type->last_handle_closed(was.body, was.process);
    ob_dereference(was.body);
}

NTSTATUS ob_close(HANDLE value)
{
    struct handle *handle = handle_of(value);

    if (!handle)
        return STATUS_INVALID_HANDLE;
    close_entry(handle);
    return STATUS_SUCCESS;
}

void ob_close_process(struct process *process)
{
    for (unsigned i = 0; i < HANDLES; i++)
        if (handles[i].body && handles[i].process == process && !handles[i].kernel)
            close_entry(&handles[i]);
}

/* --- names ------------------------------------------------------------------------------------------------------------------ */

NTSTATUS ob_name(void *body, const WCHAR *path)
{
    const WCHAR *rest;
    size_t length;

    if (ob_lookup(path, wcslen(path), &rest, &length) && length == 0)
        return STATUS_OBJECT_NAME_COLLISION;
    for (unsigned i = 0; i < NAMES; i++)
        if (!names[i]) {
            names[i] = malloc(sizeof **names);
            names[i]->body = body;
            names[i]->length = wcslen(path);
            wcscpy(names[i]->path, path);
            return STATUS_SUCCESS;
        }
    sim_error("out of names");
}

void ob_unname(void *body)
{
    for (unsigned i = 0; i < NAMES; i++)
        if (names[i] && names[i]->body == body) {
            free(names[i]);
            names[i] = NULL;
        }
}

const WCHAR *ob_path(void *body)
{
    for (unsigned i = 0; i < NAMES; i++)
        if (names[i] && names[i]->body == body)
            return names[i]->path;
    return NULL;
}

static struct name *longest(const WCHAR *path, size_t length)
{
    struct name *best = NULL;

    for (unsigned i = 0; i < NAMES; i++) {
        struct name *n = names[i];

        if (!n || n->length > length || (best && n->length <= best->length) || _wcsnicmp(n->path, path, n->length) != 0)
            continue;
        if (n->length == length || path[n->length] == '\\')
            best = n;
    }
    return best;
}

void *ob_lookup(const WCHAR *path, size_t length, const WCHAR **rest, size_t *rest_length)
{
    struct name *found;

    for (unsigned hops = 0; hops < 8; hops++) {
        WCHAR *next = self()->names[self()->name_turn++ % 4];
        size_t target;

        found = longest(path, length);
        if (!found)
            return NULL;
        *rest = path + found->length;
        *rest_length = length - found->length;
        if (!ob_is(found->body, &ob_link_type))
            return found->body;
        target = wcslen(((struct link_body *)found->body)->target);
        if (target + *rest_length >= 2 * NAME_MAX_CHARS)
            return NULL;
        wcscpy(next, ((struct link_body *)found->body)->target);
        memmove(next + target, *rest, *rest_length * sizeof(WCHAR));
        next[target + *rest_length] = 0;
        length = target + *rest_length;
        path = next;
    }
    return NULL;
}

NTSTATUS ob_link(const WCHAR *path, const WCHAR *target)
{
    struct link_body *link = ob_create(&ob_link_type, sizeof *link);
    NTSTATUS status;

    for (unsigned i = 0; i < NAMES; i++) /* a link is not followed here */
        if (names[i] && _wcsicmp(names[i]->path, path) == 0) {
            ob_dereference(link);
            return STATUS_OBJECT_NAME_COLLISION;
        }
    wcscpy(link->target, target);
    status = ob_name(link, path);
    return status == STATUS_OBJECT_NAME_COLLISION ? STATUS_SUCCESS : status;
}

bool ob_unlink(const WCHAR *path)
{
    for (unsigned i = 0; i < NAMES; i++)
        if (names[i] && ob_is(names[i]->body, &ob_link_type) && _wcsicmp(names[i]->path, path) == 0) {
            ob_dereference(names[i]->body);
            return true;
        }
    return false;
}

void ob_reset(void)
{
    objects = NULL;
    memset(handles, 0, sizeof handles);
    for (unsigned i = 0; i < NAMES; i++) {
        free(names[i]);
        names[i] = NULL;
    }
}

/* --- what the driver calls ------------------------------------------------------------------------------------------------------ */

EXPORT_FAST(LONG_PTR, ObfReferenceObject, (PVOID body))
{
    ob_reference(body);
    ob_give(body);
    return object_of(body)->references;
}

EXPORT_FAST(LONG_PTR, ObfDereferenceObject, (PVOID body))
{
    LONG left = object_of(body)->references - 1;

    ob_take_back(body);
    if (self()->irql > PASSIVE_LEVEL && left == 0 && object_of(body)->type == &ob_file_type)
        bug("irql-too-high", "the last reference to a file object is dropped at IRQL %u", self()->irql);
    ob_dereference(body);
    return left;
}
EXPORT(VOID, ObDereferenceObjectDeferDelete, (PVOID body)) { nt_ObfDereferenceObject(body); }
EXPORT_FAST(BOOLEAN, ObReferenceObjectSafe, (PVOID body))
{
    nt_ObfReferenceObject(body);
    return TRUE;
}

static bool type_matches(void *body, POBJECT_TYPE type)
{
    return !type || object_of(body)->type == (struct object_type *)type;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ObReferenceObjectByPointer, (PVOID body, ACCESS_MASK access, POBJECT_TYPE type, KPROCESSOR_MODE mode))
{
    (void)access, (void)mode;
    if (!type_matches(body, type))
        return STATUS_OBJECT_TYPE_MISMATCH;
    nt_ObfReferenceObject(body);
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ObReferenceObjectByHandle, (HANDLE handle, ACCESS_MASK access, POBJECT_TYPE type, KPROCESSOR_MODE mode,
                                                             PVOID *object, POBJECT_HANDLE_INFORMATION information))
{
    void *body = handle == (HANDLE)-1 ? (void *)ps_current() : handle == (HANDLE)-2 ? (void *)current_thread() : ob_handle_body(handle);

    if (!body)
        return STATUS_INVALID_HANDLE;
    if (mode == UserMode && ob_handle_is_kernel(handle) && handle != (HANDLE)-1 && handle != (HANDLE)-2)
        return STATUS_INVALID_HANDLE;
    if (!type_matches(body, type))
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (mode == UserMode && access & ~ob_handle_access(handle))
        return STATUS_ACCESS_DENIED;
    if (!type && mode == UserMode)
        bug("handle-type", "a user handle is referenced without a type");
    nt_ObfReferenceObject(body);
    *object = body;
    if (information)
        *information = (OBJECT_HANDLE_INFORMATION){0, ob_handle_access(handle)};
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ObOpenObjectByPointer, (PVOID body, ULONG attributes, PACCESS_STATE state, ACCESS_MASK access,
                                                         POBJECT_TYPE type, KPROCESSOR_MODE mode, PHANDLE handle))
{
    (void)state, (void)mode;
    if (!type_matches(body, type))
        return STATUS_OBJECT_TYPE_MISMATCH;
    ps_check_opened(body);
    return ob_handle(body, access, attributes & OBJ_KERNEL_HANDLE, true, handle);
}

EXPORT(NTSTATUS, ZwClose, (HANDLE handle))
{
    struct handle *entry = handle_of(handle);

    if (!entry) {
        bug("bad-handle", "ZwClose of %p, which is no handle here", handle);
        return STATUS_INVALID_HANDLE;
    }
    if (!entry->driver)
        bug("bad-handle", "the driver closes a handle it did not open");
    return ob_close(handle);
}
EXPORT(NTSTATUS, ObCloseHandle, (HANDLE handle, KPROCESSOR_MODE mode))
{
    (void)mode;
    return nt_ZwClose(handle);
}
EXPORT_ALIAS(NtClose, nt_ZwClose)
EXPORT(BOOLEAN, ObIsKernelHandle, (HANDLE handle)) { return ob_handle_is_kernel(handle); }
EXPORT(POBJECT_TYPE, ObGetObjectType, (PVOID body)) { return (POBJECT_TYPE)object_of(body)->type; }
EXPORT(VOID, ObMakeTemporaryObject, (PVOID body)) { ob_unname(body); }

static NTSTATUS name_text(void *body, WCHAR *text, size_t room, size_t *length)
{
    struct object_type *type = object_of(body)->type;
    const WCHAR *path = ob_path(body);

    *length = 0;
    if (type->query_name)
        return type->query_name(body, text, room, length);
    if (type->name_of)
        *length = type->name_of(body, text, room);
    else if (path)
        *length = (size_t)swprintf(text, room, L"%ls", path);
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ObQueryNameString, (PVOID body, POBJECT_NAME_INFORMATION information, ULONG size, PULONG needed))
{
    static WCHAR text[4][1024];
    static unsigned turn;
    WCHAR *name = text[InterlockedIncrement((LONG *)&turn) % 4];
    size_t length, bytes;
    NTSTATUS status = name_text(body, name, 1024, &length);

    if (!NT_SUCCESS(status))
        return status;
    bytes = length ? length * sizeof(WCHAR) + sizeof(WCHAR) : 0;
    *needed = (ULONG)(sizeof(OBJECT_NAME_INFORMATION) + bytes);
    if (size < sizeof *information)
        return STATUS_INFO_LENGTH_MISMATCH;
    if (size < *needed)
        return STATUS_BUFFER_OVERFLOW;
    memset(information, 0, sizeof *information);
    if (!length)
        return STATUS_SUCCESS;
    information->Name.Buffer = (WCHAR *)(information + 1);
    information->Name.Length = (USHORT)(length * sizeof(WCHAR));
    information->Name.MaximumLength = (USHORT)(information->Name.Length + sizeof(WCHAR));
    memcpy(information->Name.Buffer, name, information->Name.Length);
    information->Name.Buffer[length] = 0;
    return STATUS_SUCCESS;
}

EXPORT(NTSTATUS, ObReferenceObjectByName, (PUNICODE_STRING name, ULONG attributes, PACCESS_STATE state, ACCESS_MASK access,
                                           POBJECT_TYPE type, KPROCESSOR_MODE mode, PVOID context, PVOID *object))
{
    const WCHAR *rest;
    size_t length;
    void *body = ob_lookup(name->Buffer, name->Length / sizeof(WCHAR), &rest, &length);

    (void)attributes, (void)state, (void)access, (void)mode, (void)context;
    if (!body || length)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (!type_matches(body, type))
        return STATUS_OBJECT_TYPE_MISMATCH;
    nt_ObfReferenceObject(body);
    *object = body;
    return STATUS_SUCCESS;
}

/* Links are found by their own name, not through themselves. */
static void *find_link(PUNICODE_STRING name)
{
    for (unsigned i = 0; i < NAMES; i++)
        if (names[i] && ob_is(names[i]->body, &ob_link_type) && names[i]->length == name->Length / sizeof(WCHAR) &&
            _wcsnicmp(names[i]->path, name->Buffer, names[i]->length) == 0)
            return names[i]->body;
    return NULL;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwOpenSymbolicLinkObject, (PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes))
{
    UNICODE_STRING name = *attributes->ObjectName;
    WCHAR text[300];
    void *link;

    if (name.Length >= 12 * sizeof(WCHAR) && _wcsnicmp(name.Buffer, L"\\DosDevices\\", 12) == 0) {
        name.Length = (USHORT)(2 * swprintf(text, 300, L"\\??\\%.*ls", (int)(name.Length / 2 - 12), name.Buffer + 12));
        name.Buffer = text;
    } else if (name.Length >= 10 * sizeof(WCHAR) && _wcsnicmp(name.Buffer, L"\\GLOBAL??\\", 10) == 0) {
        name.Length = (USHORT)(2 * swprintf(text, 300, L"\\??\\%.*ls", (int)(name.Length / 2 - 10), name.Buffer + 10));
        name.Buffer = text;
    }
    link = find_link(&name);
    return link ? ob_handle(link, access, attributes->Attributes & OBJ_KERNEL_HANDLE, true, handle) : STATUS_OBJECT_NAME_NOT_FOUND;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwQuerySymbolicLinkObject, (HANDLE handle, PUNICODE_STRING target, PULONG needed))
{
    struct link_body *link = ob_handle_body(handle);
    size_t bytes;

    if (!link || !ob_is(link, &ob_link_type))
        return STATUS_INVALID_HANDLE;
    bytes = wcslen(link->target) * sizeof(WCHAR);
    if (needed)
        *needed = (ULONG)bytes;
    if (target->MaximumLength < bytes)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(target->Buffer, link->target, bytes);
    target->Length = (USHORT)bytes;
    return STATUS_SUCCESS;
}

/* --- object callbacks ------------------------------------------------------------------------------------------------------------- */

enum { REGISTRATIONS = 8 };
static struct registration {
    bool used;
    unsigned running;
    PVOID context;
    USHORT count;
    OB_OPERATION_REGISTRATION operations[4];
    uintptr_t place;
} registrations[REGISTRATIONS];

EXPORT(USHORT, ObGetFilterVersion, (void)) { return 0x0100; }

static NTSTATUS check_registration(POB_CALLBACK_REGISTRATION r)
{
    if (r->Version != 0x0100 || r->OperationRegistrationCount == 0 || r->OperationRegistrationCount > 4)
        return STATUS_INVALID_PARAMETER;
    if (!r->Altitude.Length)
        return STATUS_INVALID_PARAMETER;
    for (USHORT i = 0; i < r->OperationRegistrationCount; i++) {
        OB_OPERATION_REGISTRATION *o = &r->OperationRegistration[i];
        struct object_type *type = (struct object_type *)*o->ObjectType;

        if (!o->PreOperation && !o->PostOperation)
            return STATUS_INVALID_PARAMETER;
        if (type != &ob_process_type && type != &ob_thread_type)
            return STATUS_INVALID_PARAMETER;
        if (!ps_callback_allowed((void *)(o->PreOperation ? (void *)o->PreOperation : (void *)o->PostOperation)))
            return STATUS_ACCESS_DENIED;
    }
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ObRegisterCallbacks, (POB_CALLBACK_REGISTRATION r, PVOID *handle))
{
    NTSTATUS status = check_registration(r);

    if (!NT_SUCCESS(status))
        return status;
    for (unsigned i = 0; i < REGISTRATIONS; i++)
        if (!registrations[i].used) {
            registrations[i] = (struct registration){.used = true, .context = r->RegistrationContext,
                                                     .count = r->OperationRegistrationCount, .place = self()->gate_caller};
            memcpy(registrations[i].operations, r->OperationRegistration, r->OperationRegistrationCount * sizeof r->OperationRegistration[0]);
            *handle = &registrations[i];
            return STATUS_SUCCESS;
        }
    return STATUS_INSUFFICIENT_RESOURCES;
}

EXPORT(VOID, ObUnRegisterCallbacks, (PVOID handle))
{
    struct registration *r = handle;

    if (r < registrations || r >= registrations + REGISTRATIONS || !r->used)
        bugcheck("unregister", "ObUnRegisterCallbacks of something that is not registered");
    sched_lock();
    r->used = false;
    while (r->running)
        sched_sleep(r, NEVER, "running object callbacks");
    sched_unlock();
}

unsigned ob_callbacks(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < REGISTRATIONS; i++)
        if (registrations[i].used) {
            bug("callback-leak", "object callbacks are still registered (at %s)", place(registrations[i].place));
            registrations[i].used = false;
            n++;
        }
    return n;
}

static bool concerns(const OB_OPERATION_REGISTRATION *o, void *body, ULONG operation)
{
    return (struct object_type *)*o->ObjectType == object_of(body)->type && o->Operations & operation;
}

static bool enter_registration(struct registration *r)
{
    bool used;

    sched_lock();
    used = r->used;
    r->running += used;
    sched_unlock();
    return used;
}

static void leave_registration(struct registration *r)
{
    sched_lock();
    r->running--;
    sched_wake(r);
    sched_unlock();
}

static void call_pre(struct registration *r, OB_OPERATION_REGISTRATION *o, OB_PRE_OPERATION_INFORMATION *information)
{
    struct crossing crossing;
    OB_PREOP_CALLBACK_STATUS result;

    self()->normal_apcs_off++;
    cross_in(&crossing, "an object pre-operation callback");
    result = o->PreOperation(r->context, information);
    cross_out(&crossing);
    self()->normal_apcs_off--;
    if (result != OB_PREOP_SUCCESS)
        bug("ob-status", "an object pre-operation callback returned %d", (int)result);
}

ACCESS_MASK ob_announce(ULONG operation, void *body, bool kernel_handle, ACCESS_MASK desired, void *source, void *target, void **cookie)
{
    OB_PRE_OPERATION_PARAMETERS *parameters = mm_allocate(BLOCK_NONPAGED, operation == 1 ? 8 : sizeof *parameters, 'prbO', 0);
    OB_PRE_OPERATION_INFORMATION *information = mm_allocate(BLOCK_NONPAGED, sizeof *information, 'nibO', 0);
    ACCESS_MASK left = desired;

    *information = (OB_PRE_OPERATION_INFORMATION){.Operation = operation, .Flags = kernel_handle, .Object = body,
                                                  .ObjectType = (POBJECT_TYPE)object_of(body)->type, .Parameters = parameters};
    parameters->CreateHandleInformation.DesiredAccess = parameters->CreateHandleInformation.OriginalDesiredAccess = desired;
    if (operation != 1) {
        parameters->DuplicateHandleInformation.SourceProcess = source;
        parameters->DuplicateHandleInformation.TargetProcess = target;
    }
    for (unsigned i = 0; i < REGISTRATIONS; i++)
        for (USHORT k = 0; registrations[i].used && k < registrations[i].count; k++) {
            OB_OPERATION_REGISTRATION *o = &registrations[i].operations[k];

            if (!concerns(o, body, operation) || !o->PreOperation || !enter_registration(&registrations[i]))
                continue;
            call_pre(&registrations[i], o, information);
            leave_registration(&registrations[i]);
        }
    left = parameters->CreateHandleInformation.DesiredAccess;
    if (left & ~desired)
        bug("ob-access", "a callback added access rights: 0x%x to 0x%x", (unsigned)desired, (unsigned)left);
    if (kernel_handle && left != desired)
        bug("ob-access", "a callback changed the rights of a kernel handle");
    *cookie = information->CallContext;
    mm_free(information);
    mm_free(parameters);
    return left;
}

void ob_announce_done(ULONG operation, void *body, bool kernel_handle, ACCESS_MASK granted, NTSTATUS status, void *cookie)
{
    OB_POST_OPERATION_PARAMETERS parameters = {.CreateHandleInformation = {granted}};
    OB_POST_OPERATION_INFORMATION information = {.Operation = operation, .Flags = kernel_handle, .Object = body,
                                                 .ObjectType = (POBJECT_TYPE)object_of(body)->type, .CallContext = cookie,
                                                 .ReturnStatus = status, .Parameters = &parameters};

    for (unsigned i = 0; i < REGISTRATIONS; i++)
        for (USHORT k = 0; registrations[i].used && k < registrations[i].count; k++) {
            OB_OPERATION_REGISTRATION *o = &registrations[i].operations[k];
            struct crossing crossing;

            if (!concerns(o, body, operation) || !o->PostOperation)
                continue;
            cross_in(&crossing, "an object post-operation callback");
            o->PostOperation(registrations[i].context, &information);
            cross_out(&crossing);
        }
}
