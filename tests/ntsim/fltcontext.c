/* SPDX-License-Identifier: MIT */
/* Contexts: allocation by registration, references, attachment, clean-up. Rules: spec 08 section 1.7. */
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "flt.h"
#include "host.h"
#include "irql.h"
#include "mm.h"
#include "ob.h"
#include "profile.h"
#include "ps.h"
#include "sched.h"
#include "verify.h"

enum { PREFIX = 64, MAGIC = 0x43746c46 };

struct context {
    uint32_t magic;
    USHORT type;
    bool paged, linked;
    LONG references;         /* all */
    LONG driver_references;
    const FLT_CONTEXT_REGISTRATION *registration;
    void *object;            /* what it is attached to: stream, file object, instance, volume */
    uintptr_t place;
    struct context *next;
};
_Static_assert(sizeof(struct context) <= PREFIX, "context head");

static struct context *contexts;

static struct context *head_of(PFLT_CONTEXT body)
{
    struct context *context = (struct context *)((uint8_t *)body - PREFIX);
    struct block *block = mm_block(body);

    if (!block || (block->live && context->magic != MAGIC))
        bugcheck("bad-object", "%p is not a context", body);
    return context;
}

static void *body_of(struct context *context) { return (uint8_t *)context + PREFIX; }

/* --- allocation ---------------------------------------------------------------------------------------------------------- */

static const FLT_CONTEXT_REGISTRATION *match(struct flt_filter *filter, USHORT type, SIZE_T size)
{
    const FLT_CONTEXT_REGISTRATION *variable = NULL;

    for (unsigned i = 0; i < filter->context_count; i++) {
        const FLT_CONTEXT_REGISTRATION *r = &filter->contexts[i];

        if (r->ContextType != type)
            continue;
        if (r->Size == size || (r->Flags & 1 && r->Size != FLT_VARIABLE_SIZED_CONTEXTS && size <= r->Size))
            return r;
        if (r->Size == FLT_VARIABLE_SIZED_CONTEXTS)
            variable = r;
    }
    return variable;
}

FALLIBLE(FAILS_STATUS, NTSTATUS, FltAllocateContext, (PFLT_FILTER filter, USHORT type, SIZE_T size, POOL_TYPE pool, PFLT_CONTEXT *out))
{
    const FLT_CONTEXT_REGISTRATION *r = match(filter, type, size);
    bool paged = pool & 1;
    struct context *context;

    if (!r)
        return STATUS_FLT_CONTEXT_ALLOCATION_NOT_FOUND;
    if (type == FLT_VOLUME_CONTEXT && paged)
        return STATUS_FLT_MUST_BE_NONPAGED_POOL;
    if (pool & 0x200 && !nt_at_least(WIN8))
        bug("pool-type", "a context from NonPagedPoolNx before 6.2");
    context = mm_allocate(BLOCK_NONPAGED, PREFIX + size, 'xCtF', 0);
    memset(context, 0, PREFIX);
    *context = (struct context){MAGIC, type, paged, false, 1, 1, r, NULL, self()->gate_caller, NULL};
    sched_lock();
    context->next = contexts;
    contexts = context;
    sched_unlock();
    *out = body_of(context);
    return STATUS_SUCCESS;
}

/* --- references ------------------------------------------------------------------------------------------------------------- */

static void destroy_now(void *argument)
{
    struct context *context = argument;
    struct crossing crossing;

    if (context->registration->ContextCleanupCallback) {
        cross_in(&crossing, "a context cleanup callback");
        context->registration->ContextCleanupCallback(body_of(context), context->type);
        cross_out(&crossing);
    }
    sched_lock();
    for (struct context **at = &contexts; *at; at = &(*at)->next)
        if (*at == context) {
            *at = context->next;
            break;
        }
    sched_unlock();
    context->magic = 0;
    mm_free(context);
}

static void drop(struct context *context)
{
    if (InterlockedDecrement(&context->references) > 0)
        return;
    if (self()->irql >= DISPATCH_LEVEL)
        sched_start("filter manager", ps_idle_thread(), destroy_now, context);
    else
        destroy_now(context);
}

static void give(struct context *context)
{
    InterlockedIncrement(&context->references);
    InterlockedIncrement(&context->driver_references);
    context->place = self()->gate_caller;
}

static void check_irql(const struct context *context, const char *what)
{
    if (context->paged && self()->irql > APC_LEVEL)
        bug("irql-too-high", "%s of a paged context at IRQL %u", what, self()->irql);
}

EXPORT(VOID, FltReferenceContext, (PFLT_CONTEXT body))
{
    check_irql(head_of(body), "FltReferenceContext");
    give(head_of(body));
}

EXPORT(VOID, FltReleaseContext, (PFLT_CONTEXT body))
{
    struct context *context = head_of(body);

    check_irql(context, "FltReleaseContext");
    if (InterlockedDecrement(&context->driver_references) < 0)
        bugcheck("reference-underflow", "a context is released that the driver does not hold");
    drop(context);
}

/* --- attachment: one context per (object, type) -------------------------------------------------------------------------------- */

static struct context *attached(const void *object, USHORT type)
{
    for (struct context *c = contexts; c; c = c->next)
        if (c->object == object && c->type == type && c->linked)
            return c;
    return NULL;
}

static void unlink_context(struct context *context)
{
    context->linked = false;
    context->object = NULL;
    drop(context);
}

static NTSTATUS set(const void *object, USHORT type, ULONG operation, PFLT_CONTEXT body, PFLT_CONTEXT *old)
{
    struct context *context = head_of(body), *existing;

    if (old)
        *old = NULL;
    if (context->type != type)
        bugcheck("flt-context", "a context of type 0x%x is set as 0x%x", context->type, type);
    sched_lock();
    existing = attached(object, type);
    if (existing && operation == FLT_SET_CONTEXT_KEEP_IF_EXISTS) {
        if (old) {
            give(existing);
            *old = body_of(existing);
        }
        sched_unlock();
        return STATUS_FLT_CONTEXT_ALREADY_DEFINED;
    }
    if (context->linked) {
        sched_unlock();
        return STATUS_FLT_CONTEXT_ALREADY_LINKED;
    }
    context->linked = true;
    context->object = (void *)object;
    InterlockedIncrement(&context->references);
    if (existing) {
        if (old) {
            give(existing);
            *old = body_of(existing);
        }
        existing->linked = false;
        existing->object = NULL;
    }
    sched_unlock();
    if (existing)
        drop(existing);
    return STATUS_SUCCESS;
}

static NTSTATUS get(const void *object, USHORT type, PFLT_CONTEXT *out)
{
    struct context *context;

    *out = NULL;
    sched_lock();
    context = attached(object, type);
    if (context) {
        give(context);
        *out = body_of(context);
    }
    sched_unlock();
    return context ? STATUS_SUCCESS : STATUS_NOT_FOUND;
}

static NTSTATUS delete(const void *object, USHORT type, PFLT_CONTEXT *old)
{
    struct context *context;

    if (old)
        *old = NULL;
    sched_lock();
    context = attached(object, type);
    if (context && old) {
        give(context);
        *old = body_of(context);
    }
    sched_unlock();
    if (context)
        unlink_context(context);
    return context ? STATUS_SUCCESS : STATUS_NOT_FOUND;
}

/* The stream of an open file; contexts of files need one. */
static NTSTATUS stream_key(PFILE_OBJECT file, const void **key)
{
    struct flt_operation *op = self()->flt;

    if (op && op->iopb->TargetFileObject == file && op->iopb->MajorFunction == IRP_MJ_CREATE && op->stage == FLT_IN_PRE)
        bug("flt-context", "a context of a file is touched in pre-CREATE: there is no file yet");
    if (!file->FsContext || !fs_stream_of(file)->node)
        return STATUS_NOT_SUPPORTED;
    *key = file->FsContext;
    return STATUS_SUCCESS;
}

static bool has_stream(PFILE_OBJECT file)
{
    return file->FsContext && file->DeviceObject->Vpb && fs_stream_of(file) != &fs_stream_of(file)->node->volume->dasd;
}

#define PER_FILE(kind, type, key_) \
    FALLIBLE(FAILS_STATUS, NTSTATUS, FltSet##kind##Context, (PFLT_INSTANCE instance, PFILE_OBJECT file, ULONG operation, PFLT_CONTEXT context, \
                                                             PFLT_CONTEXT *old)) \
    { \
        const void *key; \
        NTSTATUS status; \
        if (old) \
            *old = NULL; \
        if (!has_stream(file)) \
            return STATUS_NOT_SUPPORTED; \
        if (instance->tearing_down) \
            return STATUS_FLT_DELETING_OBJECT; \
        status = stream_key(file, &key); \
        return NT_SUCCESS(status) ? set(key_, type, operation, context, old) : status; \
    } \
    EXPORT(NTSTATUS, FltGet##kind##Context, (PFLT_INSTANCE instance, PFILE_OBJECT file, PFLT_CONTEXT *context)) \
    { \
        const void *key; \
        NTSTATUS status; \
        (void)instance; \
        *context = NULL; \
        if (!has_stream(file)) \
            return STATUS_NOT_SUPPORTED; \
        status = stream_key(file, &key); \
        return NT_SUCCESS(status) ? get(key_, type, context) : status; \
    } \
    EXPORT(NTSTATUS, FltDelete##kind##Context, (PFLT_INSTANCE instance, PFILE_OBJECT file, PFLT_CONTEXT *old)) \
    { \
        const void *key; \
        NTSTATUS status = has_stream(file) ? stream_key(file, &key) : STATUS_NOT_SUPPORTED; \
        (void)instance; \
        return NT_SUCCESS(status) ? delete(key_, type, old) : status; \
    }

PER_FILE(Stream, FLT_STREAM_CONTEXT, key)
PER_FILE(StreamHandle, FLT_STREAMHANDLE_CONTEXT, (key ? (const void *)file : NULL))
PER_FILE(File, FLT_FILE_CONTEXT, fs_stream_of((PFILE_OBJECT)file)->node)

FALLIBLE(FAILS_STATUS, NTSTATUS, FltSetInstanceContext, (PFLT_INSTANCE instance, ULONG operation, PFLT_CONTEXT context, PFLT_CONTEXT *old))
{
    return set(instance, FLT_INSTANCE_CONTEXT, operation, context, old);
}
EXPORT(NTSTATUS, FltGetInstanceContext, (PFLT_INSTANCE instance, PFLT_CONTEXT *context))
{
    return get(instance, FLT_INSTANCE_CONTEXT, context);
}
EXPORT(NTSTATUS, FltDeleteInstanceContext, (PFLT_INSTANCE instance, PFLT_CONTEXT *old)) { return delete(instance, FLT_INSTANCE_CONTEXT, old); }
FALLIBLE(FAILS_STATUS, NTSTATUS, FltSetVolumeContext, (PFLT_VOLUME volume, ULONG operation, PFLT_CONTEXT context, PFLT_CONTEXT *old))
{
    return set(volume, FLT_VOLUME_CONTEXT, operation, context, old);
}
EXPORT(NTSTATUS, FltGetVolumeContext, (PFLT_FILTER filter, PFLT_VOLUME volume, PFLT_CONTEXT *context))
{
    (void)filter;
    return get(volume, FLT_VOLUME_CONTEXT, context);
}

EXPORT(VOID, FltDeleteContext, (PFLT_CONTEXT body))
{
    struct context *context = head_of(body);

    if (context->linked)
        unlink_context(context);
}

EXPORT(BOOLEAN, FltSupportsStreamContexts, (PFILE_OBJECT file)) { return has_stream(file); }
EXPORT(BOOLEAN, FltSupportsStreamHandleContexts, (PFILE_OBJECT file)) { return has_stream(file); }
EXPORT(BOOLEAN, FltSupportsFileContexts, (PFILE_OBJECT file)) { return has_stream(file); }
EXPORT(BOOLEAN, FltSupportsFileContextsEx, (PFILE_OBJECT file, PFLT_INSTANCE instance))
{
    (void)instance;
    return has_stream(file);
}

/* --- objects end ------------------------------------------------------------------------------------------------------------------- */

static struct context *take_attached(const void *object)
{
    struct context *c;

    sched_lock();
    for (c = contexts; c; c = c->next)
        if (c->linked && c->object == object) {
            c->linked = false;
            c->object = NULL;
            break;
        }
    sched_unlock();
    return c;
}

static void object_gone(const void *object)
{
    struct context *context;

    while ((context = take_attached(object)) != NULL)
        drop(context);
}

void flt_stream_gone(struct fs_stream *stream) { object_gone(stream); }
void flt_file_gone(PFILE_OBJECT file) { object_gone(file); }

/* All contexts of the volume's files go with the instance; this world has one filter, so all of them. */
void flt_context_instance_gone(struct flt_instance *instance)
{
    bool again = true;

    object_gone(instance);
    object_gone(instance->volume);
    while (again) {
        again = false;
        for (struct context *c = contexts; c && !again; c = c->next) {
            bool file = c->type == FLT_STREAMHANDLE_CONTEXT, stream = c->type == FLT_STREAM_CONTEXT || c->type == FLT_FILE_CONTEXT;
            struct fs_node *node = !c->linked ? NULL
                                   : file     ? fs_stream_of(c->object)->node
                                   : c->type == FLT_STREAM_CONTEXT ? ((struct fs_stream *)c->object)->node
                                                                   : stream ? (struct fs_node *)c->object : NULL;

            if (node && node->volume == instance->volume->fs) {
                unlink_context(c);
                again = true;
            }
        }
    }
}

unsigned flt_context_report(void)
{
    unsigned n = 0;

    for (struct context *c = contexts; c; c = c->next, n++)
        bug("context-leak", "a context of type 0x%x is left with %d reference(s) of the driver's, last taken at %s", c->type,
            (int)c->driver_references, place(c->place));
    return n;
}

void flt_context_reset(void) { contexts = NULL; }
