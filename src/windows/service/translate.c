/* SPDX-License-Identifier: MIT */
#include "translate.h"

#include <errno.h>
#include <string.h>

/* One event in the making. */
struct work {
    struct translator *t;
    struct pool *pool;
    const struct record *record;
    const struct signature *signature;
    struct event *event;
};

static struct match_text none(void)
{
    return (struct match_text){ NULL, 0 };
}

static void set(struct work *w, unsigned field, struct match_text text)
{
    event_set_text(w->event, field, text.data, text.size);
}

static struct match_text text_at(struct work *w, unsigned extension)
{
    const struct record_span *span = &w->record->extension[extension];

    return span->size ? pool_utf16(w->pool, span->data, span->size) : none();
}

static struct match_text dos_path(struct work *w, struct match_text path)
{
    return path.size && w->t->facts->path ? w->t->facts->path(w->t->context, w->pool, path) : path;
}

static struct match_text path_at(struct work *w, unsigned extension)
{
    return dos_path(w, text_at(w, extension));
}

static struct match_text user_at(struct work *w, unsigned extension)
{
    const struct record_span *sid = &w->record->extension[extension];

    return sid->size && w->t->facts->user ? w->t->facts->user(w->t->context, w->pool, sid->data, sid->size) : none();
}

/* Every `%` doubled (spec 02 section 3.8). */
static struct match_text doubled(struct work *w, struct match_text text)
{
    size_t size = format_percent(NULL, text.data, text.size);
    char *out = size == text.size ? NULL : pool_take(w->pool, size);

    if (!out)
        return text;
    format_percent(out, text.data, text.size);
    return (struct match_text){ out, (uint32_t)size };
}

/* Array texts inside bodies are terminated by the decoder. */
static struct match_text array_text(struct work *w, const wire_char *text, unsigned limit)
{
    return pool_utf16(w->pool, (const uint8_t *)text, record_units(text, limit) * sizeof(wire_char));
}

/* Hashes from the record, else from the file. */
static struct match_text hashes_of(struct work *w, uint32_t type, const uint8_t *data, uint32_t size, struct match_text path)
{
    static const struct {
        uint32_t bit, size;
        size_t at;
    } parts[] = { { HASH_SHA1, 20, offsetof(struct hash_values, sha1) }, { HASH_MD5, 16, offsetof(struct hash_values, md5) },
                  { HASH_SHA256, 32, offsetof(struct hash_values, sha256) }, { HASH_IMPHASH, 16, offsetof(struct hash_values, imphash) } };
    struct hash_values values = { .mask = hash_mask(type) };
    char text[HASH_TEXT_SIZE];

    if (values.mask && size) {
        for (unsigned i = 0; i < 4; i++) {
            if (!(values.mask & parts[i].bit))
                continue;
            if (size < parts[i].size)
                return none();
            memcpy((uint8_t *)&values + parts[i].at, data, parts[i].size);
            data += parts[i].size;
            size -= parts[i].size;
        }
        return pool_text(w->pool, text, hash_format(text, &values, true));
    }
    return path.size && w->t->facts->hashes ? w->t->facts->hashes(w->t->context, w->pool, path) : none();
}

/* Five consecutive fields: FileVersion, Description, Product, Company, OriginalFileName. */
static void set_version(struct work *w, unsigned first, struct match_text path)
{
    struct pe_version *version = w->t->facts->version && path.size ? pool_take(w->pool, sizeof(*version)) : NULL;

    if (!version || w->t->facts->version(w->t->context, path, version))
        return;
    event_set_string(w->event, first, version->file_version);
    event_set_string(w->event, first + 1, version->description);
    event_set_string(w->event, first + 2, version->product);
    event_set_string(w->event, first + 3, version->company);
    event_set_string(w->event, first + 4, version->original_file_name);
}

/* Signed, Signature, SignatureStatus: copies, the event may outlive the verifier's answer. */
static void set_signature(struct work *w, unsigned first)
{
    const struct signature *s = w->signature;

    if (!s) {
        event_set_string(w->event, first, "failed");
        return;
    }
    set(w, first, pool_text(w->pool, s->is_signed, strlen(s->is_signed)));
    set(w, first + 1, pool_text(w->pool, s->signer, strlen(s->signer)));
    set(w, first + 2, pool_text(w->pool, s->status, strlen(s->status)));
}

/* ProcessGuid, ProcessId, Image as they follow each other in most events. */
static void set_actor(struct work *w, unsigned guid_field, uint32_t pid, uint64_t time, struct match_text image,
                      struct process_view *view)
{
    translate_process(w->t, w->pool, pid, time, 0, view);
    event_set_guid(w->event, guid_field, &view->guid);
    event_set_number(w->event, guid_field + 1, pid);
    set(w, guid_field + 2, image.size ? image : view->image);
}

/* ---- one function per record type ---- */

static void process_create(struct work *w)
{
    const struct wire_process_create *body = &w->record->body.process;
    const struct record_span *hash = &w->record->extension[WIRE_PROCESS_HASH];
    const struct record_span *label = &w->record->extension[WIRE_PROCESS_INTEGRITY];
    struct match_text path = path_at(w, WIRE_PROCESS_IMAGE);
    struct sysmon_guid guid = guid_compose(w->t->machine_id, body->CreateTime, body->ProcessKey);
    uint64_t logon = w->t->facts->logon_time ? w->t->facts->logon_time(w->t->context, body->AuthenticationId) : 0;
    struct sysmon_guid logon_guid = guid_compose(w->t->machine_id, logon, body->AuthenticationId);
    struct process_view parent;

    event_set_time(w->event, CREATE_PROCESS_UtcTime, body->CreateTime);
    event_set_guid(w->event, CREATE_PROCESS_ProcessGuid, &guid);
    event_set_number(w->event, CREATE_PROCESS_ProcessId, body->ProcessId);
    set(w, CREATE_PROCESS_Image, path);
    set_version(w, CREATE_PROCESS_FileVersion, path);
    set(w, CREATE_PROCESS_CommandLine, doubled(w, text_at(w, WIRE_PROCESS_COMMAND_LINE)));
    set(w, CREATE_PROCESS_CurrentDirectory, text_at(w, WIRE_PROCESS_DIRECTORY));
    set(w, CREATE_PROCESS_User, user_at(w, WIRE_PROCESS_SID));
    event_set_guid(w->event, CREATE_PROCESS_LogonGuid, &logon_guid);
    event_set_number(w->event, CREATE_PROCESS_LogonId, body->AuthenticationId);
    event_set_number(w->event, CREATE_PROCESS_TerminalSessionId, body->SessionId);
    set(w, CREATE_PROCESS_IntegrityLevel, translate_integrity(w->pool, label->data, label->size, body->IsAppContainer));
    set(w, CREATE_PROCESS_Hashes, hashes_of(w, body->HashType, hash->data, hash->size, path));
    translate_process(w->t, w->pool, body->ParentProcessId, body->CreateTime, body->ParentProcessObject, &parent);
    event_set_guid(w->event, CREATE_PROCESS_ParentProcessGuid, &parent.guid);
    event_set_number(w->event, CREATE_PROCESS_ParentProcessId, body->ParentProcessId);
    if (parent.known) {
        set(w, CREATE_PROCESS_ParentImage, parent.image);
        set(w, CREATE_PROCESS_ParentCommandLine, parent.command_line);
        set(w, CREATE_PROCESS_ParentUser, parent.user);
    }
}

static void process_terminate(struct work *w)
{
    const struct wire_process_terminate *body = &w->record->body.terminate;
    struct process_view view;

    event_set_time(w->event, PROCESS_TERMINATE_UtcTime, body->EventTime);
    set_actor(w, PROCESS_TERMINATE_ProcessGuid, body->ProcessId, body->EventTime, none(), &view);
    set(w, PROCESS_TERMINATE_User, user_at(w, WIRE_TERMINATE_SID));
}

static void file_time(struct work *w)
{
    const struct wire_file_time *body = &w->record->body.file_time;
    struct process_view view;

    event_set_time(w->event, FILE_TIME_UtcTime, body->EventTime);
    set_actor(w, FILE_TIME_ProcessGuid, body->ProcessId, body->EventTime, path_at(w, WIRE_FILE_TIME_IMAGE), &view);
    set(w, FILE_TIME_TargetFilename, path_at(w, WIRE_FILE_TIME_NAME));
    event_set_time(w->event, FILE_TIME_CreationUtcTime, body->CreateTime);
    event_set_time(w->event, FILE_TIME_PreviousCreationUtcTime, body->PreviousCreateTime);
    set(w, FILE_TIME_User, user_at(w, WIRE_FILE_TIME_SID));
}

static void driver_load(struct work *w)
{
    const struct wire_image_load *body = &w->record->body.image;
    const struct record_span *hash = &w->record->extension[WIRE_IMAGE_HASH];
    struct match_text path = path_at(w, WIRE_IMAGE_PATH);

    event_set_time(w->event, DRIVER_LOAD_UtcTime, body->EventTime);
    set(w, DRIVER_LOAD_ImageLoaded, path);
    set(w, DRIVER_LOAD_Hashes, hashes_of(w, body->HashType, hash->data, hash->size, path));
    set_signature(w, DRIVER_LOAD_Signed);
}

static void image_load(struct work *w)
{
    const struct wire_image_load *body = &w->record->body.image;
    const struct record_span *hash = &w->record->extension[WIRE_IMAGE_HASH];
    struct match_text path = path_at(w, WIRE_IMAGE_PATH);
    struct process_view view;

    event_set_time(w->event, IMAGE_LOAD_UtcTime, body->EventTime);
    set_actor(w, IMAGE_LOAD_ProcessGuid, body->ProcessId, body->EventTime, path_at(w, WIRE_IMAGE_PROCESS), &view);
    set(w, IMAGE_LOAD_ImageLoaded, path);
    set_version(w, IMAGE_LOAD_FileVersion, path);
    set(w, IMAGE_LOAD_Hashes, hashes_of(w, body->HashType, hash->data, hash->size, path));
    set_signature(w, IMAGE_LOAD_Signed);
    set(w, IMAGE_LOAD_User, user_at(w, WIRE_IMAGE_SID));
}

static void remote_thread(struct work *w)
{
    const struct wire_remote_thread *body = &w->record->body.thread;
    struct match_text module = dos_path(w, array_text(w, body->StartModule, WIRE_IMAGE_PATH_LIMIT));
    struct match_text function = array_text(w, body->StartFunction, WIRE_NAME_LIMIT);
    struct process_view view;

    if (!function.size && w->t->facts->function)
        function = w->t->facts->function(w->t->context, w->pool, body->TargetProcessId, body->StartAddress, module);
    event_set_time(w->event, CREATE_REMOTE_THREAD_UtcTime, body->EventSystemTime);
    set_actor(w, CREATE_REMOTE_THREAD_SourceProcessGuid, body->SourceProcessId, body->EventSystemTime, none(), &view);
    set_actor(w, CREATE_REMOTE_THREAD_TargetProcessGuid, body->TargetProcessId, body->EventSystemTime, none(), &view);
    event_set_number(w->event, CREATE_REMOTE_THREAD_NewThreadId, body->TargetThreadId);
    set(w, CREATE_REMOTE_THREAD_StartAddress, translate_pointer(w->pool, body->StartAddress));
    set(w, CREATE_REMOTE_THREAD_StartModule, module);
    set(w, CREATE_REMOTE_THREAD_StartFunction, function);
    set(w, CREATE_REMOTE_THREAD_SourceUser, user_at(w, WIRE_THREAD_SOURCE_SID));
    set(w, CREATE_REMOTE_THREAD_TargetUser, user_at(w, WIRE_THREAD_TARGET_SID));
}

static void raw_access(struct work *w)
{
    const struct wire_raw_access_read *body = &w->record->body.raw_access;
    struct process_view view;

    event_set_time(w->event, RAWACCESS_READ_UtcTime, body->EventSystemTime);
    set_actor(w, RAWACCESS_READ_ProcessGuid, body->ProcessId, body->EventSystemTime, none(), &view);
    set(w, RAWACCESS_READ_Device, array_text(w, body->Device, WIRE_IMAGE_PATH_LIMIT));
    set(w, RAWACCESS_READ_User, user_at(w, WIRE_RAW_SID));
}

static void process_access(struct work *w)
{
    const struct wire_process_access *body = &w->record->body.access;
    struct match_text source = path_at(w, WIRE_ACCESS_CLIENT_IMAGE), target = path_at(w, WIRE_ACCESS_TARGET_IMAGE);
    struct process_view view;

    event_set_time(w->event, ACCESS_PROCESS_UtcTime, body->EventSystemTime);
    translate_process(w->t, w->pool, body->ClientProcessID, body->EventSystemTime, 0, &view);
    event_set_guid(w->event, ACCESS_PROCESS_SourceProcessGUID, &view.guid);
    event_set_number(w->event, ACCESS_PROCESS_SourceProcessId, body->ClientProcessID);
    event_set_number(w->event, ACCESS_PROCESS_SourceThreadId, body->ClientThreadID);
    set(w, ACCESS_PROCESS_SourceImage, source.size ? source : view.image);
    translate_process(w->t, w->pool, body->TargetPid, body->EventSystemTime, 0, &view);
    event_set_guid(w->event, ACCESS_PROCESS_TargetProcessGUID, &view.guid);
    event_set_number(w->event, ACCESS_PROCESS_TargetProcessId, body->TargetPid);
    set(w, ACCESS_PROCESS_TargetImage, target.size ? target : view.image);
    event_set_number(w->event, ACCESS_PROCESS_GrantedAccess, body->GrantedAccess);
    set(w, ACCESS_PROCESS_CallTrace, translate_call_trace(w->t, w->pool, w->record));
    set(w, ACCESS_PROCESS_SourceUser, user_at(w, WIRE_ACCESS_SOURCE_SID));
    set(w, ACCESS_PROCESS_TargetUser, user_at(w, WIRE_ACCESS_TARGET_SID));
}

static void file_create(struct work *w)
{
    const struct wire_file_create *body = &w->record->body.file_create;
    struct process_view view;

    event_set_time(w->event, FILE_CREATE_UtcTime, body->EventTime);
    set_actor(w, FILE_CREATE_ProcessGuid, body->ProcessId, body->EventTime, path_at(w, WIRE_CREATE_IMAGE), &view);
    set(w, FILE_CREATE_TargetFilename, path_at(w, WIRE_CREATE_NAME));
    event_set_time(w->event, FILE_CREATE_CreationUtcTime, body->CreateTime);
    set(w, FILE_CREATE_User, user_at(w, WIRE_CREATE_SID));
}

static void stream_create(struct work *w)
{
    const struct wire_file_create *body = &w->record->body.file_create;
    const struct record_span *contents = &w->record->extension[WIRE_CREATE_CONTENTS];
    struct match_text path = path_at(w, WIRE_CREATE_NAME);
    struct match_text hash = hashes_of(w, body->hashType, body->filehash, body->hashType ? sizeof(body->filehash) : 0, path);
    struct process_view view;

    event_set_time(w->event, FILE_CREATE_STREAM_HASH_UtcTime, body->EventTime);
    set_actor(w, FILE_CREATE_STREAM_HASH_ProcessGuid, body->ProcessId, body->EventTime, path_at(w, WIRE_CREATE_IMAGE), &view);
    set(w, FILE_CREATE_STREAM_HASH_TargetFilename, path);
    event_set_time(w->event, FILE_CREATE_STREAM_HASH_CreationUtcTime, body->CreateTime);
    if (hash.size)
        set(w, FILE_CREATE_STREAM_HASH_Hash, hash);
    else
        event_set_string(w->event, FILE_CREATE_STREAM_HASH_Hash, "Unknown");
    set(w, FILE_CREATE_STREAM_HASH_Contents, translate_contents(w->pool, contents->data, contents->size));
    set(w, FILE_CREATE_STREAM_HASH_User, user_at(w, WIRE_CREATE_SID));
}

/* Events 12, 13 and 14 share everything up to TargetObject; User comes last. */
static void registry_event(struct work *w)
{
    const struct wire_registry_event *body = &w->record->body.registry;
    unsigned last = w->event->type->field_count - 1;
    struct match_text data = text_at(w, WIRE_REGISTRY_DATA);
    struct process_view view;

    set(w, REG_KEY_EventType, text_at(w, WIRE_REGISTRY_EVENT_TYPE));
    event_set_time(w->event, REG_KEY_UtcTime, body->EventSystemTime);
    set_actor(w, REG_KEY_ProcessGuid, body->ProcessId, body->EventSystemTime, path_at(w, WIRE_REGISTRY_IMAGE), &view);
    set(w, REG_KEY_TargetObject, registry_path_to_short(w->pool, text_at(w, WIRE_REGISTRY_TARGET), w->t->control_set));
    if (w->event->type->id == EVENT_REG_SETVALUE)
        set(w, REG_SETVALUE_Details, doubled(w, data));
    else if (w->event->type->id == EVENT_REG_NAME)
        set(w, REG_NAME_NewName, registry_path_to_short(w->pool, data, w->t->control_set));
    set(w, last, user_at(w, WIRE_REGISTRY_SID));
}

static void pipe_event(struct work *w)
{
    const struct wire_pipe_event *body = &w->record->body.pipe;
    struct match_text name = text_at(w, WIRE_PIPE_NAME);
    struct process_view view;

    set(w, CREATE_NAMEDPIPE_EventType, text_at(w, WIRE_PIPE_EVENT_TYPE));
    event_set_time(w->event, CREATE_NAMEDPIPE_UtcTime, body->EventSystemTime);
    translate_process(w->t, w->pool, body->ProcessId, body->EventSystemTime, 0, &view);
    event_set_guid(w->event, CREATE_NAMEDPIPE_ProcessGuid, &view.guid);
    event_set_number(w->event, CREATE_NAMEDPIPE_ProcessId, body->ProcessId);
    if (name.size)
        set(w, CREATE_NAMEDPIPE_PipeName, name);
    else
        event_set_string(w->event, CREATE_NAMEDPIPE_PipeName, "<Anonymous Pipe>");
    name = path_at(w, WIRE_PIPE_IMAGE);
    set(w, CREATE_NAMEDPIPE_Image, name.size ? name : view.image);
    set(w, CREATE_NAMEDPIPE_User, user_at(w, WIRE_PIPE_SID));
}

static void tampering(struct work *w)
{
    const struct wire_process_tampering *body = &w->record->body.tampering;
    struct process_view view;

    event_set_time(w->event, PROCESS_IMAGE_TAMPERING_UtcTime, body->EventSystemTime);
    set_actor(w, PROCESS_IMAGE_TAMPERING_ProcessGuid, body->ProcessId, body->EventSystemTime, none(), &view);
    set(w, PROCESS_IMAGE_TAMPERING_Type, array_text(w, body->Type, WIRE_TAMPERING_LIMIT));
    set(w, PROCESS_IMAGE_TAMPERING_User, user_at(w, WIRE_TAMPERING_SID));
}

/* Hashes of a file that is gone: its archived copy's, or those taken while it waited for the verdict. */
static struct match_text deleted_hashes(struct work *w, struct match_text file)
{
    const struct wire_file_delete *body = &w->record->body.file_delete;
    const struct record_span *hash = &w->record->extension[WIRE_DELETE_HASH];
    unsigned units = record_units(body->Archived, WIRE_ARCHIVED_LIMIT);
    const wire_char *copy = body->Archived + units + 1;
    struct match_text name = none();

    if (body->HashType && hash->size)
        return hashes_of(w, body->HashType, hash->data, hash->size, none());
    if (units + 1 < WIRE_ARCHIVED_LIMIT && *copy)
        name = array_text(w, copy, WIRE_ARCHIVED_LIMIT - units - 1);
    if (name.size && w->t->facts->archive)
        return w->t->facts->archive(w->t->context, w->pool, file, name);
    if (w->t->facts->deleted_hashes)
        name = w->t->facts->deleted_hashes(w->t->context, w->pool, body->ProcessId, file);
    else
        name = none();
    if (!name.size && w->t->facts->hashes) /* 29, and what was not deleted after all */
        name = w->t->facts->hashes(w->t->context, w->pool, file);
    return name;
}

/* Events 23, 26, 27, 28, 29 share the first eight fields. */
static void file_delete(struct work *w)
{
    const struct wire_file_delete *body = &w->record->body.file_delete;
    struct match_text file = path_at(w, WIRE_DELETE_NAME), image = path_at(w, WIRE_DELETE_IMAGE);
    struct process_view view;

    event_set_time(w->event, FILE_DELETE_UtcTime, body->DeleteTime);
    translate_process(w->t, w->pool, body->ProcessId, body->DeleteTime, 0, &view);
    event_set_guid(w->event, FILE_DELETE_ProcessGuid, &view.guid);
    event_set_number(w->event, FILE_DELETE_ProcessId, body->ProcessId);
    set(w, FILE_DELETE_User, user_at(w, WIRE_DELETE_SID));
    set(w, FILE_DELETE_Image, image.size ? image : view.image);
    set(w, FILE_DELETE_TargetFilename, file);
    if (body->TrackerId == WIRE_TRACKER_NONE)
        set(w, FILE_DELETE_Hashes, deleted_hashes(w, file));
    if (w->event->type->field_count > FILE_DELETE_IsExecutable)
        event_set_number(w->event, FILE_DELETE_IsExecutable, body->IsExecutable != 0);
    if (w->event->type->field_count > FILE_DELETE_Archived)
        set(w, FILE_DELETE_Archived, array_text(w, body->Archived, WIRE_ARCHIVED_LIMIT));
}

static void kernel_error(struct work *w)
{
    struct match_text id = text_at(w, WIRE_ERROR_ID);

    if (id.size)
        set(w, ERROR_ID, id);
    else
        event_set_string(w->event, ERROR_ID, "Kernel");
    set(w, ERROR_Description, text_at(w, WIRE_ERROR_MESSAGE));
}

/* ---- choosing ---- */

static const struct {
    uint16_t event;
    void (*fill)(struct work *w);
} kinds[WIRE_TYPE_COUNT] = {
    [WIRE_PROCESS_CREATE] = { EVENT_CREATE_PROCESS, process_create },
    [WIRE_FILE_TIME] = { EVENT_FILE_TIME, file_time },
    [WIRE_PROCESS_TERMINATE] = { EVENT_PROCESS_TERMINATE, process_terminate },
    [WIRE_IMAGE_LOAD] = { EVENT_IMAGE_LOAD, image_load },
    [WIRE_KERNEL_ERROR] = { EVENT_ERROR, kernel_error },
    [WIRE_REMOTE_THREAD] = { EVENT_CREATE_REMOTE_THREAD, remote_thread },
    [WIRE_RAW_ACCESS_READ] = { EVENT_RAWACCESS_READ, raw_access },
    [WIRE_PROCESS_ACCESS] = { EVENT_ACCESS_PROCESS, process_access },
    [WIRE_FILE_CREATE] = { EVENT_FILE_CREATE, file_create },
    [WIRE_FILE_CREATE_STREAM_HASH] = { EVENT_FILE_CREATE_STREAM_HASH, stream_create },
    [WIRE_REGISTRY_EVENT] = { EVENT_REG_KEY, registry_event },
    [WIRE_PIPE_EVENT] = { EVENT_CREATE_NAMEDPIPE, pipe_event },
    [WIRE_PROCESS_TAMPERING] = { EVENT_PROCESS_IMAGE_TAMPERING, tampering },
    [WIRE_FILE_DELETE] = { EVENT_FILE_DELETE, file_delete },
    [WIRE_FILE_DELETE_DETECTED] = { EVENT_FILE_DELETE_DETECTED, file_delete },
    [WIRE_FILE_BLOCK_EXECUTABLE] = { EVENT_FILE_BLOCK_EXE, file_delete },
    [WIRE_FILE_BLOCK_SHREDDING] = { EVENT_FILE_BLOCK_SHREDDING, file_delete },
    [WIRE_FILE_EXECUTABLE_DETECTED] = { EVENT_FILE_EXE_DETECTED, file_delete },
};

/* Types whose event depends on the body. */
static uint32_t event_of(const struct record *record, uint32_t usual)
{
    switch (record->header.EventType) {
    case WIRE_IMAGE_LOAD:
        return record->body.image.Driver ? EVENT_DRIVER_LOAD : EVENT_IMAGE_LOAD;
    case WIRE_REGISTRY_EVENT:
        return record->body.registry.EventSubtype == WIRE_REGISTRY_SET_VALUE    ? EVENT_REG_SETVALUE
               : record->body.registry.EventSubtype == WIRE_REGISTRY_RENAME_KEY ? EVENT_REG_NAME
                                                                                : EVENT_REG_KEY;
    case WIRE_PIPE_EVENT:
        return record->body.pipe.EventSubtype == WIRE_PIPE_CONNECT ? EVENT_CONNECT_NAMEDPIPE : EVENT_CREATE_NAMEDPIPE;
    }
    return usual;
}

uint32_t translate_event_of_type(uint32_t type)
{
    return type < WIRE_TYPE_COUNT ? kinds[type].event : 0;
}

struct match_text translate_signed_file(struct translator *t, struct pool *pool, const struct record *record)
{
    struct work w = { t, pool, record, NULL, NULL };

    return record->header.EventType == WIRE_IMAGE_LOAD ? path_at(&w, WIRE_IMAGE_PATH) : none();
}

int translate_record(struct translator *t, struct pool *pool, const struct record *record, const struct signature *signature,
                     struct event *out)
{
    struct work w = { t, pool, record, signature, out };
    uint32_t type = record->header.EventType;
    void (*fill)(struct work *) = type < WIRE_TYPE_COUNT ? kinds[type].fill : NULL;

    if (type == WIRE_CONFIG_UPDATE || type == WIRE_PROCESS_CREATE_CACHE || type == WIRE_LOSS)
        return -ENOENT;
    if (!fill)
        return -EINVAL;
    event_init(out, catalogue_find(event_of(record, kinds[type].event)), CATALOGUE_WINDOWS);
    if (type == WIRE_IMAGE_LOAD)
        fill = record->body.image.Driver ? driver_load : image_load;
    fill(&w);
    /* an image whose file nobody knows says nothing (spec 02 section 4, event 7) */
    return type == WIRE_IMAGE_LOAD && !w.record->extension[WIRE_IMAGE_PATH].size ? -ENOENT : 0;
}
