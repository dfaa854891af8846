/* SPDX-License-Identifier: MIT */
/*
 * Named pipes made (17) and connected to (18), seen by the minifilter from NT 6.2 on and by the pipe filter before. The name
 * is only there before the request, its success only after.
 */
#include "file.h"

#define ANONYMOUS L"<Anonymous Pipe>"

static void report(const struct pipe_open *open)
{
    static const WCHAR *const texts[] = { [WIRE_PIPE_CREATE] = L"CreatePipe", [WIRE_PIPE_CONNECT] = L"ConnectPipe" };
    const WCHAR *text = texts[open->subtype];
    struct process *actor = open->requestor ? process_acquire_object(open->requestor) : NULL;
    const struct span extensions[WIRE_PIPE_EXTENSIONS] = {
        [WIRE_PIPE_EVENT_TYPE] = { text, (ULONG)(wcslen(text) * sizeof(WCHAR)) },
        [WIRE_PIPE_NAME] = SPAN_TEXT(open->name),
        [WIRE_PIPE_IMAGE] = { actor ? actor->image.Buffer : NULL, actor ? actor->image.Length : 0 },
        [WIRE_PIPE_SID] = { actor ? actor->sid : NULL, actor ? actor->sid_size : 0 },
    };
    struct record *record = record_create(WIRE_PIPE_EVENT, extensions);

    if (record) {
        struct wire_pipe_event *body = record_body(record);

        body->EventSubtype = open->subtype;
        body->EventSystemTime = compat_time();
        body->ProcessId = open->requestor ? HandleToULong(PsGetProcessId(open->requestor)) : 0;
        record_submit(record, actor ? actor->session : 0);
    }
    process_release(actor);
}

static UNICODE_STRING *name_of_text(const WCHAR *text)
{
    UNICODE_STRING name;

    RtlInitUnicodeString(&name, text);
    return name_duplicate(&name);
}

/* With its leading backslash, which an opening relative to the root lacks. */
static UNICODE_STRING *name_with_backslash(const UNICODE_STRING *name)
{
    UNICODE_STRING *full = pool_allocate_paged(sizeof *full + sizeof(WCHAR) + name->Length);
    struct text text;

    if (!full)
        return NULL;
    full->Buffer = (WCHAR *)(full + 1);
    full->MaximumLength = (USHORT)(sizeof(WCHAR) + name->Length);
    text_start(&text, full->Buffer, full->MaximumLength / sizeof(WCHAR));
    if (name->Buffer[0] != L'\\')
        text_append_string(&text, L"\\");
    text_append_name(&text, name);
    text_finish(full, &text);
    return full;
}

/* No name: a pipe made below the root without one, or the other end of such a pipe. Else it is the root or the device. */
static bool is_anonymous(UCHAR major, PFILE_OBJECT file)
{
    if (!file->RelatedFileObject)
        return false;
    return major == IRP_MJ_CREATE_NAMED_PIPE || file->RelatedFileObject->Flags & FO_NAMED_PIPE;
}

static bool is_nameless(const UNICODE_STRING *name)
{
    return !name->Length || (name->Length == sizeof(WCHAR) && name->Buffer[0] == L'\\');
}

struct pipe_open *pipe_before(UCHAR major, PFILE_OBJECT file, PEPROCESS requestor)
{
    bool creates = major == IRP_MJ_CREATE_NAMED_PIPE;
    struct pipe_open *open;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!settings_wants(creates ? EVENT_CREATE_NAMEDPIPE : EVENT_CONNECT_NAMEDPIPE))
        return NULL;
    if (is_nameless(&file->FileName) && !is_anonymous(major, file))
        return NULL;
    open = pool_allocate(sizeof *open);
    if (!open)
        goto out;
    open->subtype = creates ? WIRE_PIPE_CREATE : WIRE_PIPE_CONNECT;
    open->requestor = requestor;
    open->name = is_nameless(&file->FileName) ? name_of_text(ANONYMOUS) : name_with_backslash(&file->FileName);
    if (open->name)
        return open;
    pool_free(open);
out:
    queue_lose(WIRE_PIPE_EVENT, WIRE_LOSS_MEMORY);
    return NULL;
}

static void pipe_free(struct pipe_open *open)
{
    pool_free(open->name);
    pool_free(open);
}

void pipe_after(struct pipe_open *open, NTSTATUS status)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (NT_SUCCESS(status) && status != STATUS_REPARSE)
        report(open);
    pipe_free(open);
}

void pipe_abandon(struct pipe_open *open)
{
    queue_lose(WIRE_PIPE_EVENT, WIRE_LOSS_SOURCE);
    pipe_free(open);
}
