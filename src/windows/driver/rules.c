/* SPDX-License-Identifier: MIT */
/*
 * The rules in the kernel: the engine's matcher over those fields of a record that the kernel can show exactly as the service would
 * (spec 01 section 4.2, end). A field that it can not show has no text; the matcher answers UNDECIDED wherever that
 * matters, and the service decides. So the kernel drops nothing that the service would have logged.
 */
#include "driver.h"
#include "sysmon/ruleset.h"

enum kind {
    KIND_END,
    KIND_TEXT,    /* extension `at`, as it is */
    KIND_PERCENT, /* extension `at`, each % doubled (spec 02 section 3.8) */
    KIND_PATH,    /* extension `at`, with a drive letter */
    KIND_ARRAY,   /* terminated characters in the body, at offset `at` */
    KIND_NUMBER,  /* uint32_t in the body: decimal */
    KIND_HEX,     /* uint32_t in the body */
    KIND_HEX64,   /* 64 bits in the body */
    KIND_BOOL,    /* uint32_t in the body */
};

struct source {
    UCHAR field, kind;
    USHORT at;
};

#define AT(body, member) FIELD_OFFSET(struct body, member)

static const struct source process_create[] = {
    { CREATE_PROCESS_ProcessId, KIND_NUMBER, AT(wire_process_create, ProcessId) },
    { CREATE_PROCESS_Image, KIND_PATH, WIRE_PROCESS_IMAGE },
    { CREATE_PROCESS_CommandLine, KIND_PERCENT, WIRE_PROCESS_COMMAND_LINE },
    { CREATE_PROCESS_CurrentDirectory, KIND_TEXT, WIRE_PROCESS_DIRECTORY },
    { CREATE_PROCESS_LogonId, KIND_HEX64, AT(wire_process_create, AuthenticationId) },
    { CREATE_PROCESS_TerminalSessionId, KIND_NUMBER, AT(wire_process_create, SessionId) },
    { CREATE_PROCESS_ParentProcessId, KIND_NUMBER, AT(wire_process_create, ParentProcessId) },
    { 0 },
};
static const struct source file_time[] = {
    { FILE_TIME_ProcessId, KIND_NUMBER, AT(wire_file_time, ProcessId) },
    { FILE_TIME_Image, KIND_PATH, WIRE_FILE_TIME_IMAGE },
    { FILE_TIME_TargetFilename, KIND_PATH, WIRE_FILE_TIME_NAME },
    { 0 },
};
static const struct source driver_load[] = {
    { DRIVER_LOAD_ImageLoaded, KIND_PATH, WIRE_IMAGE_PATH },
    { 0 },
};
static const struct source image_load[] = {
    { IMAGE_LOAD_ProcessId, KIND_NUMBER, AT(wire_image_load, ProcessId) },
    { IMAGE_LOAD_Image, KIND_PATH, WIRE_IMAGE_PROCESS },
    { IMAGE_LOAD_ImageLoaded, KIND_PATH, WIRE_IMAGE_PATH },
    { 0 },
};
static const struct source remote_thread[] = {
    { CREATE_REMOTE_THREAD_SourceProcessId, KIND_NUMBER, AT(wire_remote_thread, SourceProcessId) },
    { CREATE_REMOTE_THREAD_TargetProcessId, KIND_NUMBER, AT(wire_remote_thread, TargetProcessId) },
    { CREATE_REMOTE_THREAD_NewThreadId, KIND_NUMBER, AT(wire_remote_thread, TargetThreadId) },
    { 0 },
};
static const struct source raw_access[] = {
    { RAWACCESS_READ_ProcessId, KIND_NUMBER, AT(wire_raw_access_read, ProcessId) },
    { RAWACCESS_READ_Device, KIND_ARRAY, AT(wire_raw_access_read, Device) },
    { 0 },
};
static const struct source process_access[] = {
    { ACCESS_PROCESS_SourceProcessId, KIND_NUMBER, AT(wire_process_access, ClientProcessID) },
    { ACCESS_PROCESS_SourceThreadId, KIND_NUMBER, AT(wire_process_access, ClientThreadID) },
    { ACCESS_PROCESS_SourceImage, KIND_PATH, WIRE_ACCESS_CLIENT_IMAGE },
    { ACCESS_PROCESS_TargetProcessId, KIND_NUMBER, AT(wire_process_access, TargetPid) },
    { ACCESS_PROCESS_TargetImage, KIND_PATH, WIRE_ACCESS_TARGET_IMAGE },
    { ACCESS_PROCESS_GrantedAccess, KIND_HEX, AT(wire_process_access, GrantedAccess) },
    { 0 },
};
static const struct source file_create[] = {
    { FILE_CREATE_ProcessId, KIND_NUMBER, AT(wire_file_create, ProcessId) },
    { FILE_CREATE_Image, KIND_PATH, WIRE_CREATE_IMAGE },
    { FILE_CREATE_TargetFilename, KIND_PATH, WIRE_CREATE_NAME },
    { 0 },
};
static const struct source stream_hash[] = {
    { FILE_CREATE_STREAM_HASH_ProcessId, KIND_NUMBER, AT(wire_file_create, ProcessId) },
    { FILE_CREATE_STREAM_HASH_Image, KIND_PATH, WIRE_CREATE_IMAGE },
    { FILE_CREATE_STREAM_HASH_TargetFilename, KIND_PATH, WIRE_CREATE_NAME },
    { 0 },
};
static const struct source registry_key[] = {
    { REG_KEY_EventType, KIND_TEXT, WIRE_REGISTRY_EVENT_TYPE },
    { REG_KEY_ProcessId, KIND_NUMBER, AT(wire_registry_event, ProcessId) },
    { REG_KEY_Image, KIND_PATH, WIRE_REGISTRY_IMAGE },
    { REG_KEY_TargetObject, KIND_TEXT, WIRE_REGISTRY_TARGET },
    { 0 },
};
static const struct source registry_value[] = {
    { REG_SETVALUE_EventType, KIND_TEXT, WIRE_REGISTRY_EVENT_TYPE },
    { REG_SETVALUE_ProcessId, KIND_NUMBER, AT(wire_registry_event, ProcessId) },
    { REG_SETVALUE_Image, KIND_PATH, WIRE_REGISTRY_IMAGE },
    { REG_SETVALUE_TargetObject, KIND_TEXT, WIRE_REGISTRY_TARGET },
    { REG_SETVALUE_Details, KIND_PERCENT, WIRE_REGISTRY_DATA },
    { 0 },
};
static const struct source registry_rename[] = {
    { REG_NAME_EventType, KIND_TEXT, WIRE_REGISTRY_EVENT_TYPE },
    { REG_NAME_ProcessId, KIND_NUMBER, AT(wire_registry_event, ProcessId) },
    { REG_NAME_Image, KIND_PATH, WIRE_REGISTRY_IMAGE },
    { REG_NAME_TargetObject, KIND_TEXT, WIRE_REGISTRY_TARGET },
    { REG_NAME_NewName, KIND_TEXT, WIRE_REGISTRY_DATA },
    { 0 },
};
static const struct source pipe_create[] = {
    { CREATE_NAMEDPIPE_EventType, KIND_TEXT, WIRE_PIPE_EVENT_TYPE },
    { CREATE_NAMEDPIPE_ProcessId, KIND_NUMBER, AT(wire_pipe_event, ProcessId) },
    { CREATE_NAMEDPIPE_PipeName, KIND_TEXT, WIRE_PIPE_NAME },
    { CREATE_NAMEDPIPE_Image, KIND_PATH, WIRE_PIPE_IMAGE },
    { 0 },
};
static const struct source pipe_connect[] = {
    { CONNECT_NAMEDPIPE_EventType, KIND_TEXT, WIRE_PIPE_EVENT_TYPE },
    { CONNECT_NAMEDPIPE_ProcessId, KIND_NUMBER, AT(wire_pipe_event, ProcessId) },
    { CONNECT_NAMEDPIPE_PipeName, KIND_TEXT, WIRE_PIPE_NAME },
    { CONNECT_NAMEDPIPE_Image, KIND_PATH, WIRE_PIPE_IMAGE },
    { 0 },
};
static const struct source tampering[] = {
    { PROCESS_IMAGE_TAMPERING_ProcessId, KIND_NUMBER, AT(wire_process_tampering, ProcessId) },
    { PROCESS_IMAGE_TAMPERING_Type, KIND_ARRAY, AT(wire_process_tampering, Type) },
    { 0 },
};
/* Events 23, 26 and 28 have these fields at the same places; 27 and 29 lack the last one. */
static const struct source file_delete[] = {
    { FILE_DELETE_ProcessId, KIND_NUMBER, AT(wire_file_delete, ProcessId) },
    { FILE_DELETE_Image, KIND_PATH, WIRE_DELETE_IMAGE },
    { FILE_DELETE_TargetFilename, KIND_PATH, WIRE_DELETE_NAME },
    { FILE_DELETE_IsExecutable, KIND_BOOL, AT(wire_file_delete, IsExecutable) },
    { 0 },
};
static const struct source file_executable[] = {
    { FILE_BLOCK_EXE_ProcessId, KIND_NUMBER, AT(wire_file_delete, ProcessId) },
    { FILE_BLOCK_EXE_Image, KIND_PATH, WIRE_DELETE_IMAGE },
    { FILE_BLOCK_EXE_TargetFilename, KIND_PATH, WIRE_DELETE_NAME },
    { 0 },
};

static const struct {
    unsigned event;
    const struct source *sources;
} events[] = {
    { EVENT_CREATE_PROCESS, process_create },
    { EVENT_FILE_TIME, file_time },
    { EVENT_DRIVER_LOAD, driver_load },
    { EVENT_IMAGE_LOAD, image_load },
    { EVENT_CREATE_REMOTE_THREAD, remote_thread },
    { EVENT_RAWACCESS_READ, raw_access },
    { EVENT_ACCESS_PROCESS, process_access },
    { EVENT_FILE_CREATE, file_create },
    { EVENT_FILE_CREATE_STREAM_HASH, stream_hash },
    { EVENT_REG_KEY, registry_key },
    { EVENT_REG_SETVALUE, registry_value },
    { EVENT_REG_NAME, registry_rename },
    { EVENT_CREATE_NAMEDPIPE, pipe_create },
    { EVENT_CONNECT_NAMEDPIPE, pipe_connect },
    { EVENT_PROCESS_IMAGE_TAMPERING, tampering },
    { EVENT_FILE_DELETE, file_delete },
    { EVENT_FILE_DELETE_DETECTED, file_delete },
    { EVENT_FILE_BLOCK_EXE, file_executable },
    { EVENT_FILE_BLOCK_SHREDDING, file_delete },
    { EVENT_FILE_EXE_DETECTED, file_executable },
};

/* 0: a record that is never filtered here. The cache and the table of the service live on starts and ends of processes. */
unsigned rules_event_of(const struct record *record)
{
    const void *body = (const UCHAR *)&record->header + WIRE_BODY_OFFSET;

    switch (record->header.EventType) {
    case WIRE_PROCESS_CREATE: return EVENT_CREATE_PROCESS;
    case WIRE_FILE_TIME: return EVENT_FILE_TIME;
    case WIRE_IMAGE_LOAD: return ((const struct wire_image_load *)body)->Driver ? EVENT_DRIVER_LOAD : EVENT_IMAGE_LOAD;
    case WIRE_REMOTE_THREAD: return EVENT_CREATE_REMOTE_THREAD;
    case WIRE_RAW_ACCESS_READ: return EVENT_RAWACCESS_READ;
    case WIRE_PROCESS_ACCESS: return EVENT_ACCESS_PROCESS;
    case WIRE_FILE_CREATE: return EVENT_FILE_CREATE;
    case WIRE_FILE_CREATE_STREAM_HASH: return EVENT_FILE_CREATE_STREAM_HASH;
    case WIRE_REGISTRY_EVENT:
        switch (((const struct wire_registry_event *)body)->EventSubtype) {
        case WIRE_REGISTRY_SET_VALUE: return EVENT_REG_SETVALUE;
        case WIRE_REGISTRY_RENAME_KEY: return EVENT_REG_NAME;
        default: return EVENT_REG_KEY;
        }
    case WIRE_PIPE_EVENT:
        return ((const struct wire_pipe_event *)body)->EventSubtype == WIRE_PIPE_CREATE ? EVENT_CREATE_NAMEDPIPE
                                                                                         : EVENT_CONNECT_NAMEDPIPE;
    case WIRE_PROCESS_TAMPERING: return EVENT_PROCESS_IMAGE_TAMPERING;
    case WIRE_FILE_DELETE: return EVENT_FILE_DELETE;
    case WIRE_FILE_DELETE_DETECTED: return EVENT_FILE_DELETE_DETECTED;
    case WIRE_FILE_BLOCK_EXECUTABLE: return EVENT_FILE_BLOCK_EXE;
    case WIRE_FILE_BLOCK_SHREDDING: return EVENT_FILE_BLOCK_SHREDDING;
    case WIRE_FILE_EXECUTABLE_DETECTED: return EVENT_FILE_EXE_DETECTED;
    default: return 0;
    }
}

/* ---- texts ---- */

#define SHOWN_MOST 31839u /* a longer text is cut by the service: then it decides */
#define NUMBER_BYTES 24u  /* room for any number */

/* UTF-8 being written; the buffer was measured to hold it. */
struct writer {
    char *at;
};

static bool put_character(struct writer *out, const WCHAR *text, ULONG length, ULONG *index)
{
    ULONG c = text[*index];

    if (c >= 0xD800 && c <= 0xDFFF) { /* half a pair is shown in no exact way */
        ULONG low = *index + 1 < length ? text[*index + 1] : 0;

        if (c >= 0xDC00 || low < 0xDC00 || low > 0xDFFF)
            return false;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        ++*index;
        *out->at++ = (char)(0xF0 | c >> 18);
        *out->at++ = (char)(0x80 | (c >> 12 & 0x3F));
    } else if (c >= 0x800) {
        *out->at++ = (char)(0xE0 | c >> 12);
    }
    if (c >= 0x800)
        *out->at++ = (char)(0x80 | (c >> 6 & 0x3F));
    else if (c >= 0x80)
        *out->at++ = (char)(0xC0 | c >> 6);
    *out->at++ = (char)(c < 0x80 ? c : 0x80 | (c & 0x3F));
    return c != 0;
}

static bool put_text(struct writer *out, const WCHAR *text, ULONG length, bool doubles)
{
    if (length > SHOWN_MOST)
        return false;
    if (!length)
        *out->at++ = '-';
    for (ULONG i = 0; i < length; i++) {
        if (!put_character(out, text, length, &i))
            return false;
        if (doubles && text[i] == L'%')
            *out->at++ = '%';
    }
    return true;
}

/* Only what translates beyond doubt (drives.c); `X:\…` and names without any path stay. */
static bool put_path(struct writer *out, const WCHAR *path, ULONG length)
{
    USHORT skip;
    WCHAR letter;

    if (!length)
        return false; /* the service may know better */
    if (length >= 7 && memcmp(path, L"\\??\\", 4 * sizeof(WCHAR)) == 0 && path[5] == L':')
        return put_text(out, path + 4, length - 4, false);
    if (path[0] != L'\\')
        return put_text(out, path, length, false);
    letter = drives_letter(path, length, &skip);
    if (!letter)
        return false;
    *out->at++ = (char)letter;
    *out->at++ = ':';
    return put_text(out, path + skip, length - skip, false);
}

static void put_decimal(struct writer *out, ULONG number)
{
    char digits[10];
    unsigned count = 0;

    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (count)
        *out->at++ = digits[--count];
}

static void put_hex(struct writer *out, ULONGLONG number)
{
    int shift = 60;

    *out->at++ = '0';
    *out->at++ = 'x';
    while (shift && !(number >> shift))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *out->at++ = "0123456789abcdef"[number >> shift & 15];
}

static bool put_extension(struct writer *out, const struct record *record, const struct source *source)
{
    ULONG size;
    const void *data = record_extension(record, source->at, &size);
    WCHAR *copy;
    bool known;

    if ((ULONG_PTR)data % sizeof(WCHAR) == 0) {
        if (source->kind == KIND_PATH)
            return put_path(out, data, size / sizeof(WCHAR));
        return put_text(out, data, size / sizeof(WCHAR), source->kind == KIND_PERCENT);
    }
    copy = pool_allocate_paged(size + 1); /* behind an extension of odd size */
    if (!copy)
        return false;
    memcpy(copy, data, size);
    known = source->kind == KIND_PATH ? put_path(out, copy, size / sizeof(WCHAR))
                                      : put_text(out, copy, size / sizeof(WCHAR), source->kind == KIND_PERCENT);
    pool_free(copy);
    return known;
}

static bool put_field(struct writer *out, const struct record *record, const struct source *source)
{
    const UCHAR *body = (const UCHAR *)&record->header + WIRE_BODY_OFFSET;
    ULONGLONG wide;
    ULONG number;

    switch (source->kind) {
    case KIND_ARRAY:
        return put_text(out, (const WCHAR *)(body + source->at), (ULONG)wcslen((const WCHAR *)(body + source->at)), false);
    case KIND_HEX64:
        memcpy(&wide, body + source->at, sizeof wide);
        put_hex(out, wide);
        return true;
    case KIND_NUMBER:
    case KIND_HEX:
    case KIND_BOOL:
        memcpy(&number, body + source->at, sizeof number);
        if (source->kind == KIND_NUMBER)
            put_decimal(out, number);
        else if (source->kind == KIND_HEX)
            put_hex(out, number);
        else
            memcpy(out->at, number ? "true" : "false", number ? 4 : 5), out->at += number ? 4 : 5;
        return true;
    default:
        return put_extension(out, record, source);
    }
}

/* Most bytes the field can take as UTF-8. */
static ULONG room_of(const struct record *record, const struct source *source)
{
    ULONG size;

    switch (source->kind) {
    case KIND_TEXT:
    case KIND_PERCENT:
    case KIND_PATH:
        record_extension(record, source->at, &size);
        return size / sizeof(WCHAR) * 3 + NUMBER_BYTES;
    case KIND_ARRAY:
        return (WIRE_IMAGE_PATH_LIMIT + 1) * 3;
    default:
        return NUMBER_BYTES;
    }
}

/* ---- decisions ---- */

/* One block: the fields, the matcher's scratch, the texts. */
struct match {
    struct match_text fields[CATALOGUE_MAX_FIELDS];
    /* scratch, texts */
};

static ULONG room_of_all(const struct record *record, const struct source *sources)
{
    ULONG room = 0;

    for (const struct source *source = sources; source->kind; source++)
        room += room_of(record, source);
    return room;
}

static void fields_fill(struct match *match, char *texts, const struct record *record, const struct source *sources)
{
    struct writer out = { texts };

    for (const struct source *source = sources; source->kind; source++) {
        char *start = out.at;

        if (put_field(&out, record, source))
            match->fields[source->field] = (struct match_text){ start, (uint32_t)(out.at - start) };
        else
            out.at = start;
    }
}

static void decide(const struct settings *settings, unsigned event, const struct source *sources, const struct record *record,
                   ULONG session, struct match_result *result)
{
    ULONG scratch = ((ULONG)ruleset_scratch_size(settings->rules) + 7) & ~7u;
    struct match *match = pool_allocate_paged(sizeof *match + scratch + room_of_all(record, sources));
    char *behind;

    if (!match)
        return; /* undecided */
    behind = (char *)(match + 1);
    fields_fill(match, behind + scratch, record, sources);
    ruleset_match(settings->rules, catalogue_find(event), match->fields, session, behind, result);
    pool_free(match);
}

static const struct source *sources_of(unsigned event)
{
    for (unsigned i = 0; i < COUNT(events); i++)
        if (events[i].event == event)
            return events[i].sources;
    return NULL;
}

enum rules_decision rules_decide(const struct record *record, unsigned event, ULONG session)
{
    struct match_result result = { .decision = MATCH_UNDECIDED };
    const struct source *sources = sources_of(event);
    struct settings *settings;

    IRQL_AT_MOST(APC_LEVEL);
    if (!sources || nt_current_irql() != PASSIVE_LEVEL)
        return RULES_UNDECIDED;
    settings = settings_acquire();
    if (settings->rules)
        decide(settings, event, sources, record, session, &result);
    settings_release(settings);
    if (result.decision == MATCH_DROP)
        return RULES_DROP;
    if (result.decision == MATCH_UNDECIDED)
        return RULES_UNDECIDED;
    return result.rule_name_size ? RULES_LOG_NAMED : RULES_LOG;
}

/* ---- building ---- */

static void *rules_alloc(void *context, size_t size)
{
    UNREFERENCED_PARAMETER(context);
    return pool_allocate_paged(size);
}

static void rules_free(void *context, void *memory, size_t size)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(size);
    pool_free(memory);
}

struct ruleset *rules_create(const void *blob, ULONG size)
{
    static const struct ruleset_options options = { .flags = RULESET_KERNEL | RULESET_ENVIRONMENT | RULESET_WINDOWS_DEFAULTS };
    static const struct ruleset_memory memory = { .alloc = rules_alloc, .free = rules_free };
    struct ruleset *rules = NULL;
    int error = ruleset_create(&rules, blob, size, &options, &memory);

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (error)
        record_error(L"Rules", L"Not usable in the driver; the service decides alone", error);
    return error ? NULL : rules;
}

void rules_destroy(struct ruleset *rules)
{
    ruleset_destroy(rules);
}

ULONGLONG rules_wanted(const struct ruleset *rules)
{
    ULONGLONG wanted = 0;

    if (!rules)
        return ~0ull;
    for (unsigned event = 0; event < SETTINGS_EVENTS; event++)
        if (ruleset_wants(rules, event))
            wanted |= 1ull << event;
    return wanted;
}
