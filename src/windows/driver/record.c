/* SPDX-License-Identifier: MIT */
/* Records as the wire contract has them: header, body, extensions (include/sysmon/wire.h). */
#include "driver.h"

#define LAYOUT(type, body) [type] = { sizeof(struct body), FIELD_OFFSET(struct body, Extensions),                            \
                                      RTL_FIELD_SIZE(struct body, Extensions) / sizeof(uint32_t) }

static const struct {
    USHORT size, extensions_at, extensions;
} layouts[WIRE_TYPE_COUNT] = {
    [WIRE_CONFIG_UPDATE] = { 0, 0, 0 },
    LAYOUT(WIRE_PROCESS_CREATE, wire_process_create),
    LAYOUT(WIRE_FILE_TIME, wire_file_time),
    LAYOUT(WIRE_PROCESS_TERMINATE, wire_process_terminate),
    LAYOUT(WIRE_PROCESS_CREATE_CACHE, wire_process_create),
    LAYOUT(WIRE_IMAGE_LOAD, wire_image_load),
    LAYOUT(WIRE_KERNEL_ERROR, wire_kernel_error),
    LAYOUT(WIRE_REMOTE_THREAD, wire_remote_thread),
    LAYOUT(WIRE_RAW_ACCESS_READ, wire_raw_access_read),
    LAYOUT(WIRE_PROCESS_ACCESS, wire_process_access),
    LAYOUT(WIRE_FILE_CREATE, wire_file_create),
    LAYOUT(WIRE_FILE_CREATE_STREAM_HASH, wire_file_create),
    LAYOUT(WIRE_REGISTRY_EVENT, wire_registry_event),
    LAYOUT(WIRE_PIPE_EVENT, wire_pipe_event),
    LAYOUT(WIRE_PROCESS_TAMPERING, wire_process_tampering),
    LAYOUT(WIRE_FILE_DELETE, wire_file_delete),
    LAYOUT(WIRE_FILE_DELETE_DETECTED, wire_file_delete),
    LAYOUT(WIRE_FILE_BLOCK_EXECUTABLE, wire_file_delete),
    LAYOUT(WIRE_FILE_BLOCK_SHREDDING, wire_file_delete),
    LAYOUT(WIRE_FILE_EXECUTABLE_DETECTED, wire_file_delete),
};

static ULONG record_overhead(void)
{
    return FIELD_OFFSET(struct record, header);
}

void *record_body(struct record *record)
{
    return (UCHAR *)&record->header + WIRE_BODY_OFFSET;
}

ULONG record_fixed_size(enum wire_type type)
{
    return WIRE_BODY_OFFSET + layouts[type].size;
}

/* Sum of the extension sizes, or more than WIRE_MAX_EVENT_SIZE when that is too much. */
static ULONG extensions_size(const struct span *extensions, unsigned count)
{
    ULONG total = 0;

    for (unsigned i = 0; i < count && total <= WIRE_MAX_EVENT_SIZE; i++)
        total = extensions[i].size > WIRE_MAX_EVENT_SIZE ? WIRE_MAX_EVENT_SIZE + 1 : total + extensions[i].size;
    return total;
}

static void extensions_copy(struct record *record, enum wire_type type, const struct span *extensions)
{
    UCHAR *body = record_body(record);
    UCHAR *to = body + layouts[type].size;
    ULONG *sizes = (ULONG *)(body + layouts[type].extensions_at);

    for (unsigned i = 0; i < layouts[type].extensions; i++) {
        sizes[i] = extensions[i].size;
        if (extensions[i].size)
            memcpy(to, extensions[i].data, extensions[i].size);
        to += extensions[i].size;
    }
}

struct record *record_create(enum wire_type type, const struct span *extensions)
{
    ULONG size = record_fixed_size(type) + extensions_size(extensions, layouts[type].extensions);
    struct record *record = NULL;

    IRQL_AT_MOST(DISPATCH_LEVEL);
    if (size > WIRE_MAX_EVENT_SIZE) {
        queue_lose(type, WIRE_LOSS_SIZE);
        return NULL;
    }
    record = pool_allocate(record_overhead() + size);
    if (!record) {
        queue_lose(type, WIRE_LOSS_MEMORY);
        return NULL;
    }
    record->used = size;
    record->header.EventType = type;
    record->header.EventSize = record_wire_size(record);
    extensions_copy(record, type, extensions);
    return record;
}

ULONG record_wire_size(const struct record *record)
{
    ULONG size = (record->used + WIRE_RECORD_ALIGNMENT - 1) & ~(WIRE_RECORD_ALIGNMENT - 1);

    return size < WIRE_MINIMUM_RECORD_SIZE ? WIRE_MINIMUM_RECORD_SIZE : size;
}

void record_write(const struct record *record, void *to)
{
    memcpy(to, &record->header, record->used);
    memset((UCHAR *)to + record->used, 0, record_wire_size(record) - record->used);
}

const void *record_extension(const struct record *record, unsigned index, ULONG *size)
{
    unsigned type = record->header.EventType;
    const UCHAR *body = (const UCHAR *)&record->header + WIRE_BODY_OFFSET;
    const ULONG *sizes = (const ULONG *)(body + layouts[type].extensions_at);
    const UCHAR *at = body + layouts[type].size;

    for (unsigned i = 0; i < index; i++)
        at += sizes[i];
    *size = sizes[index];
    return at;
}

bool record_is_refused(const struct record *record, ULONG session)
{
    return rules_decide(record, rules_event_of(record), session) == RULES_DROP;
}

/* What the rules refuse goes, except the start of a process: the service's table needs it, as no event. */
static bool filter(struct record *record, ULONG session)
{
    switch (rules_decide(record, rules_event_of(record), session)) {
    case RULES_DROP:
        if (record->header.EventType != WIRE_PROCESS_CREATE)
            return false;
        record->header.EventType = WIRE_PROCESS_CREATE_CACHE;
        break;
    case RULES_LOG:
        record->header.PreFiltered = 1;
        break;
    default:
        break;
    }
    return true;
}

void record_submit(struct record *record, ULONG session)
{
    IRQL_AT_MOST(APC_LEVEL);
    record->header.SessionId = session;
    if (!filter(record, session)) {
        record_free(record);
        return;
    }
    queue_put(record);
    control_notify();
}

void record_free(struct record *record)
{
    pool_free(record);
}

void record_error(const WCHAR *id, const WCHAR *message, NTSTATUS status)
{
    WCHAR buffer[160];
    struct text text;
    struct span extensions[WIRE_ERROR_EXTENSIONS] = {
        [WIRE_ERROR_ID] = { id, (ULONG)(wcslen(id) * sizeof(WCHAR)) },
        [WIRE_ERROR_MESSAGE] = { buffer, 0 },
    };
    struct record *record;

    IRQL_AT_MOST(APC_LEVEL);
    text_start(&text, buffer, COUNT(buffer));
    text_append_string(&text, message);
    text_append_string(&text, L" (");
    text_append_hex(&text, (ULONG)status, true);
    text_append_string(&text, L")");
    extensions[WIRE_ERROR_MESSAGE].size = text.length * sizeof(WCHAR);
    record = record_create(WIRE_KERNEL_ERROR, extensions);
    if (record)
        record_submit(record, 0);
}
