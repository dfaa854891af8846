/* SPDX-License-Identifier: MIT */
/* Registry system calls of user mode with the callbacks around them, in the layout of each version. */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "cm.h"
#include "cmtree.h"
#include "export.h"
#include "host.h"
#include "irql.h"
#include "loader.h"
#include "mm.h"
#include "ob.h"
#include "pool.h"
#include "profile.h"
#include "ps.h"
#include "verify.h"

enum { CALLBACKS = 8, CONTEXTS_AT_END = 3 };
enum { C_PRE_DELETE_KEY = 0, C_PRE_SET_VALUE = 1, C_PRE_DELETE_VALUE = 2, C_PRE_RENAME = 4, C_PRE_QUERY_VALUE = 8, C_PRE_CLOSE = 14,
       C_POST_DELETE_KEY = 15, C_POST_SET_VALUE = 16, C_POST_DELETE_VALUE = 17, C_POST_RENAME = 19, C_POST_QUERY_VALUE = 23,
       C_POST_CLOSE = 25, C_PRE_CREATE_EX = 26, C_POST_CREATE_EX = 27, C_PRE_OPEN_EX = 28, C_POST_OPEN_EX = 29,
       C_PRE_QUERY_KEY_NAME = 47 };

static struct callback {
    PEX_CALLBACK_FUNCTION function;
    PVOID context;
    LARGE_INTEGER cookie;
    WCHAR altitude[32];
    unsigned running;
    uintptr_t place;
} callbacks[CALLBACKS];
static LONGLONG next_cookie = 0x1234500000001;
static enum cm_mood mood;

void cm_mood(enum cm_mood to) { mood = to; }

/* --- registration --------------------------------------------------------------------------------------------------------- */

static NTSTATUS add(PEX_CALLBACK_FUNCTION function, PVOID context, PCUNICODE_STRING altitude, PLARGE_INTEGER cookie)
{
    for (unsigned i = 0; i < CALLBACKS; i++)
        if (!callbacks[i].function) {
            callbacks[i] = (struct callback){.context = context, .place = self()->gate_caller};
            callbacks[i].cookie.QuadPart = next_cookie++;
            if (altitude)
                memcpy(callbacks[i].altitude, altitude->Buffer, altitude->Length < 62 ? altitude->Length : 62);
            *cookie = callbacks[i].cookie;
            callbacks[i].function = function;
            return STATUS_SUCCESS;
        }
    return STATUS_INSUFFICIENT_RESOURCES;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, CmRegisterCallback, (PEX_CALLBACK_FUNCTION function, PVOID context, PLARGE_INTEGER cookie))
{
    return add(function, context, NULL, cookie);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, CmRegisterCallbackEx, (PEX_CALLBACK_FUNCTION function, PCUNICODE_STRING altitude, PVOID driver,
                                                        PVOID context, PLARGE_INTEGER cookie, PVOID reserved))
{
    if (reserved || !driver || !altitude || !altitude->Length)
        return STATUS_INVALID_PARAMETER;
    return add(function, context, altitude, cookie);
}

static struct callback *by_cookie(LARGE_INTEGER cookie)
{
    for (unsigned i = 0; i < CALLBACKS; i++)
        if (callbacks[i].function && callbacks[i].cookie.QuadPart == cookie.QuadPart)
            return &callbacks[i];
    return NULL;
}

EXPORT(NTSTATUS, CmUnRegisterCallback, (LARGE_INTEGER cookie))
{
    struct callback *callback = by_cookie(cookie);

    if (!callback) {
        bug("unregister", "CmUnRegisterCallback with a cookie that is not registered");
        return STATUS_INVALID_PARAMETER;
    }
    sched_lock();
    callback->function = NULL;
    while (callback->running)
        sched_sleep(callback, NEVER, "running registry callbacks");
    sched_unlock();
    return STATUS_SUCCESS;
}

unsigned cm_report_callbacks(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < CALLBACKS; i++)
        if (callbacks[i].function) {
            bug("callback-leak", "a registry callback is still registered (at %s)", place(callbacks[i].place));
            n++;
        }
    return n;
}

void cm_callbacks_reset(void)
{
    memset(callbacks, 0, sizeof callbacks);
    mood = CM_MOOD_GOOD;
}

/* --- names and contexts for the callback ------------------------------------------------------------------------------------- */

static UNICODE_STRING *name_copy(struct key_body *key)
{
    WCHAR path[1024];
    size_t bytes = cm_node_path(key->node, path, 1024) * sizeof(WCHAR);
    UNICODE_STRING *name = pool_for_driver(BLOCK_PAGED, sizeof *name + bytes, 'nKmC');

    *name = (UNICODE_STRING){(USHORT)bytes, (USHORT)bytes, (WCHAR *)(name + 1)};
    memcpy(name + 1, path, bytes);
    return name;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, CmCallbackGetKeyObjectIDEx, (PLARGE_INTEGER cookie, PVOID object, PULONG_PTR id, PCUNICODE_STRING *name,
                                                              ULONG flags))
{
    if (!by_cookie(*cookie) || flags)
        return STATUS_INVALID_PARAMETER;
    cm_check_alive(object);
    if (id)
        *id = (ULONG_PTR)((struct key_body *)object)->node;
    if (name)
        *name = name_copy(object);
    return STATUS_SUCCESS;
}
EXPORT(VOID, CmCallbackReleaseKeyObjectIDEx, (PCUNICODE_STRING name)) { pool_give((void *)name, 'nKmC'); }

/* The older form lends a cached name that lives as long as the key object. */
FALLIBLE(FAILS_STATUS, NTSTATUS, CmCallbackGetKeyObjectID, (PLARGE_INTEGER cookie, PVOID object, PULONG_PTR id, PCUNICODE_STRING *name))
{
    NTSTATUS status = nt_CmCallbackGetKeyObjectIDEx(cookie, object, id, name, 0);

    if (NT_SUCCESS(status) && name)
        mm_block(*name)->driver_owned = false;
    return status;
}

EXPORT(NTSTATUS, CmSetCallbackObjectContext, (PVOID object, PLARGE_INTEGER cookie, PVOID context, PVOID *old))
{
    struct key_body *key = object;

    if (!by_cookie(*cookie))
        return STATUS_INVALID_PARAMETER;
    if (old)
        *old = key->object_context;
    key->object_context = context;
    return STATUS_SUCCESS;
}
EXPORT(PVOID, CmGetBoundTransaction, (PLARGE_INTEGER cookie, PVOID object))
{
    (void)cookie;
    return ((struct key_body *)object)->transaction;
}
EXPORT(VOID, CmGetCallbackVersion, (PULONG major, PULONG minor))
{
    *major = 1;
    *minor = nt_at_least(7600) ? 1 : 0;
}

/* --- one operation: structures, pre, post --------------------------------------------------------------------------------------- */

/*
 * A structure is what the running version defines, in a block of exactly that size: reading a member that the version does not have
 * faults. `contexts` is the offset of CallContext, which 5.2 lacks with everything behind it.
 */
struct operation {
    ULONG pre, post;
    void *structure;
    size_t contexts;
    struct key_body *object;
    void *loans[8];
    unsigned loan_count;
    unsigned called; /* callbacks whose pre ran: they get the post */
    void *call_context[CALLBACKS];
};

static bool has_contexts(void) { return nt_at_least(6000); }

static void *structure_new(struct operation *o, size_t size, size_t contexts)
{
    o->contexts = contexts;
    o->structure = mm_allocate(BLOCK_NONPAGED, has_contexts() ? size : contexts, 'ifnC', MM_BYTE_END);
    memset(o->structure, 0, has_contexts() ? size : contexts);
    return o->structure;
}

static void *loan(struct operation *o, void *memory)
{
    o->loans[o->loan_count++] = memory;
    return memory;
}

/* Does the callback see the caller's own memory? */
static bool is_raw(void) { return profile->user_registry_buffers && self()->previous_mode == UserMode; }

static void *lend_bytes(struct operation *o, const void *data, size_t size)
{
    void *memory;

    if (!is_raw()) {
        memory = loan(o, mm_allocate(BLOCK_PAGED, size ? size : 1, 'dfnC', MM_BYTE_END));
        memcpy(memory, data, size);
        return memory;
    }
    memory = loan(o, mm_user(ps_current(), data, size ? size : 1));
    if (mood == CM_MOOD_FAULTING)
        mm_user_fault(memory);
    else if (mood == CM_MOOD_CHANGING)
        mm_user_change(memory);
    return memory;
}

/* The header is always captured; the buffer is the caller's in the older versions, unless `captured`. */
static UNICODE_STRING *lend_name(struct operation *o, const WCHAR *text, bool captured)
{
    UNICODE_STRING *name = loan(o, mm_allocate(BLOCK_NONPAGED, sizeof *name, 'nfnC', 0));
    size_t bytes = wcslen(text) * sizeof(WCHAR);
    KPROCESSOR_MODE mode = self()->previous_mode;

    name->Length = name->MaximumLength = (USHORT)bytes;
    if (captured)
        self()->previous_mode = KernelMode;
    name->Buffer = lend_bytes(o, text, bytes);
    self()->previous_mode = mode;
    return name;
}

static void operation_end(struct operation *o)
{
    for (unsigned i = 0; i < o->loan_count; i++) {
        struct block *block = mm_block(o->loans[i]);

        if (block->kind == BLOCK_USER)
            mm_user_free(o->loans[i]);
        else
            mm_free(o->loans[i]);
    }
    if (o->structure)
        mm_free(o->structure);
    memset(o, 0, sizeof *o);
}

static void **context_slot(struct operation *o, void *structure, size_t contexts)
{
    (void)o;
    return (void **)((uint8_t *)structure + contexts);
}

static NTSTATUS call(struct callback *callback, ULONG class, void *structure)
{
    struct crossing crossing;
    KPROCESSOR_MODE mode = self()->previous_mode;
    NTSTATUS status;

    sched_lock();
    callback->running++;
    sched_unlock();
    cross_in(&crossing, "a registry callback");
    status = callback->function(callback->context, (PVOID)(ULONG_PTR)class, structure);
    cross_out(&crossing);
    self()->previous_mode = mode;
    sched_lock();
    callback->running--;
    sched_wake(callback);
    sched_unlock();
    return status;
}

static NTSTATUS announce_pre(struct operation *o)
{
    for (unsigned i = 0; i < CALLBACKS; i++) {
        NTSTATUS status;

        if (!callbacks[i].function)
            continue;
        if (has_contexts()) {
            *context_slot(o, o->structure, o->contexts) = NULL;
            context_slot(o, o->structure, o->contexts)[1] = o->object ? o->object->object_context : NULL;
        }
        status = call(&callbacks[i], o->pre, o->structure);
        o->call_context[i] = has_contexts() ? *context_slot(o, o->structure, o->contexts) : NULL;
        if (status == STATUS_CALLBACK_BYPASS || !NT_SUCCESS(status))
            return status;
        o->called |= 1u << i;
    }
    return STATUS_SUCCESS;
}

static void announce_post(struct operation *o, NTSTATUS status, void *object)
{
    size_t size = has_contexts() ? sizeof(REG_POST_OPERATION_INFORMATION) : BY_ARCH(16, 8);
    REG_POST_OPERATION_INFORMATION *post = mm_allocate(BLOCK_NONPAGED, size, 'pfnC', MM_BYTE_END);

    memset(post, 0, size);
    post->Object = object;
    post->Status = status;
    for (unsigned i = CALLBACKS; i-- > 0;) {
        if (!(o->called >> i & 1) || !callbacks[i].function)
            continue;
        if (has_contexts()) {
            post->PreInformation = o->structure;
            post->CallContext = o->call_context[i];
            post->ObjectContext = o->object ? o->object->object_context : NULL;
        }
        call(&callbacks[i], o->post, post);
    }
    mm_free(post);
}

/* --- create and open ------------------------------------------------------------------------------------------------------------- */

static void fill_create(struct operation *o, const WCHAR *name, struct key_body *root, ULONG *disposition, void **result, void *transaction)
{
    bool v1 = nt_at_least(7600);
    REG_CREATE_KEY_INFORMATION_V1 *info;

    if (!has_contexts()) {
        o->structure = mm_allocate(BLOCK_NONPAGED, 2 * sizeof(void *), 'cfnC', MM_BYTE_END);
        ((void **)o->structure)[0] = lend_name(o, name, false);
        ((void **)o->structure)[1] = root;
        return;
    }
    info = structure_new(o, v1 ? sizeof(REG_CREATE_KEY_INFORMATION_V1) : sizeof(REG_CREATE_KEY_INFORMATION),
                         offsetof(REG_CREATE_KEY_INFORMATION, CallContext));
    info->CompleteName = lend_name(o, name, false);
    info->RootObject = root;
    info->ObjectType = &ob_key_type;
    info->DesiredAccess = KEY_ALL_ACCESS;
    info->Disposition = disposition;
    info->ResultObject = result;
    info->Transaction = transaction;
    if (v1) {
        info->Version = 1;
        info->RemainingName = lend_name(o, name, false);
        info->CheckAccessMode = self()->previous_mode;
    }
}

static struct key_body *registry_root(void)
{
    return cm_key(cm_node(NULL, L"\\REGISTRY", 9, false, NULL));
}

/* Opening an existing key by NtCreateKey is announced as a create with disposition 2. */
static NTSTATUS create_or_open(HANDLE root, const WCHAR *path, bool create, void *transaction, HANDLE *handle, ULONG *disposition)
{
    struct operation o = {.pre = create ? C_PRE_CREATE_EX : C_PRE_OPEN_EX, .post = create ? C_POST_CREATE_EX : C_POST_OPEN_EX};
    struct key_body *base = root ? cm_body(root) : NULL, *announced, *body = NULL;
    struct key_node *node;
    bool made = false;
    void *result = NULL;
    NTSTATUS status = STATUS_SUCCESS;

    announced = base ? base : registry_root();
    if (profile->registry_create) {
        fill_create(&o, path, announced, disposition, &result, transaction);
        status = announce_pre(&o);
    }
    if (status == STATUS_SUCCESS) {
        node = cm_node(base ? base->node : NULL, path, wcslen(path), create, &made);
        status = node && !node->deleted ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
        if (status == STATUS_SUCCESS) {
            *disposition = made ? 1 : 2;
            body = cm_key(node);
            result = body;
            body->transaction = transaction;
        }
        if (profile->registry_create)
            announce_post(&o, status, body);
    }
    if (body) {
        ob_handle(body, KEY_ALL_ACCESS, self()->previous_mode == KernelMode, false, handle);
        ob_dereference(body);
    }
    operation_end(&o);
    if (!base)
        ob_dereference(announced);
    return status;
}

NTSTATUS cm_create(HANDLE root, const WCHAR *path, void *transaction, HANDLE *key, ULONG *disposition)
{
    ULONG ignored;

    return create_or_open(root, path, true, transaction, key, disposition ? disposition : &ignored);
}

NTSTATUS cm_open(HANDLE root, const WCHAR *path, HANDLE *key)
{
    ULONG disposition;

    return create_or_open(root, path, false, NULL, key, &disposition);
}

/* --- the other operations ------------------------------------------------------------------------------------------------------------ */

static struct operation begin(HANDLE handle, ULONG pre, ULONG post)
{
    struct operation o = {.pre = pre, .post = post, .object = cm_body(handle)};

    if (!o.object)
        sim_error("a test uses a handle that is no key");
    return o;
}

NTSTATUS cm_set_value(HANDLE handle, const WCHAR *name, ULONG type, const void *data, ULONG size)
{
    struct operation o = begin(handle, C_PRE_SET_VALUE, C_POST_SET_VALUE);
    REG_SET_VALUE_KEY_INFORMATION *info = structure_new(&o, sizeof *info, offsetof(REG_SET_VALUE_KEY_INFORMATION, CallContext));
    NTSTATUS status;

    info->Object = o.object;
    info->ValueName = lend_name(&o, name, true);
    info->Type = type;
    info->Data = size ? lend_bytes(&o, data, size) : NULL;
    if (is_raw() && mood == CM_MOOD_KERNEL_ADDRESS && size)
        info->Data = (PVOID)(mm_user_probe() - size / 2); /* half of it beyond the user range */
    info->DataSize = size;
    status = announce_pre(&o);
    if (status == STATUS_SUCCESS) {
        if (o.object->node->deleted)
            status = STATUS_KEY_DELETED;
        else if (is_raw() && (mood == CM_MOOD_FAULTING || mood == CM_MOOD_KERNEL_ADDRESS))
            status = STATUS_ACCESS_VIOLATION;
        else
            cm_value_set(o.object->node, name, wcslen(name), type, data, size);
        announce_post(&o, status, o.object);
    }
    operation_end(&o);
    return status == STATUS_CALLBACK_BYPASS ? STATUS_SUCCESS : status;
}

NTSTATUS cm_delete_value(HANDLE handle, const WCHAR *name)
{
    struct operation o = begin(handle, C_PRE_DELETE_VALUE, C_POST_DELETE_VALUE);
    REG_DELETE_VALUE_KEY_INFORMATION *info = structure_new(&o, sizeof *info, offsetof(REG_DELETE_VALUE_KEY_INFORMATION, CallContext));
    NTSTATUS status;

    info->Object = o.object;
    info->ValueName = lend_name(&o, name, false);
    status = announce_pre(&o);
    if (status == STATUS_SUCCESS) {
        status = cm_value_delete(o.object->node, name, wcslen(name)) ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
        announce_post(&o, status, o.object);
    }
    operation_end(&o);
    return status;
}

NTSTATUS cm_delete_key(HANDLE handle)
{
    struct operation o = begin(handle, C_PRE_DELETE_KEY, C_POST_DELETE_KEY);
    REG_DELETE_KEY_INFORMATION *info = structure_new(&o, sizeof *info, offsetof(REG_DELETE_KEY_INFORMATION, CallContext));
    NTSTATUS status;

    info->Object = o.object;
    status = announce_pre(&o);
    if (status == STATUS_SUCCESS) {
        status = o.object->node->children ? STATUS_CANNOT_DELETE : STATUS_SUCCESS;
        if (NT_SUCCESS(status))
            o.object->node->deleted = true;
        announce_post(&o, status, o.object);
    }
    operation_end(&o);
    return status;
}

NTSTATUS cm_rename_key(HANDLE handle, const WCHAR *new_name)
{
    struct operation o = begin(handle, C_PRE_RENAME, C_POST_RENAME);
    REG_RENAME_KEY_INFORMATION *info;
    NTSTATUS status = STATUS_SUCCESS;

    if (profile->registry_rename) {
        info = structure_new(&o, sizeof *info, offsetof(REG_RENAME_KEY_INFORMATION, CallContext));
        info->Object = o.object;
        info->NewName = lend_name(&o, new_name, false);
        status = announce_pre(&o);
    }
    if (status == STATUS_SUCCESS) {
        bool taken = cm_node(o.object->node->parent, new_name, wcslen(new_name), false, NULL) != NULL;

        status = taken ? STATUS_CANNOT_DELETE : STATUS_SUCCESS;
        if (NT_SUCCESS(status))
            wcscpy(o.object->node->name, new_name);
        if (profile->registry_rename)
            announce_post(&o, status, o.object);
    }
    operation_end(&o);
    return status;
}

NTSTATUS cm_query_value(HANDLE handle, const WCHAR *name, void *data, ULONG room, ULONG *size)
{
    struct operation o = begin(handle, C_PRE_QUERY_VALUE, C_POST_QUERY_VALUE);
    REG_QUERY_VALUE_KEY_INFORMATION *info = structure_new(&o, sizeof *info, offsetof(REG_QUERY_VALUE_KEY_INFORMATION, CallContext));
    struct key_value *value = cm_value(o.object->node, name, wcslen(name));
    NTSTATUS status;

    info->Object = o.object;
    info->ValueName = lend_name(&o, name, false);
    info->ResultLength = size;
    status = announce_pre(&o);
    if (status == STATUS_SUCCESS) {
        status = value ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
        if (value && value->size <= room)
            memcpy(data, value->data, value->size);
        *size = value ? value->size : 0;
        announce_post(&o, status, o.object);
    }
    operation_end(&o);
    return status;
}

NTSTATUS cm_close(HANDLE handle)
{
    struct operation o = begin(handle, C_PRE_CLOSE, C_POST_CLOSE);
    struct key_body *key = o.object;
    NTSTATUS status;

    *(void **)structure_new(&o, 4 * sizeof(void *), sizeof(void *)) = key;
    key->dying = ob_references(key) == 1;
    announce_pre(&o);
    ob_reference(key);
    status = ob_close(handle);
    announce_post(&o, status, key);
    operation_end(&o);
    ob_dereference(key);
    return status;
}

NTSTATUS cm_unknown_class(ULONG class)
{
    struct operation o = {.pre = class};
    NTSTATUS status;

    o.structure = mm_allocate(BLOCK_NONPAGED, 4 * sizeof(void *), 'ufnC', MM_BYTE_END);
    memset(o.structure, 0, 4 * sizeof(void *));
    status = STATUS_SUCCESS;
    for (unsigned i = 0; i < CALLBACKS && NT_SUCCESS(status); i++)
        if (callbacks[i].function)
            status = call(&callbacks[i], class, o.structure);
    operation_end(&o);
    return status;
}
