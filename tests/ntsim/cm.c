/* SPDX-License-Identifier: MIT */
/* The tree, and what the driver itself does with it (Zw routines). Callbacks are in cmcallback.c. */
#include "cm.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "cmtree.h"
#include "export.h"
#include "ke.h"
#include "mm.h"
#include "ob.h"
#include "profile.h"
#include "ps.h"
#include "sched.h"
#include "verify.h"

static void destroy_key(void *body);
static void key_handle_closed(void *body, struct process *process);
static size_t key_name(void *body, WCHAR *text, size_t room);
struct object_type ob_key_type = {"Key", destroy_key, key_handle_closed, key_name, NULL};

static struct key_node *root_node;

/* --- nodes and values --------------------------------------------------------------------------------------------------- */

static struct key_node *node_child(struct key_node *parent, const WCHAR *name, size_t length)
{
    for (struct key_node *n = parent->children; n; n = n->next)
        if (!n->deleted && wcslen(n->name) == length && _wcsnicmp(n->name, name, length) == 0)
            return n;
    return NULL;
}

static struct key_node *node_new(struct key_node *parent, const WCHAR *name, size_t length)
{
    struct key_node *node = calloc(1, sizeof *node);

    wcsncpy(node->name, name, length < KEY_CHARS - 1 ? length : KEY_CHARS - 1);
    node->parent = parent;
    if (parent) {
        node->next = parent->children;
        parent->children = node;
    }
    return node;
}

struct key_node *cm_node(struct key_node *from, const WCHAR *path, size_t length, bool make, bool *made)
{
    struct key_node *node = from ? from : root_node;
    const WCHAR *end = path + length;

    if (made)
        *made = false;
    if (!from && length >= 9 && _wcsnicmp(path, L"\\REGISTRY", 9) == 0)
        path += 9;
    while (node && path < end) {
        const WCHAR *stop = path;
        struct key_node *child;

        while (stop < end && *stop != '\\')
            stop++;
        if (stop > path) {
            child = node_child(node, path, (size_t)(stop - path));
            if (!child && _wcsnicmp(path, L"CurrentControlSet", 17) == 0)
                child = node_child(node, L"ControlSet001", 13);
            if (!child && make) {
                child = node_new(node, path, (size_t)(stop - path));
                if (made)
                    *made = true;
            }
            node = child;
        }
        path = stop + (stop < end);
    }
    return node;
}

size_t cm_node_path(const struct key_node *node, WCHAR *text, size_t room)
{
    size_t length;

    if (!node->parent)
        return (size_t)swprintf(text, room, L"\\REGISTRY");
    length = cm_node_path(node->parent, text, room);
    length += (size_t)swprintf(text + length, room - length, L"\\%ls", node->name);
    return length;
}

struct key_value *cm_value(struct key_node *node, const WCHAR *name, size_t length)
{
    for (struct key_value *v = node->values; v; v = v->next)
        if (wcslen(v->name) == length && _wcsnicmp(v->name, name, length) == 0)
            return v;
    return NULL;
}

void cm_value_set(struct key_node *node, const WCHAR *name, size_t length, ULONG type, const void *data, ULONG size)
{
    struct key_value *value = cm_value(node, name, length);

    if (!value) {
        value = calloc(1, sizeof *value);
        wcsncpy(value->name, name, length < KEY_CHARS - 1 ? length : KEY_CHARS - 1);
        value->next = node->values;
        node->values = value;
    }
    free(value->data);
    value->type = type;
    value->size = size;
    value->data = malloc(size ? size : 1);
    memcpy(value->data, data, size);
    cm_changed(node);
}

bool cm_value_delete(struct key_node *node, const WCHAR *name, size_t length)
{
    for (struct key_value **at = &node->values; *at; at = &(*at)->next)
        if (wcslen((*at)->name) == length && _wcsnicmp((*at)->name, name, length) == 0) {
            struct key_value *gone = *at;

            *at = gone->next;
            free(gone->data);
            free(gone);
            cm_changed(node);
            return true;
        }
    return false;
}

/* --- key objects ----------------------------------------------------------------------------------------------------------- */

struct key_body *cm_key(struct key_node *node)
{
    struct key_body *body = ob_create(&ob_key_type, sizeof *body);

    body->node = node;
    return body;
}

static void destroy_key(void *body) { (void)body; }

static size_t key_name(void *body, WCHAR *text, size_t room)
{
    cm_check_alive(body);
    return cm_node_path(((struct key_body *)body)->node, text, room);
}

static void key_handle_closed(void *body, struct process *process)
{
    struct key_body *key = body;

    (void)process;
    key->dying = true;
    cm_forget_watches(body);
}

void cm_check_alive(void *body)
{
    if (((struct key_body *)body)->dying)
        bugcheck("dying-object", "a key object is used that is being destroyed");
}

struct key_body *cm_body(HANDLE handle)
{
    void *body = ob_handle_body(handle);

    return body && ob_is(body, &ob_key_type) ? body : NULL;
}

/* --- change notification ------------------------------------------------------------------------------------------------------ */

enum { WATCHES = 32 };
static struct watch {
    struct key_body *key;
    PKEVENT event;
    PIO_STATUS_BLOCK iosb;
    bool tree;
} watches[WATCHES];

static void fire(struct watch *watch, NTSTATUS status)
{
    PKEVENT event = watch->event;

    watch->key = NULL;
    watch->iosb->Status = status;
    watch->iosb->Information = 0;
    ke_event_set(event);
    ob_dereference(event);
}

static bool concerns(const struct watch *watch, const struct key_node *node)
{
    for (const struct key_node *n = node; n; n = n->parent)
        if (n == watch->key->node)
            return n == node || watch->tree;
    return false;
}

void cm_changed(struct key_node *node)
{
    for (unsigned i = 0; i < WATCHES; i++)
        if (watches[i].key && concerns(&watches[i], node))
            fire(&watches[i], STATUS_NOTIFY_ENUM_DIR);
}

void cm_forget_watches(void *body)
{
    for (unsigned i = 0; i < WATCHES; i++)
        if (watches[i].key == body)
            fire(&watches[i], STATUS_NOTIFY_CLEANUP);
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwNotifyChangeKey, (HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc, PVOID context, PIO_STATUS_BLOCK iosb,
                                                     ULONG filter, BOOLEAN tree, PVOID buffer, ULONG length, BOOLEAN asynchronous))
{
    struct key_body *key = cm_body(handle);
    void *object = ob_handle_body(event);

    (void)apc, (void)context, (void)filter, (void)buffer, (void)length;
    if (!key || !object || !asynchronous)
        return STATUS_INVALID_PARAMETER;
    for (unsigned i = 0; i < WATCHES; i++)
        if (!watches[i].key) {
            ob_reference(object);
            ((PKEVENT)object)->Header.SignalState = 0;
            watches[i] = (struct watch){key, object, iosb, tree};
            return STATUS_PENDING;
        }
    return STATUS_INSUFFICIENT_RESOURCES;
}

/* --- the driver's own accesses ---------------------------------------------------------------------------------------------------- */

static struct key_node *node_of_attributes(POBJECT_ATTRIBUTES attributes, bool make, bool *made)
{
    struct key_body *root = attributes->RootDirectory ? cm_body(attributes->RootDirectory) : NULL;

    return cm_node(root ? root->node : NULL, attributes->ObjectName->Buffer, attributes->ObjectName->Length / sizeof(WCHAR), make, made);
}

static NTSTATUS open_node(struct key_node *node, POBJECT_ATTRIBUTES attributes, ACCESS_MASK access, PHANDLE handle)
{
    struct key_body *body;
    NTSTATUS status;

    if (!node || node->deleted)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    body = cm_key(node);
    status = ob_handle(body, access, attributes->Attributes & OBJ_KERNEL_HANDLE, true, handle);
    ob_dereference(body);
    return status;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwOpenKey, (PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes))
{
    return open_node(node_of_attributes(attributes, false, NULL), attributes, access, handle);
}
FALLIBLE(FAILS_STATUS, NTSTATUS, ZwOpenKeyEx, (PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, ULONG options))
{
    (void)options;
    return nt_ZwOpenKey(handle, access, attributes);
}
FALLIBLE(FAILS_STATUS, NTSTATUS, ZwCreateKey, (PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, ULONG title,
                                               PUNICODE_STRING class, ULONG options, PULONG disposition))
{
    bool made;
    struct key_node *node = node_of_attributes(attributes, true, &made);

    (void)title, (void)class, (void)options;
    if (disposition)
        *disposition = made ? 1 : 2;
    return open_node(node, attributes, access, handle);
}

static NTSTATUS answer_value(const struct key_value *value, KEY_VALUE_INFORMATION_CLASS class, uint8_t *buffer, ULONG length, PULONG needed)
{
    ULONG head = class == KeyValuePartialInformation ? 12 : 20, name = (ULONG)(wcslen(value->name) * sizeof(WCHAR));
    ULONG data_at = class == KeyValuePartialInformation ? 12 : (head + name + 3) & ~3u;
    ULONG words[5] = {0, value->type, data_at, value->size, name};

    *needed = data_at + value->size;
    if (length < head)
        return STATUS_BUFFER_TOO_SMALL;
    if (class == KeyValuePartialInformation) {
        words[2] = value->size;
        memcpy(buffer, words, 12);
    } else {
        memcpy(buffer, words, 20);
        if (length >= head + name)
            memcpy(buffer + head, value->name, name);
    }
    if (length < *needed) {
        if (length > data_at)
            memcpy(buffer + data_at, value->data, length - data_at);
        return STATUS_BUFFER_OVERFLOW;
    }
    memcpy(buffer + data_at, value->data, value->size);
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwQueryValueKey, (HANDLE handle, PUNICODE_STRING name, KEY_VALUE_INFORMATION_CLASS class, PVOID buffer,
                                                   ULONG length, PULONG needed))
{
    struct key_body *key = cm_body(handle);
    struct key_value *value = key ? cm_value(key->node, name->Buffer, name->Length / sizeof(WCHAR)) : NULL;

    if (!key)
        return STATUS_INVALID_HANDLE;
    if (class != KeyValuePartialInformation && class != KeyValueFullInformation)
        return STATUS_INVALID_PARAMETER;
    return value ? answer_value(value, class, buffer, length, needed) : STATUS_OBJECT_NAME_NOT_FOUND;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwEnumerateValueKey, (HANDLE handle, ULONG index, KEY_VALUE_INFORMATION_CLASS class, PVOID buffer,
                                                       ULONG length, PULONG needed))
{
    struct key_body *key = cm_body(handle);
    struct key_value *value = key ? key->node->values : NULL;

    while (value && index--)
        value = value->next;
    return value ? answer_value(value, class, buffer, length, needed) : STATUS_NO_MORE_ENTRIES;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwSetValueKey, (HANDLE handle, PUNICODE_STRING name, ULONG title, ULONG type, PVOID data, ULONG size))
{
    struct key_body *key = cm_body(handle);

    (void)title;
    if (!key)
        return STATUS_INVALID_HANDLE;
    cm_value_set(key->node, name->Buffer, name->Length / sizeof(WCHAR), type, data, size);
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwDeleteValueKey, (HANDLE handle, PUNICODE_STRING name))
{
    struct key_body *key = cm_body(handle);

    if (!key)
        return STATUS_INVALID_HANDLE;
    return cm_value_delete(key->node, name->Buffer, name->Length / sizeof(WCHAR)) ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS answer_key_name(struct key_node *node, uint8_t *buffer, ULONG length, PULONG needed)
{
    WCHAR path[1024];
    ULONG bytes = (ULONG)(cm_node_path(node, path, 1024) * sizeof(WCHAR));

    *needed = 4 + bytes;
    if (length < 4)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(buffer, &bytes, 4);
    if (length < *needed)
        return STATUS_BUFFER_OVERFLOW;
    memcpy(buffer + 4, path, bytes);
    return STATUS_SUCCESS;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, ZwQueryKey, (HANDLE handle, KEY_INFORMATION_CLASS class, PVOID buffer, ULONG length, PULONG needed))
{
    struct key_body *key = cm_body(handle);

    if (!key)
        return STATUS_INVALID_HANDLE;
    return class == 3 ? answer_key_name(key->node, buffer, length, needed) : STATUS_INVALID_PARAMETER;
}

/* --- planting, begin, end ------------------------------------------------------------------------------------------------------------ */

void cm_plant(const WCHAR *path, const WCHAR *name, ULONG type, const void *data, ULONG size)
{
    struct key_node *node = cm_node(NULL, path, wcslen(path), true, NULL);

    if (name)
        cm_value_set(node, name, wcslen(name), type, data, size);
}

void cm_unplant(const WCHAR *path, const WCHAR *name)
{
    struct key_node *node = cm_node(NULL, path, wcslen(path), false, NULL);

    if (node)
        cm_value_delete(node, name, wcslen(name));
}

bool cm_exists(const WCHAR *path)
{
    struct key_node *node = cm_node(NULL, path, wcslen(path), false, NULL);

    return node && !node->deleted;
}

static void free_node(struct key_node *node)
{
    if (!node)
        return;
    for (struct key_node *n = node->children, *next; n; n = next) {
        next = n->next;
        free_node(n);
    }
    for (struct key_value *v = node->values, *next; v; v = next) {
        next = v->next;
        free(v->data);
        free(v);
    }
    free(node);
}

void cm_begin(void)
{
    root_node = node_new(NULL, L"REGISTRY", 8);
    cm_plant(L"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services", NULL, 0, NULL, 0);
    cm_plant(L"\\REGISTRY\\MACHINE\\SOFTWARE\\Classes", NULL, 0, NULL, 0);
    cm_plant(L"\\REGISTRY\\USER\\S-1-5-21-1-2-3-1001\\Software", NULL, 0, NULL, 0);
    cm_plant(L"\\REGISTRY\\A\\{00000000-0000-0000-0000-000000000001}", NULL, 0, NULL, 0);
}

void cm_reset(void)
{
    free_node(root_node);
    root_node = NULL;
    memset(watches, 0, sizeof watches);
    cm_callbacks_reset();
}
